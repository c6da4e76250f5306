//! What `portwho doctor` finds: a suspicion, measured, and how bad it is.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use super::{Endpoint, Pid, PortRange, TcpState, Uid};

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It fails now, or soon.
    Critical,
    /// It will fail if it goes on.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What can be found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// A process does not close what its peers have closed.
    CloseWaitLeak,
    /// Both ends of a half-closed connection are on this machine.
    HalfClosedPair,
    /// TIME_WAIT uses up what there is.
    TimeWaitPressure,
    /// A process waits for the answers of many addresses.
    SynSentFanOut,
    /// A port has many handshakes that do not come to an end.
    SynFlood,
    /// Connections are not accepted.
    AcceptQueueFull,
    /// Nobody acknowledges that we have closed.
    UnacknowledgedClose,
    /// A process has hardly any descriptors left.
    DescriptorsNearlyUsed,
}

impl FindingKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CloseWaitLeak,
        Self::HalfClosedPair,
        Self::TimeWaitPressure,
        Self::SynSentFanOut,
        Self::SynFlood,
        Self::AcceptQueueFull,
        Self::UnacknowledgedClose,
        Self::DescriptorsNearlyUsed,
    ];

    /// The fixed word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CloseWaitLeak => "close-wait-leak",
            Self::HalfClosedPair => "half-closed-pair",
            Self::TimeWaitPressure => "time-wait-pressure",
            Self::SynSentFanOut => "syn-sent-fan-out",
            Self::SynFlood => "syn-flood",
            Self::AcceptQueueFull => "accept-queue-full",
            Self::UnacknowledgedClose => "unacknowledged-close",
            Self::DescriptorsNearlyUsed => "descriptors-nearly-used",
        }
    }
}

/// Who is to blame.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Culprit {
    /// These, which share the sockets; a parent comes before its children.
    Processes(Box<[Pid]>),
    /// Somebody of this user who may not be looked at.
    Hidden(Option<Uid>),
    /// Somebody who was not found.
    Unknown,
    /// Nobody here.
    Nobody,
}

impl Culprit {
    /// The first of the processes.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::Processes(pids) => pids.first().copied(),
            _ => None,
        }
    }
}

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

/// What a suspicion rests on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Evidence {
    /// See [`FindingKind::CloseWaitLeak`].
    CloseWaitLeak {
        /// What they have in common.
        place: LeakPlace,
        /// The age of the oldest, in milliseconds.
        oldest_ms: Option<u32>,
        /// How many are old.
        old: usize,
        /// How many there are of each cause; none where queues are not told.
        causes: BTreeMap<Cause, usize>,
        /// How many were never accepted.
        not_accepted: usize,
        /// How many descriptors the process has open.
        descriptors: Option<u64>,
        /// How many it may have.
        descriptor_limit: Option<u64>,
    },
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
            Self::CloseWaitLeak { .. } => FindingKind::CloseWaitLeak,
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
    fn is_of_same(&self, other: &Self) -> bool {
        let same_limit = |one: &TimeWaitLimit, other: &TimeWaitLimit| match (one, other) {
            (
                TimeWaitLimit::EphemeralPorts { local: a, foreign: b, .. },
                TimeWaitLimit::EphemeralPorts { local: c, foreign: d, .. },
            ) => (a, b) == (c, d),
            (one, other) => one == other,
        };
        match (self, other) {
            (Self::CloseWaitLeak { place: a, .. }, Self::CloseWaitLeak { place: b, .. }) => a == b,
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

/// Something measured, whether it is too much or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// Who is behind it.
    pub culprit: Culprit,
    /// What the threshold counts.
    pub count: usize,
    /// What else was seen.
    pub evidence: Evidence,
}

impl Suspicion {
    /// Whether both are the same thing, at two moments.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.culprit == other.culprit && self.evidence.is_of_same(&other.evidence)
    }
}

/// How a suspicion grew between two looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// How many there were at the first look.
    pub before: usize,
    /// How many descriptors the process had open then.
    pub descriptors_before: Option<u64>,
    /// The time between the looks.
    pub over: Duration,
}

/// Something measured that is too much.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was measured.
    pub suspicion: Suspicion,
    /// How it grows, where it was looked at twice.
    pub growth: Option<Growth>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_receive_queue_tells_the_bugs_apart() {
        let words = [0, 1, 2, 70_000].map(|bytes| Cause::of_queue(bytes).word());
        assert_eq!(words, ["not-closed", "end-not-read", "data-unread", "data-unread"]);
    }

    #[test]
    fn the_worst_comes_first() {
        assert!(Severity::Critical < Severity::Warning && Severity::Warning < Severity::Note);
    }
}
