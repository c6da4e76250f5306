//! Nobody holds the port: is it free, or why would a bind fail?

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::attempt::Attempt;
use crate::model::{
    Detail, Endpoint, Families, Gap, PortRules, Protocol, Socket, StateSet, TcpState,
};
use crate::platform::{SocketTable, System};
use crate::query::{Filter, LocalSet, Protocols, Rows};
use crate::text::ports;
use crate::text::ports::remains::Remains;
use crate::text::ports::vacancy::{self as text, Addition, Obstacle, State};

/// More ports than these are told of together.
pub(super) const PORTS_TOLD: usize = 16;

/// A port that was asked about, at every address or at one.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Spot {
    port: u16,
    address: Option<IpAddr>,
    /// The interface, where one was named.
    interface: Option<u32>,
    /// The protocol, where one was named with the port.
    protocol: Option<Protocol>,
}

impl Spot {
    /// The spots of what was asked for, and how many there are. More than [`PORTS_TOLD`] are
    /// not listed.
    pub(super) fn all(local: &LocalSet) -> (Vec<Self>, usize) {
        let anywhere =
            local.anywhere().map(|(range, protocol)| (range.clone(), None, None, protocol));
        let places = local.places.iter().map(|place| {
            (place.ports.clone(), Some(place.address), place.interface, place.protocol)
        });
        let spots = anywhere.chain(places).flat_map(|(ports, address, interface, protocol)| {
            ports.map(move |port| Self { port, address, interface, protocol })
        });
        let count = spots.clone().count();
        (spots.take(PORTS_TOLD).collect(), count)
    }

    /// The protocols in question, of those that were asked for as a whole.
    pub(super) fn protocols(self, asked: Protocols) -> Protocols {
        let only =
            |protocol| Protocols { tcp: protocol == Protocol::Tcp, udp: protocol == Protocol::Udp };
        self.protocol.map_or(asked, only)
    }

    pub(super) fn words(self) -> String {
        ports::spot(self.port, self.address)
    }

    /// Where servers bind, of `families`.
    pub(super) fn ends(self, families: Families) -> Vec<Endpoint> {
        let customary = [
            IpAddr::V4(Ipv4Addr::LOCALHOST),
            IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        ];
        let addresses = self.address.map_or_else(|| customary.to_vec(), |address| vec![address]);
        let asked = |address: &IpAddr| if address.is_ipv4() { families.v4 } else { families.v6 };
        let addresses = addresses.into_iter().filter(asked);
        addresses.map(|address| Endpoint::new(address, self.port)).collect()
    }

    /// The interface that was named with the address.
    pub(super) const fn interface(self) -> Option<u32> {
        self.interface
    }

    /// Whether the address is this machine's for sure: every one, or the loopback interface's.
    fn is_ours(self) -> bool {
        self.address.is_none_or(|address| address.is_ipv4() && address.is_loopback())
    }

    /// Whether one address was named, which may not even be this machine's.
    pub(super) const fn is_at_address(self) -> bool {
        self.address.is_some()
    }

    /// Whether a socket stands in the way of one that would be bound here.
    fn is_hindered_by(self, socket: &Socket) -> bool {
        let mine = |address| Socket::at(socket.protocol, Endpoint::new(address, self.port));
        let conflicts = |address| socket.conflicts_with(&mine(address));
        socket.local.port == self.port && self.address.is_none_or(conflicts)
    }
}

/// What was found about the ports that were asked for.
pub(super) struct Vacancy<'a, S: System> {
    system: &'a S,
    local: &'a LocalSet,
    protocols: Protocols,
    /// Every socket on those ports, at every address.
    there: Vec<Socket>,
    /// Whether sockets may hold them that cannot be seen.
    blind: bool,
    /// Where a bind was tried, and why it failed.
    tried: BTreeMap<Spot, Option<String>>,
}

impl<'a, S: System> Vacancy<'a, S> {
    /// What is known when `rows` are all that was found by `filter`; none where the rest cannot
    /// be seen.
    pub(super) fn of(
        local: &'a LocalSet,
        rows: &Rows<'_>,
        attempts: &[Attempt],
        system: &'a S,
    ) -> Option<Self> {
        let is_all = rows.filter.is_by_local_end_alone() && local.places.is_empty();
        let table = if is_all {
            // What is in another network namespace hinders nobody here.
            let here = rows.rows.iter().filter(|row| row.socket.netns.is_none());
            let sockets = here.map(|row| row.socket.clone()).collect();
            SocketTable { sockets, gaps: rows.snapshot.gaps.clone() }
        } else {
            let ports = LocalSet { ports: local.all_ports(), ..LocalSet::default() };
            let everything = Filter { local: Some(ports), ..Filter::everything() };
            let mut table = system.sockets(&everything.scope(Detail::Brief)).ok()?;
            table.sockets.retain(|socket| everything.admits_socket(socket));
            table
        };
        let protocols = rows.filter.protocols;
        let blind =
            table.gaps.iter().any(|gap| (protocols.tcp && hides_bound(gap)) || gap.may_hide_rows());
        let mut tried = BTreeMap::new();
        for attempt in attempts {
            let known = tried.entry(attempt.spot).or_insert(None);
            *known = known.take().or(attempt.refusal.clone());
        }
        Some(Self { system, local, protocols, there: table.sockets, blind, tried })
    }

    /// A line for each port that nobody holds.
    pub(super) fn verdicts(&self) -> Vec<String> {
        let (spots, count) = Spot::all(self.local);
        let rules = self.system.port_rules(first(self.protocols));
        if count > spots.len() {
            let is_any_held = self.there.iter().any(Socket::holds_port);
            return if is_any_held { Vec::new() } else { vec![self.of_many(&rules)] };
        }
        let is_held = |spot: Spot| self.hindering(spot).any(Socket::holds_port);
        let free = spots.into_iter().filter(|spot| !is_held(*spot));
        free.map(|spot| self.verdict(spot, &rules)).collect()
    }

    /// More ports than are told of one by one, of which nothing holds any.
    fn of_many(&self, rules: &PortRules) -> String {
        let ports = self.local.all_ports();
        let lowest = ports.ranges().iter().map(|range| *range.start()).min();
        let first_unprivileged =
            rules.privileged_below.filter(|&first| lowest.is_some_and(|port| port < first));
        text::of_many(self.local, !self.blind, first_unprivileged)
    }

    /// The sockets of the protocols in question that a bind would meet.
    fn hindering(&self, spot: Spot) -> impl Iterator<Item = &Socket> + Clone {
        let protocols = spot.protocols(self.protocols);
        self.there.iter().filter(move |socket| {
            protocols.contains(socket.protocol) && spot.is_hindered_by(socket)
        })
    }

    fn verdict(&self, spot: Spot, rules: &PortRules) -> String {
        let connections = self.hindering(spot).filter(|socket| is_alive(socket)).count();
        let is_met = self.hindering(spot).next().is_some();
        let protocols = spot.protocols(self.protocols);
        let only = match (protocols.tcp, protocols.udp) {
            (true, false) => Some(Protocol::Tcp),
            (false, true) => Some(Protocol::Udp),
            _ => None,
        };
        text::verdict(&text::Vacancy {
            spot: spot.words(),
            only,
            state: self.state(spot, is_met, rules),
            remains: Remains::of(self.hindering(spot), self.system.capabilities()),
            addition: match (is_met, connections) {
                (true, 0) => Addition::None,
                (true, count) => Addition::Connections(count),
                (false, _) => addition(spot.port, rules),
            },
        })
    }

    /// How sure it is that a port is free, which a bind would meet sockets on or not.
    fn state(&self, spot: Spot, is_met: bool, rules: &PortRules) -> State {
        let mut obstacles = obstacles(spot, first(spot.protocols(self.protocols)), rules);
        let refusal = self.tried.get(&spot).and_then(Option::as_ref);
        obstacles.extend(
            refusal.filter(|_| obstacles.is_empty()).map(|why| Obstacle::Refused(why.clone())),
        );
        match (obstacles.is_empty(), self.blind) {
            (false, _) => State::BindFails(obstacles),
            (true, true) => State::NotSeen,
            (true, false) if is_met || !(spot.is_ours() || self.tried.contains_key(&spot)) => {
                State::NotInUse
            }
            (true, false) => State::Free,
        }
    }
}

const fn first(protocols: Protocols) -> Protocol {
    if protocols.tcp { Protocol::Tcp } else { Protocol::Udp }
}

/// Whether sockets may be missing that are bound without listening.
pub(super) const fn hides_bound(gap: &Gap) -> bool {
    gap.is_about_bound()
        || matches!(gap, Gap::NetlinkRefused { .. } | Gap::DescriptorsUnexamined { .. })
}

/// Whether a socket that is bound without listening could change the answer: such sockets were
/// asked for by their state, or a port of which nobody was found who holds it for TCP.
pub(super) fn may_be_bound(filter: &Filter, rows: &Rows<'_>) -> bool {
    // Nobody can name the states that have no name: these are all but some.
    let is_named = !filter.states.contains(TcpState::Unknown(0));
    let is_unheld = |local| !are_held(local, rows);
    filter.asks_for(Protocol::Tcp)
        && ((is_named && filter.states.contains(TcpState::Bound))
            || filter.local.as_ref().is_some_and(is_unheld))
}

/// Whether a TCP socket of this network namespace holds each of the ports; any of them where there
/// are many.
fn are_held(local: &LocalSet, rows: &Rows<'_>) -> bool {
    let (spots, count) = Spot::all(local);
    let mut holders = rows
        .snapshot
        .sockets
        .iter()
        .map(|row| &row.socket)
        .filter(|socket| socket.netns.is_none())
        .filter(|socket| socket.protocol == Protocol::Tcp && socket.holds_port());
    if count > spots.len() {
        return holders.next().is_some();
    }
    spots.into_iter().all(|spot| holders.clone().any(|socket| spot.is_hindered_by(socket)))
}

/// Whether a connection is none of those that are being torn down.
fn is_alive(socket: &Socket) -> bool {
    let torn_down = |state| StateSet::TEARDOWN.contains(state);
    socket.foreign.is_some() && !socket.state.is_some_and(torn_down)
}

/// What is worth knowing of a port that nothing holds, and no reason for a bind to fail. What is
/// excluded is never assigned.
fn addition(port: u16, rules: &PortRules) -> Addition {
    if rules.excluded.iter().any(|range| range.contains(&port)) {
        return Addition::None;
    }
    if rules.reserved.iter().any(|range| range.contains(&port)) {
        return Addition::Reserved;
    }
    match rules.ephemeral.as_ref().filter(|range| range.contains(&port)) {
        Some(range) => Addition::Ephemeral(range.clone()),
        None => Addition::None,
    }
}

/// Why this process may not bind a port that nothing holds.
fn obstacles(spot: Spot, protocol: Protocol, rules: &PortRules) -> Vec<Obstacle> {
    let port = spot.port;
    let privileged = rules.privileged_below.filter(|&first| port < first);
    // The list is that of IPv4.
    let is_v6 = spot.address.is_some_and(|address| address.is_ipv6());
    let excluded = rules.excluded.iter().find(|range| range.contains(&port)).filter(|_| !is_v6);
    let excluded = excluded.map(|range| Obstacle::Excluded(range.clone(), protocol));
    privileged.map(Obstacle::Privileged).into_iter().chain(excluded).collect()
}
