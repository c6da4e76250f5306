//! The sockets that are shown where none holds the address that was asked for: those that would make
//! a bind there fail.

use std::collections::BTreeSet;

use super::{AskedPort, LocalSet, Place, Way};
use crate::model::{Protocol, Socket};

/// Which sockets are in the way that count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ways {
    /// Those that cover the address.
    Covering,
    /// Also those at one of the addresses that were asked for.
    Both,
}

/// The sockets in the way of addresses that no socket holds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct InTheWay {
    /// Which of them are shown; none where only the addresses themselves are.
    ways: Option<Ways>,
    /// The places, by their number, that a socket of the protocol holds on the port.
    held: BTreeSet<(usize, Protocol, u16)>,
}

impl InTheWay {
    /// None is shown.
    pub const NONE: Self = Self { ways: None, held: BTreeSet::new() };

    /// Those of `ways`, where none of `sockets` holds a place of `local`.
    #[must_use]
    pub fn of<'a>(local: &LocalSet, sockets: impl Iterator<Item = &'a Socket>, ways: Ways) -> Self {
        let holders = sockets.filter(|socket| socket.takes_port() && socket.netns.is_none());
        let held = holders.flat_map(|socket| {
            let places = local.places.iter().enumerate();
            let is_there = places.filter(|(_, place)| place.is_of(socket));
            is_there.map(|(number, _)| (number, socket.protocol, socket.local.port))
        });
        Self { ways: Some(ways), held: held.collect() }
    }

    /// Whether a socket of TCP holds each place of `local` where one of TCP may be.
    #[must_use]
    pub fn are_all_held_by_tcp(&self, local: &LocalSet) -> bool {
        let mut places = local.places.iter().enumerate();
        places.all(|(number, place)| {
            let is_held = |port| self.held.contains(&(number, Protocol::Tcp, port));
            place.protocol == Some(Protocol::Udp) || place.ports.clone().all(is_held)
        })
    }

    /// Which places of `local` the socket is in the way of, and how.
    pub fn places<'a>(
        &'a self,
        local: &'a LocalSet,
        socket: &'a Socket,
    ) -> impl Iterator<Item = (&'a Place, Way)> {
        let ways = self.ways.filter(|_| socket.takes_port());
        let places = local.places.iter().enumerate();
        places.filter_map(move |(number, place)| {
            let (ways, port) = (ways?, socket.local.port);
            let asked = place.ask(port)?;
            let way = asked.way(socket)?;
            let (counts, way) = match way {
                // A socket of every interface has the address of the one that was asked for.
                Way::Same => (!place.is_of(socket), Way::Covers),
                Way::Covers => (true, way),
                Way::Within => (ways == Ways::Both, way),
            };
            let is_unheld = !self.held.contains(&(number, socket.protocol, port));
            (counts && is_unheld).then_some((place, way))
        })
    }
}

impl Place {
    /// The question for one of its ports.
    #[must_use]
    pub fn ask(&self, port: u16) -> Option<AskedPort> {
        let (address, interface, protocol) = (Some(self.address), self.interface, self.protocol);
        let asked = AskedPort { port, address, interface, protocol };
        self.ports.contains(&port).then_some(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, TcpState};

    fn listener(address: &str) -> Socket {
        let local = Endpoint::new(address.parse().unwrap(), 80);
        Socket { state: Some(TcpState::Listening), ..Socket::at(Protocol::Tcp, local) }
    }

    fn at(address: &str) -> LocalSet {
        let address = address.parse().unwrap();
        let place = Place { address, interface: None, ports: 79..=81, protocol: None };
        LocalSet { places: vec![place], ..LocalSet::default() }
    }

    #[test]
    fn where_a_place_is_held_nothing_else_is_shown() {
        let (local, wildcard) = (at("127.0.0.1"), listener("0.0.0.0"));
        let ways = |sockets: &[Socket]| {
            let shown = InTheWay::of(&local, sockets.iter(), Ways::Both);
            shown.places(&local, &wildcard).map(|(_, way)| way).collect::<Vec<_>>()
        };
        assert_eq!(ways(&[]), [Way::Covers]);
        assert_eq!(ways(std::slice::from_ref(&wildcard)), [Way::Covers]);
        assert_eq!(ways(&[listener("127.0.0.1")]), []);
        let of_udp = Socket { protocol: Protocol::Udp, state: None, ..listener("127.0.0.1") };
        assert_eq!(ways(&[of_udp]), [Way::Covers]);
    }

    #[test]
    fn all_places_are_held_when_each_port_is() {
        let local = at("127.0.0.1");
        let at_port = |port| {
            let listener = listener("127.0.0.1");
            Socket { local: Endpoint { port, ..listener.local }, ..listener }
        };
        let are_held = |sockets: &[Socket]| {
            InTheWay::of(&local, sockets.iter(), Ways::Both).are_all_held_by_tcp(&local)
        };
        let all: Vec<Socket> = (79..=81).map(at_port).collect();
        assert!(are_held(&all));
        assert!(!are_held(&all[1..]));
        let udp =
            |socket: &Socket| Socket { protocol: Protocol::Udp, state: None, ..socket.clone() };
        assert!(!are_held(&all.iter().map(udp).collect::<Vec<_>>()));
    }

    #[test]
    fn a_place_with_its_own_protocol_has_nothing_of_the_other_in_its_way() {
        let (mut local, tcp) = (at("127.0.0.1"), listener("0.0.0.0"));
        let udp = Socket { protocol: Protocol::Udp, state: None, ..tcp.clone() };
        local.places[0].protocol = Some(Protocol::Udp);
        let shown = InTheWay::of(&local, std::iter::empty(), Ways::Both);
        assert_eq!(shown.places(&local, &tcp).count(), 0);
        assert_eq!(shown.places(&local, &udp).count(), 1);
    }

    #[test]
    fn what_is_narrower_counts_in_both_ways_only() {
        let (local, narrow) = (at("0.0.0.0"), listener("127.0.0.2"));
        let count =
            |ways| InTheWay::of(&local, std::iter::empty(), ways).places(&local, &narrow).count();
        assert_eq!((count(Ways::Both), count(Ways::Covering)), (1, 0));
        assert_eq!(InTheWay::NONE.places(&local, &narrow).count(), 0);
    }
}
