//! What a suspicion rests on.

use std::collections::BTreeMap;
use std::net::IpAddr;

use super::{Culprit, Endpoint, FindingKind, PortRange, TcpState};

/// Why a CLOSE_WAIT is not closed, as far as its receive queue tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Cause {
    /// Everything was read, the end too, and close() was never called.
    NotClosed,
    /// The end has not been read: a thread that is stuck, or a socket nobody looks at.
    EndNotRead,
    /// Data is waiting, and nobody reads it.
    DataUnread,
}

impl Cause {
    /// The cause behind a receive queue of so many bytes: in CLOSE_WAIT the kernel counts the FIN
    /// as one until it is read.
    #[must_use]
    pub const fn of_queue(bytes: u32) -> Self {
        match bytes {
            0 => Self::NotClosed,
            1 => Self::EndNotRead,
            _ => Self::DataUnread,
        }
    }

    /// The fixed word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::NotClosed => "not-closed",
            Self::EndNotRead => "end-not-read",
            Self::DataUnread => "data-unread",
        }
    }
}

/// What the connections of a leak have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum LeakPlace {
    /// A server's: the local port.
    Port(u16),
    /// A client's, each on a port of its own: where they went.
    Foreign(Endpoint),
}

/// What TIME_WAIT comes up against.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum TimeWaitLimit {
    /// `tcp_max_tw_buckets`.
    Buckets,
    /// The ephemeral ports, each of which can be used once between an address here and a
    /// destination.
    EphemeralPorts {
        /// The address here.
        local: IpAddr,
        /// The destination.
        foreign: Endpoint,
        /// The ports.
        range: PortRange,
        /// How many of them are in use there, in any state.
        in_use: usize,
    },
}

/// Connections that are closed by their peers and not by their process.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Leak {
    /// What they have in common.
    pub place: LeakPlace,
    /// The age of the oldest, in milliseconds.
    pub oldest_ms: Option<u32>,
    /// How many are old.
    pub old: usize,
    /// How many there are of each cause; none where queues are not told.
    pub causes: BTreeMap<Cause, usize>,
    /// How many were never accepted.
    pub not_accepted: usize,
    /// How many descriptors the process has open.
    pub descriptors: Option<u64>,
    /// How many it may have.
    pub descriptor_limit: Option<u64>,
}

impl Leak {
    /// The commonest cause; of equal ones the first.
    #[must_use]
    pub fn cause(&self) -> Option<Cause> {
        let rising = self.causes.iter().rev();
        rising.max_by_key(|(_, count)| **count).map(|(cause, _)| *cause)
    }
}

/// What a suspicion rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// See [`FindingKind::CloseWaitLeak`].
    CloseWaitLeak(Leak),
    /// See [`FindingKind::HalfClosedPair`].
    HalfClosedPair {
        /// What they have in common, seen from the side that has not closed.
        place: LeakPlace,
        /// Who waits in FIN_WAIT_2.
        waiting: Culprit,
    },
    /// See [`FindingKind::TimeWaitPressure`].
    TimeWaitPressure {
        /// What is used up.
        limit: TimeWaitLimit,
        /// How many there are of it.
        of: u64,
    },
    /// See [`FindingKind::SynSentFanOut`].
    SynSentFanOut {
        /// How many sockets.
        sockets: usize,
        /// How many to each foreign port.
        ports: BTreeMap<u16, usize>,
    },
    /// See [`FindingKind::SynFlood`].
    SynFlood {
        /// The local port.
        port: u16,
        /// From how many addresses.
        addresses: usize,
    },
    /// See [`FindingKind::AcceptQueueFull`].
    AcceptQueueFull {
        /// Where it listens.
        local: Endpoint,
        /// How many may wait.
        backlog: u32,
    },
    /// See [`FindingKind::UnacknowledgedClose`].
    UnacknowledgedClose {
        /// How many in each state.
        states: BTreeMap<TcpState, usize>,
        /// How many to each peer.
        peers: BTreeMap<IpAddr, usize>,
        /// The most retransmissions of one of them.
        most_retransmits: u8,
    },
    /// See [`FindingKind::DescriptorsNearlyUsed`].
    DescriptorsNearlyUsed {
        /// How many there may be.
        limit: u64,
        /// How many of them are sockets that are in the tables.
        sockets: usize,
    },
}

impl Evidence {
    /// What it is evidence of.
    #[must_use]
    pub const fn kind(&self) -> FindingKind {
        match self {
            Self::CloseWaitLeak(_) => FindingKind::CloseWaitLeak,
            Self::HalfClosedPair { .. } => FindingKind::HalfClosedPair,
            Self::TimeWaitPressure { .. } => FindingKind::TimeWaitPressure,
            Self::SynSentFanOut { .. } => FindingKind::SynSentFanOut,
            Self::SynFlood { .. } => FindingKind::SynFlood,
            Self::AcceptQueueFull { .. } => FindingKind::AcceptQueueFull,
            Self::UnacknowledgedClose { .. } => FindingKind::UnacknowledgedClose,
            Self::DescriptorsNearlyUsed { .. } => FindingKind::DescriptorsNearlyUsed,
        }
    }

    /// Whether both were measured of the same thing.
    pub(super) fn is_of_same(&self, other: &Self) -> bool {
        let same_limit = |one: &TimeWaitLimit, other: &TimeWaitLimit| match (one, other) {
            (
                TimeWaitLimit::EphemeralPorts { local: a, foreign: b, .. },
                TimeWaitLimit::EphemeralPorts { local: c, foreign: d, .. },
            ) => (a, b) == (c, d),
            (one, other) => one == other,
        };
        match (self, other) {
            (Self::CloseWaitLeak(a), Self::CloseWaitLeak(b)) => a.place == b.place,
            (
                Self::HalfClosedPair { place: a, waiting: b },
                Self::HalfClosedPair { place: c, waiting: d },
            ) => (a, b) == (c, d),
            (Self::TimeWaitPressure { limit: a, .. }, Self::TimeWaitPressure { limit: b, .. }) => {
                same_limit(a, b)
            }
            (Self::SynFlood { port: a, .. }, Self::SynFlood { port: b, .. }) => a == b,
            (Self::AcceptQueueFull { local: a, .. }, Self::AcceptQueueFull { local: b, .. }) => {
                a == b
            }
            _ => self.kind() == other.kind(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receive_queue_tells_the_bugs_apart() {
        let words = [0, 1, 2, 70_000].map(|bytes| Cause::of_queue(bytes).word());
        assert_eq!(words, ["not-closed", "end-not-read", "data-unread", "data-unread"]);
    }
}
