//! What a row must be to be shown. Every comparison with what was asked for is made here.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::{InTheWay, LocalSet, NamePattern, Place, PortSet, UserTerm, Way};
use crate::model::{
    About, Detail, Endpoint, Families, Family, OwnedSocket, Pid, PortRange, Process, Protocol,
    Scope, Snapshot, Socket, StateSet, TcpState, UdpScope, Uid, Untrusted,
};

/// The protocols that were asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Protocols {
    /// TCP.
    pub tcp: bool,
    /// UDP.
    pub udp: bool,
}

impl Protocols {
    /// Both.
    pub const BOTH: Self = Self { tcp: true, udp: true };

    /// Each of them, TCP first.
    pub fn each(self) -> impl Iterator<Item = Protocol> {
        let tcp = self.tcp.then_some(Protocol::Tcp);
        let udp = self.udp.then_some(Protocol::Udp);
        tcp.into_iter().chain(udp)
    }

    /// Whether `protocol` was asked for.
    #[must_use]
    pub const fn contains(self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::Tcp => self.tcp,
            Protocol::Udp => self.udp,
        }
    }
}

/// Foreign endpoints that were asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignEnd {
    /// Their addresses; none for every one.
    pub networks: Vec<IpNet>,
    /// Their ports; none for every one.
    pub ports: Option<PortSet>,
}

impl ForeignEnd {
    fn contains(&self, end: Endpoint) -> bool {
        any_or_none(&self.networks, |network| network.contains(&end.address))
            && self.ports.as_ref().is_none_or(|ports| ports.contains(end.port))
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
    /// Only what can take a connection or a datagram from another machine.
    pub exposed: bool,
    /// The protocols, but for ports that were asked for with their own.
    pub protocols: Protocols,
    /// The address families.
    pub families: Families,
    /// Whether those of IPv4 include sockets of IPv6 that hold a port for IPv4 too.
    pub dual_stack: bool,
    /// Networks of the local address; none for every one.
    pub local_networks: Vec<IpNet>,
    /// The foreign end; none for every one.
    pub foreign_ends: Vec<ForeignEnd>,
    /// Owners by PID; none for every one.
    pub pids: Vec<Pid>,
    /// Owners by image name; none for every one.
    pub names: Vec<NamePattern>,
    /// Users of the socket or of its owner; none for every one.
    pub users: Vec<UserTerm>,
    /// Networks of either end; none for every one.
    pub either_networks: Vec<IpNet>,
    /// Exactly these sockets, as long as they are what they were when they were seen: the same ends, a
    /// listener or a connection still. None for every one.
    pub sockets: Vec<Socket>,
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
            exposed: false,
            protocols: Protocols::BOTH,
            families: Families::BOTH,
            dual_stack: true,
            local_networks: Vec::new(),
            foreign_ends: Vec::new(),
            pids: Vec::new(),
            names: Vec::new(),
            users: Vec::new(),
            either_networks: Vec::new(),
            sockets: Vec::new(),
        }
    }

    /// Whether nothing but the local end was asked for.
    #[must_use]
    pub const fn is_by_local_end_alone(&self) -> bool {
        let any_protocol = self.protocols.tcp && self.protocols.udp;
        self.is_by_bind_alone() && any_protocol && self.families.v4 && self.families.v6
    }

    /// Whether nothing was asked for but what a bind is about: local ends, protocols and families.
    #[must_use]
    pub const fn is_by_bind_alone(&self) -> bool {
        let any_role = !self.listening && !self.exposed;
        let any_state = StateSet::ALL.without(self.states).is_empty();
        let any_end = self.foreign_ports.is_none()
            && self.local_networks.is_empty()
            && self.foreign_ends.is_empty();
        let any_owner = self.pids.is_empty() && self.names.is_empty() && self.users.is_empty();
        any_role && any_state && any_end && any_owner
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
        Scope {
            tcp: self.tcp_states(),
            udp: match (self.asks_for(Protocol::Udp), self.listening) {
                (false, _) => UdpScope::None,
                (true, true) => UdpScope::Unconnected,
                (true, false) => UdpScope::All,
            },
            families: self.families_asked(),
            local_ports: self.local.as_ref().map(|local| local.all_ports().ranges().to_vec()),
            local_addresses: self.addresses_asked(),
            foreign_ports: self.all_foreign_ports(),
            detail,
        }
    }

    /// The addresses that were asked for; every address of a family, where it is the only one.
    #[must_use]
    pub fn addresses_asked(&self) -> Vec<IpAddr> {
        let everywhere = match self.families {
            Families { v4: true, v6: false } => Some(Ipv4Addr::UNSPECIFIED.into()),
            Families { v4: false, v6: true } => Some(Ipv6Addr::UNSPECIFIED.into()),
            _ => None,
        };
        let named = self.local.as_ref().map(LocalSet::addresses).unwrap_or_default();
        named.into_iter().chain(everywhere).collect()
    }

    /// The TCP states of what may pass: a socket without a foreign end passes no filter by it, and what can
    /// be reached from elsewhere listens.
    #[must_use]
    pub fn states_of_matches(&self) -> StateSet {
        const LISTENING: StateSet = StateSet::of(&[TcpState::Listening]);
        let is_by_foreign_end = self.foreign_ports.is_some() || !self.foreign_ends.is_empty();
        let without_end = StateSet::of(&[TcpState::Listening, TcpState::Bound]);
        let states = self.tcp_states();
        let states = if is_by_foreign_end { states.without(without_end) } else { states };
        if self.exposed { states.intersection(LISTENING) } else { states }
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

    /// Whether any socket of `protocol` may pass.
    #[must_use]
    pub fn asks_for(&self, protocol: Protocol) -> bool {
        let allowed = self.protocols.contains(protocol);
        match &self.local {
            None => allowed,
            Some(local) => (allowed && local.has_any_protocol()) || local.binds(protocol),
        }
    }

    /// The foreign ports outside which nothing passes; none where any port may.
    fn all_foreign_ports(&self) -> Option<Vec<PortRange>> {
        if let Some(ports) = &self.foreign_ports {
            return Some(ports.ranges().to_vec());
        }
        let ports: Option<Vec<&PortSet>> =
            self.foreign_ends.iter().map(|end| end.ports.as_ref()).collect();
        let ports = ports.filter(|ports| !ports.is_empty())?;
        let all: PortSet = ports.into_iter().flat_map(PortSet::ranges).cloned().collect();
        Some(all.ranges().to_vec())
    }

    fn tcp_states(&self) -> StateSet {
        match (self.asks_for(Protocol::Tcp), self.listening) {
            (false, _) => StateSet::NONE,
            (true, true) => self.states.intersection(StateSet::of(&[TcpState::Listening])),
            (true, false) => self.states,
        }
    }

    /// Whether a socket passes, as far as that can be said without its owner.
    #[must_use]
    pub fn admits_socket(&self, socket: &Socket) -> bool {
        self.admits_kind(socket)
            && self.admits_local(socket)
            && self.admits_foreign(socket)
            && any_or_none(&self.either_networks, |net| is_at_either_end(*net, socket))
            && any_or_none(&self.sockets, |seen| seen.is_still(socket))
    }

    fn admits_kind(&self, socket: &Socket) -> bool {
        let family = match socket.family() {
            Family::V4 => self.families.v4,
            Family::V6 => self.families.v6 || (self.takes_dual_stack() && socket.holds_ipv4()),
        };
        let state = socket.state.is_none_or(|state| self.states.contains(state));
        family
            && state
            && (!self.listening || socket.is_listening())
            && (!self.exposed || socket.is_exposed())
    }

    fn admits_local(&self, socket: &Socket) -> bool {
        let protocol = self.protocols.contains(socket.protocol);
        let is_there = self.local.as_ref().map_or(protocol, |local| {
            local.contains(socket, protocol) || self.in_the_way_of(socket).next().is_some()
        });
        is_there && any_or_none(&self.local_networks, |net| net.contains(&socket.local.address))
    }

    /// Which places the socket is in the way of that no socket holds, and how.
    pub fn in_the_way_of<'a>(
        &'a self,
        socket: &'a Socket,
    ) -> impl Iterator<Item = (&'a Place, Way)> {
        let allowed = self.protocols.contains(socket.protocol);
        let places = self.local.iter().flat_map(|local| self.in_the_way.places(local, socket));
        places.filter(move |(place, _)| allowed || place.protocol.is_some())
    }

    fn admits_foreign(&self, socket: &Socket) -> bool {
        let foreign = socket.foreign.as_ref();
        let port = self
            .foreign_ports
            .as_ref()
            .is_none_or(|ports| foreign.is_some_and(|foreign| ports.contains(foreign.port)));
        let end = any_or_none(&self.foreign_ends, |asked| {
            foreign.is_some_and(|foreign| asked.contains(*foreign))
        });
        port && end
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
        let socket_user = row.socket.uid.map(|uid| snapshot.user_name(uid));
        self.users.iter().any(|user| {
            is_user(user, row.socket.uid, socket_user.as_ref())
                || owner.is_some_and(|owner| is_user(user, owner.uid, owner.user.as_ref()))
        })
    }
}

fn is_at_either_end(network: IpNet, socket: &Socket) -> bool {
    let ends = [Some(socket.local), socket.foreign];
    ends.into_iter().flatten().any(|end| network.contains(&end.address))
}

fn is_user(user: &UserTerm, uid: Option<Uid>, name: Option<&Untrusted>) -> bool {
    uid.is_some_and(|uid| user.is_number(uid)) || name.is_some_and(|name| user.is_name(name))
}

/// An empty filter matches everything.
fn any_or_none<T>(terms: &[T], matches: impl Fn(&T) -> bool) -> bool {
    terms.is_empty() || terms.iter().any(matches)
}
