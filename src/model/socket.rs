//! A socket as the kernel reports it.

use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, SystemTime};

use super::{
    Endpoint, Family, KernelReason, Pid, Protocol, TcpInfo, TcpState, Timer, Uid, Untrusted,
};

/// Bytes waiting in a socket; for a listener its accept queue and its backlog, as in ss.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Queues {
    /// Bytes received and not yet read; for a listener, connections not yet accepted.
    pub receive: Option<u32>,
    /// Bytes sent and not yet acknowledged; for a listener, the backlog.
    pub send: Option<u32>,
}

/// The process that a socket table itself names, as on Windows.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TableOwner {
    /// The process that created the socket.
    pub pid: Pid,
    /// When it did, in 100 ns since 1601 (FILETIME); none where the system does not report it.
    pub created: Option<u64>,
}

/// From 1601 to 1970, in the 100 ns of a FILETIME.
const UNIX_EPOCH: u64 = 116_444_736_000_000_000;

/// A time in 100 ns since 1601, as Windows gives it.
#[must_use]
pub fn from_file_time(ticks: u64) -> Option<SystemTime> {
    let since = ticks.checked_sub(UNIX_EPOCH)?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_nanos(since.checked_mul(100)?))
}

/// A socket as the kernel reports it, without its owner.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Socket {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The near end.
    pub local: Endpoint,
    /// The far end; none for LISTENING, BOUND and unconnected UDP.
    pub foreign: Option<Endpoint>,
    /// Whether this is an IPv4 connection on an IPv6 socket (`::ffff:10.0.0.5`).
    pub mapped: bool,
    /// Whether an IPv6 socket does not accept IPv4 (IPV6_V6ONLY); none where that is unknown.
    pub v6_only: Option<bool>,
    /// The interface the socket is tied to, by its index.
    pub interface: Option<u32>,
    /// The TCP state; none for UDP.
    pub state: Option<TcpState>,
    /// The inode number in sockfs; 0 where no process can hold the socket. None on systems
    /// without inodes.
    pub inode: Option<u64>,
    /// The kernel's name for the socket, unique until reboot. None from /proc/net.
    pub cookie: Option<u64>,
    /// The user the socket belongs to, where the kernel still knows.
    pub uid: Option<Uid>,
    /// Bytes or connections waiting.
    pub queues: Queues,
    /// The running timer.
    pub timer: Option<Timer>,
    /// Milliseconds since data last went either way; only when asked for.
    pub idle_ms: Option<u32>,
    /// What TCP knows of the connection; only when asked for.
    pub tcp_info: Option<TcpInfo>,
    /// How many datagrams, or of a listener connections, it has dropped since it was created; only
    /// when asked for.
    pub drops: Option<u32>,
    /// The cgroup2 id of the creator's cgroup.
    pub cgroup: Option<u64>,
    /// The network namespace, by its inode number; none for that of portwho itself.
    pub netns: Option<u64>,
    /// The process that the table names; none on systems whose tables name none.
    pub table_owner: Option<TableOwner>,
    /// The service that created it, where its process hosts services and the system tells (Windows).
    pub service: Option<Untrusted>,
}

/// What distinguishes a socket from every other one, at any two moments.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SocketIdentity {
    /// The kernel's own name for it.
    Cookie(u64),
    /// Where the system has no such name: both ends, and the process that the table names.
    Ends(Protocol, Endpoint, Option<Endpoint>, Option<TableOwner>),
}

/// The loopback interface (`LOOPBACK_IFINDEX` of Linux' net/flow.h, Windows' Pseudo-Interface 1).
const LOOPBACK_INTERFACE: u32 = 1;

impl Socket {
    /// A socket of which only the local endpoint is known.
    #[must_use]
    pub const fn at(protocol: Protocol, local: Endpoint) -> Self {
        Self {
            protocol,
            local,
            foreign: None,
            mapped: false,
            v6_only: None,
            interface: None,
            state: None,
            inode: None,
            cookie: None,
            uid: None,
            queues: Queues { receive: None, send: None },
            timer: None,
            idle_ms: None,
            tcp_info: None,
            drops: None,
            cgroup: None,
            netns: None,
            table_owner: None,
            service: None,
        }
    }

    /// When it was created, where the system reports it.
    #[must_use]
    pub fn created(&self) -> Option<SystemTime> {
        from_file_time(self.table_owner?.created?)
    }

    /// What distinguishes it from every other socket.
    #[must_use]
    pub const fn identity(&self) -> SocketIdentity {
        match self.cookie {
            Some(cookie) => SocketIdentity::Cookie(cookie),
            None => SocketIdentity::Ends(self.protocol, self.local, self.foreign, self.table_owner),
        }
    }

    /// Whether both are the same socket, seen at two moments.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        let ends = |socket: &Self| (socket.protocol, socket.local, socket.interface, socket.netns);
        let names = |socket: &Self| (socket.cookie, socket.inode, socket.table_owner);
        ends(self) == ends(other) && names(self) == names(other)
    }

    /// Whether `later` is this very socket at a later moment, whatever has become of its state,
    /// its far end and its file. Without cookies everything that names it has to be the same.
    #[must_use]
    pub fn became(&self, later: &Self) -> bool {
        match (self.cookie, later.cookie) {
            (Some(cookie), Some(other)) => self.protocol == later.protocol && cookie == other,
            _ => self.is_same(later) && self.foreign == later.foreign,
        }
    }

    /// Whether `later` is this very socket at a later moment, and still holds its port, at the same
    /// end. The file and the cookie of a socket outlive what it is used for: connect(2) with
    /// AF_UNSPEC disconnects it, and it may be bound or connected elsewhere from then on.
    #[must_use]
    pub fn still_holds(&self, later: &Self) -> bool {
        let end = |socket: &Self| (socket.protocol, socket.local, socket.interface, socket.netns);
        // Inode numbers wrap, cookies do not; a table without cookies leaves only the former.
        let is_same = self.cookie.zip(later.cookie).is_none_or(|(own, other)| own == other);
        is_same
            && (self.inode, self.table_owner) == (later.inode, later.table_owner)
            && end(self) == end(later)
            && later.holds_port()
    }

    /// Whether `later` is this very socket at a later moment, between the same two ends and still
    /// what it was: a listener, or a connection.
    #[must_use]
    pub fn is_still(&self, later: &Self) -> bool {
        let ends = |socket: &Self| (socket.local, socket.foreign, socket.interface);
        self.became(later) && ends(self) == ends(later) && self.holds_port() == later.holds_port()
    }

    /// Whether a local end at `address` is also this socket's: the same address, or every one.
    /// An IPv6 wildcard takes IPv4 too, unless it was told not to.
    #[must_use]
    pub fn covers(&self, address: IpAddr) -> bool {
        match (self.local.address, address) {
            (own, other) if own == other => true,
            (IpAddr::V4(own), IpAddr::V4(_)) => own.is_unspecified(),
            (IpAddr::V6(own), IpAddr::V6(_)) => own.is_unspecified(),
            (IpAddr::V6(own), IpAddr::V4(_)) => own.is_unspecified() && self.v6_only != Some(true),
            (IpAddr::V4(_), IpAddr::V6(_)) => false,
        }
    }

    /// Whether two sockets that hold a port stand in each other's way: neither could be bound
    /// beside the other without SO_REUSEADDR or SO_REUSEPORT.
    #[must_use]
    pub fn conflicts_with(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.local.port == other.local.port
            && (self.covers(other.local.address) || other.covers(self.local.address))
    }

    /// The family the socket is shown in.
    #[must_use]
    pub const fn family(&self) -> Family {
        match self.local.address {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }

    /// Whether it can take a connection or a datagram: TCP LISTENING, unconnected UDP.
    #[must_use]
    pub fn is_listening(&self) -> bool {
        match self.protocol {
            Protocol::Tcp => self.state == Some(TcpState::Listening),
            Protocol::Udp => self.foreign.is_none(),
        }
    }

    /// Whether it listens where other machines reach it: not on loopback alone.
    #[must_use]
    pub fn is_exposed(&self) -> bool {
        self.is_listening() && !self.is_on_loopback()
    }

    /// Whether it is bound to a loopback address, or tied to the loopback interface.
    #[must_use]
    pub fn is_on_loopback(&self) -> bool {
        self.local.address.is_loopback() || self.interface == Some(LOOPBACK_INTERFACE)
    }

    /// Whether it holds its port against others: TCP LISTENING or BOUND, unconnected UDP.
    #[must_use]
    pub fn holds_port(&self) -> bool {
        match self.protocol {
            Protocol::Tcp => self.state.is_some_and(TcpState::holds_port),
            Protocol::Udp => self.foreign.is_none(),
        }
    }

    /// Whether a bind finds its port taken. To a bind, a UDP socket that is connected is as any other
    /// (`udp_lib_lport_inuse` in Linux' `net/ipv4/udp.c`).
    #[must_use]
    pub fn takes_port(&self) -> bool {
        self.protocol == Protocol::Udp || self.holds_port()
    }

    /// Whether it is an IPv6 socket at every address that holds its port for IPv4 too, as far as is
    /// known.
    #[must_use]
    pub fn holds_ipv4(&self) -> bool {
        self.family() == Family::V6
            && self.holds_port()
            && self.covers(Ipv4Addr::UNSPECIFIED.into())
    }

    /// Whether it is an IPv6 socket at every address that was told not to take IPv4.
    #[must_use]
    pub fn leaves_ipv4(&self) -> bool {
        let is_wildcard = self.family() == Family::V6 && self.local.address.is_unspecified();
        is_wildcard && self.holds_port() && self.v6_only == Some(true)
    }

    /// Whether another socket can be bound at the end that this one holds, if both set SO_REUSEADDR,
    /// which no table shows: beside everything but a listener (socket(7)).
    #[must_use]
    pub fn shares_port(&self) -> bool {
        self.protocol == Protocol::Udp || self.state == Some(TcpState::Bound)
    }

    /// Why no process can hold the socket, if that is so.
    ///
    /// Linux reports inode 0 for a socket that no file refers to, Windows PID 0. Which of the reasons it
    /// is follows from the state: a process that closes leaves ESTABLISHED and CLOSE_WAIT at
    /// once (RFC 9293 section 3.6), so those two without a file wait for accept(2).
    #[must_use]
    pub fn kernel_reason(&self) -> Option<KernelReason> {
        match (self.inode, self.table_owner) {
            (Some(0), _) | (None, Some(TableOwner { pid: Pid(0), .. })) => {}
            _ => return None,
        }
        Some(match self.state {
            Some(TcpState::TimeWait) => KernelReason::TimeWait,
            Some(TcpState::SynReceived) => KernelReason::SynReceived,
            Some(TcpState::Established | TcpState::CloseWait) => KernelReason::NotAccepted,
            _ => KernelReason::Orphaned,
        })
    }
}
