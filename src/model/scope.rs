//! What the system is asked for: a coarse description it can evaluate itself.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use super::{Family, Socket, StateSet};

/// A range of ports, its first and last included.
pub type PortRange = RangeInclusive<u16>;

/// Which UDP sockets are asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UdpScope {
    /// None.
    None,
    /// Only those that are not connected.
    Unconnected,
    /// All.
    All,
}

/// Which address families are asked for, as they are shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Families {
    /// IPv4, IPv4 connections on IPv6 sockets included.
    pub v4: bool,
    /// IPv6.
    pub v6: bool,
}

impl Families {
    /// Both families.
    pub const BOTH: Self = Self { v4: true, v6: true };

    /// Whether a bind of one of these families may meet `socket`. One to `[::]` is dual-stack, and so
    /// may be what holds it.
    #[must_use]
    pub fn meet(self, socket: &Socket) -> bool {
        match socket.family() {
            Family::V4 => true,
            Family::V6 => self.v6 || socket.holds_ipv4(),
        }
    }

    /// The only one, where there is only one.
    #[must_use]
    pub const fn only(self) -> Option<Family> {
        match self {
            Self { v4: true, v6: false } => Some(Family::V4),
            Self { v4: false, v6: true } => Some(Family::V6),
            _ => None,
        }
    }
}

/// How much is wanted to know of each socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Detail {
    /// What the tables show.
    Brief,
    /// Also how long it has been idle and what else TCP knows of it, which makes the kernel's answer four times as long.
    Idle,
    /// Also how much it has dropped.
    Drops,
}

/// How much is wanted to know of processes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum About {
    /// What the table of processes shows.
    Table,
    /// Also its user, its program and when it was started; and the users of all sockets by name.
    Identity,
    /// Also its command line.
    Everything,
}

/// What must be known of sockets and processes to answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Depth {
    /// Of each socket.
    pub detail: Detail,
    /// Of each process.
    pub about: About,
}

impl Depth {
    /// What every answer includes.
    pub const LEAST: Self = Self { detail: Detail::Brief, about: About::Table };

    /// What covers both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { detail: self.detail.max(other.detail), about: self.about.max(other.about) }
    }
}

/// How far other network namespaces are searched. What one user can multiply is limited in all of
/// them, and what is missing is a gap.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// For a hint: a few of each user's.
    Hint,
    /// Those that a process lives in, or that have a name.
    Processes,
    /// Also those that only a socket keeps alive, found by the descriptors of all processes.
    Descriptors,
}

/// What a listing needs of the system.
///
/// A system may answer with more than was asked for, never with less: the query decides in the
/// end, and in one place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scope {
    /// The TCP states; none to leave TCP out.
    pub tcp: StateSet,
    /// The UDP sockets.
    pub udp: UdpScope,
    /// The address families.
    pub families: Families,
    /// Only these local ports; none for every port.
    pub local_ports: Option<Vec<PortRange>>,
    /// The local addresses that the question names; none where it names none. Sockets at others are
    /// asked for too: they may cover these.
    pub local_addresses: Vec<IpAddr>,
    /// Only these foreign ports; none for every port.
    pub foreign_ports: Option<Vec<PortRange>>,
    /// How much is wanted to know.
    pub detail: Detail,
}

impl Scope {
    /// Every socket of the machine.
    #[must_use]
    pub const fn everything() -> Self {
        Self {
            tcp: StateSet::ALL,
            udp: UdpScope::All,
            families: Families::BOTH,
            local_ports: None,
            local_addresses: Vec::new(),
            foreign_ports: None,
            detail: Detail::Brief,
        }
    }

    /// Whether it leaves no socket out.
    #[must_use]
    pub fn is_everything(&self) -> bool {
        *self == Self { detail: self.detail, ..Self::everything() }
    }
}
