//! What a row must be to be shown. Every comparison with what was asked for is made here.

use std::net::IpAddr;

use ipnet::IpNet;

use super::{InTheWay, NamePattern, PortSet, UserTerm};
use crate::model::{
    About, Detail, Families, Family, OwnedSocket, Pid, PortRange, Process, Protocol, Scope,
    Snapshot, Socket, StateSet, TcpState, UdpScope, Uid, Untrusted,
};

/// An address with ports, as in `127.0.0.1:80`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The exact address.
    pub address: IpAddr,
    /// The interface, where one was given.
    pub interface: Option<u32>,
    /// The ports.
    pub ports: PortRange,
}

impl Place {
    /// Whether the socket's local end is there.
    #[must_use]
    pub fn is_of(&self, socket: &Socket) -> bool {
        socket.local.address == self.address
            && self.ports.contains(&socket.local.port)
            && (self.interface.is_none() || self.interface == socket.interface)
    }
}

/// The local ends that were asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalSet {
    /// Ports at any address.
    pub ports: PortSet,
    /// Ports at one address.
    pub places: Vec<Place>,
}

impl LocalSet {
    fn contains(&self, socket: &Socket) -> bool {
        self.ports.contains(socket.local.port)
            || self.places.iter().any(|place| place.is_of(socket))
    }

    /// Every port that is asked for at any address or at one.
    #[must_use]
    pub fn all_ports(&self) -> PortSet {
        let places = self.places.iter().map(|place| place.ports.clone());
        self.ports.ranges().iter().cloned().chain(places).collect()
    }
}

/// The protocols that were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protocols {
    /// TCP.
    pub tcp: bool,
    /// UDP.
    pub udp: bool,
}

impl Protocols {
    /// Each of them, TCP first.
    pub fn each(self) -> impl Iterator<Item = Protocol> {
        let tcp = self.tcp.then_some(Protocol::Tcp);
        let udp = self.udp.then_some(Protocol::Udp);
        tcp.into_iter().chain(udp)
    }
}

/// What a row must be to be shown: every part narrows, the values of a part widen.
#[derive(Clone, Debug)]
pub struct Filter {
    /// The local end; none for every one.
    pub local: Option<LocalSet>,
    /// The sockets that are shown where none holds an address that was asked for.
    pub in_the_way: InTheWay,
    /// The far port; none for every one.
    pub foreign_ports: Option<PortSet>,
    /// The TCP states.
    pub states: StateSet,
    /// Only what can take a connection or a datagram.
    pub listening: bool,
    /// The protocols.
    pub protocols: Protocols,
    /// The address families.
    pub families: Families,
    /// Whether those of IPv4 include sockets of IPv6 that hold a port for IPv4 too.
    pub dual_stack: bool,
    /// Networks of the local address; none for every one.
    pub local_networks: Vec<IpNet>,
    /// Networks of the foreign address; none for every one.
    pub foreign_networks: Vec<IpNet>,
    /// Owners by PID; none for every one.
    pub pids: Vec<Pid>,
    /// Owners by image name; none for every one.
    pub names: Vec<NamePattern>,
    /// Users of the socket or of its owner; none for every one.
    pub users: Vec<UserTerm>,
}

impl Filter {
    /// A filter that every row passes.
    #[must_use]
    pub const fn everything() -> Self {
        Self {
            local: None,
            in_the_way: InTheWay::NONE,
            foreign_ports: None,
            states: StateSet::ALL,
            listening: false,
            protocols: Protocols { tcp: true, udp: true },
            families: Families::BOTH,
            dual_stack: true,
            local_networks: Vec::new(),
            foreign_networks: Vec::new(),
            pids: Vec::new(),
            names: Vec::new(),
            users: Vec::new(),
        }
    }

    /// Whether nothing but the local end was asked for.
    #[must_use]
    pub const fn is_by_local_end_alone(&self) -> bool {
        let any_kind = self.protocols.tcp && self.protocols.udp && !self.listening;
        let any_state = StateSet::ALL.without(self.states).is_empty();
        let any_end = self.foreign_ports.is_none()
            && self.local_networks.is_empty()
            && self.foreign_networks.is_empty();
        let any_owner = self.pids.is_empty() && self.names.is_empty() && self.users.is_empty();
        any_kind && any_state && any_end && any_owner && self.families.v4 && self.families.v6
    }

    /// How much has to be known of processes to tell whether they pass.
    #[must_use]
    pub const fn about(&self) -> About {
        if self.users.is_empty() { About::Table } else { About::Identity }
    }

    /// Whether owners were asked for.
    #[must_use]
    pub const fn is_by_owner(&self) -> bool {
        !(self.pids.is_empty() && self.names.is_empty() && self.users.is_empty())
    }

    /// What the system has to be asked for, so that nothing that passes is missing.
    #[must_use]
    pub fn scope(&self, detail: Detail) -> Scope {
        let ports = |set: &PortSet| set.ranges().to_vec();
        Scope {
            tcp: self.tcp_states(),
            udp: match (self.protocols.udp, self.listening) {
                (false, _) => UdpScope::None,
                (true, true) => UdpScope::Unconnected,
                (true, false) => UdpScope::All,
            },
            families: self.families_asked(),
            local_ports: self.local.as_ref().map(|local| ports(&local.all_ports())),
            foreign_ports: self.foreign_ports.as_ref().map(ports),
            detail,
        }
    }

    const fn takes_dual_stack(&self) -> bool {
        self.dual_stack && self.families.v4
    }

    /// A holder of `[::]` may hold the port for IPv4 too.
    fn families_asked(&self) -> Families {
        let holders = !self.tcp_states().intersection(StateSet::HOLDING).is_empty();
        let may_be_dual = self.takes_dual_stack() && (holders || self.protocols.udp);
        Families { v6: self.families.v6 || may_be_dual, ..self.families }
    }

    fn tcp_states(&self) -> StateSet {
        match (self.protocols.tcp, self.listening) {
            (false, _) => StateSet::NONE,
            (true, true) => self.states.intersection(StateSet::of(&[TcpState::Listening])),
            (true, false) => self.states,
        }
    }

    /// Whether a socket passes, as far as that can be said without its owner.
    #[must_use]
    pub fn admits_socket(&self, socket: &Socket) -> bool {
        self.admits_kind(socket) && self.admits_local(socket) && self.admits_foreign(socket)
    }

    fn admits_kind(&self, socket: &Socket) -> bool {
        let family = match socket.family() {
            Family::V4 => self.families.v4,
            Family::V6 => self.families.v6 || (self.takes_dual_stack() && socket.holds_ipv4()),
        };
        let protocol = match socket.protocol {
            Protocol::Tcp => self.protocols.tcp,
            Protocol::Udp => self.protocols.udp,
        };
        let state = socket.state.is_none_or(|state| self.states.contains(state));
        family && protocol && state && (!self.listening || socket.is_listening())
    }

    fn admits_local(&self, socket: &Socket) -> bool {
        let is_there = |local: &LocalSet| {
            local.contains(socket) || self.in_the_way.places(local, socket).next().is_some()
        };
        self.local.as_ref().is_none_or(is_there)
            && any_or_none(&self.local_networks, |net| net.contains(&socket.local.address))
    }

    fn admits_foreign(&self, socket: &Socket) -> bool {
        let foreign = socket.foreign.as_ref();
        let port = self
            .foreign_ports
            .as_ref()
            .is_none_or(|ports| foreign.is_some_and(|foreign| ports.contains(foreign.port)));
        let network = any_or_none(&self.foreign_networks, |net| {
            foreign.is_some_and(|foreign| net.contains(&foreign.address))
        });
        port && network
    }

    /// Whether a row of `snapshot` passes, its owner included.
    #[must_use]
    pub fn admits(&self, row: &OwnedSocket, snapshot: &Snapshot) -> bool {
        self.admits_socket(&row.socket) && self.admits_owner(row, snapshot)
    }

    fn admits_owner(&self, row: &OwnedSocket, snapshot: &Snapshot) -> bool {
        let by_process = !self.pids.is_empty() || !self.names.is_empty();
        (!by_process && self.admits_user(row, None, snapshot))
            || row.owner.pids().any(|pid| self.picks(row, pid, snapshot))
    }

    /// Whether `pid`, one of the row's owners, is itself among the owners asked for.
    #[must_use]
    pub fn picks(&self, row: &OwnedSocket, pid: Pid, snapshot: &Snapshot) -> bool {
        let process = snapshot.processes.get(&pid);
        any_or_none(&self.pids, |wanted| *wanted == pid)
            && any_or_none(&self.names, |name| process.is_some_and(|owner| name.matches(owner)))
            && self.admits_user(row, process, snapshot)
    }

    /// Whether the socket's user, or that of `owner`, was asked for.
    fn admits_user(&self, row: &OwnedSocket, owner: Option<&Process>, snapshot: &Snapshot) -> bool {
        if self.users.is_empty() {
            return true;
        }
        let is = |user: &UserTerm, uid: Option<Uid>, name: Option<&Untrusted>| {
            uid.is_some_and(|uid| user.is_number(uid))
                || name.is_some_and(|name| user.is_name(name))
        };
        let socket_user = row.socket.uid.map(|uid| snapshot.user_name(uid));
        self.users.iter().any(|user| {
            is(user, row.socket.uid, socket_user.as_ref())
                || owner.is_some_and(|owner| is(user, owner.uid, owner.user.as_ref()))
        })
    }
}

/// An empty filter matches everything.
fn any_or_none<T>(terms: &[T], matches: impl Fn(&T) -> bool) -> bool {
    terms.is_empty() || terms.iter().any(matches)
}
