//! One port that was asked for, at every address or at one.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::{LocalSet, Protocols};
use crate::model::{Endpoint, Families, Protocol, Socket};

/// A port that was asked for, at every address or at one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct AskedPort {
    /// The port.
    pub port: u16,
    /// The address, where one was named.
    pub address: Option<IpAddr>,
    /// The interface, where one was named with the address.
    pub interface: Option<u32>,
    /// The protocol, where one was named with the port.
    pub protocol: Option<Protocol>,
}

impl AskedPort {
    /// More ports than these are reported together, and not one by one.
    pub const MOST: usize = 16;

    /// Each port of what was asked for; nothing where there are more than [`Self::MOST`].
    #[must_use]
    pub fn each(local: &LocalSet) -> Option<Vec<Self>> {
        let ports: Vec<Self> = Self::all(local).take(Self::MOST + 1).collect();
        (ports.len() <= Self::MOST).then_some(ports)
    }

    /// Every port of what was asked for.
    pub fn all(local: &LocalSet) -> impl Iterator<Item = Self> {
        let anywhere =
            local.anywhere().map(|(range, protocol)| (range.clone(), None, None, protocol));
        let places = local.places.iter().map(|place| {
            (place.ports.clone(), Some(place.address), place.interface, place.protocol)
        });
        anywhere.chain(places).flat_map(|(ports, address, interface, protocol)| {
            ports.map(move |port| Self { port, address, interface, protocol })
        })
    }

    /// The protocols in question, of those that were asked for with ports that name none.
    #[must_use]
    pub fn protocols(self, asked: Protocols) -> Protocols {
        self.protocol.map_or(asked, |protocol| Protocols {
            tcp: protocol == Protocol::Tcp,
            udp: protocol == Protocol::Udp,
        })
    }

    /// Where servers of `families` bind to have this port.
    #[must_use]
    pub fn customary_ends(self, families: Families) -> Vec<Endpoint> {
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

    /// Whether the address is this machine's for sure: every one, or the loopback interface's.
    #[must_use]
    pub fn is_local_for_sure(self) -> bool {
        self.address.is_none_or(|address| address.is_ipv4() && address.is_loopback())
    }

    /// Whether a bind here meets `socket`.
    #[must_use]
    pub fn meets(self, socket: &Socket) -> bool {
        self.way(socket).is_some()
    }

    /// How a bind here meets `socket`, if it does. One to `[::]` is dual-stack.
    ///
    /// That is what `inet_rcv_saddr_equal` of Linux (`net/ipv4/inet_connection_sock.c`) compares. Two
    /// sockets that are tied to different interfaces never meet, nor those of two protocols.
    #[must_use]
    pub fn way(self, socket: &Socket) -> Option<Way> {
        let is_apart = |mine| socket.interface.is_some_and(|other| other != mine);
        let is_other = self.protocol.is_some_and(|protocol| protocol != socket.protocol);
        if is_other || socket.local.port != self.port || self.interface.is_some_and(is_apart) {
            return None;
        }
        let Some(address) = self.address else { return Some(Way::Same) };
        let mine = Socket::at(socket.protocol, Endpoint::new(address, self.port));
        if socket.local.address == mine.local.address {
            Some(Way::Same)
        } else if socket.covers(mine.local.address) {
            Some(Way::Covers)
        } else {
            let is_within = mine.covers(socket.local.address) || is_dual(&mine, socket);
            is_within.then_some(Way::Within)
        }
    }
}

/// Whether `socket` is in the way of every IPv4 address because it is an IPv6 connection that may have
/// come from a dual-stack socket: it keeps that it is one, and has no IPv4 address to differ by.
fn is_dual(mine: &Socket, socket: &Socket) -> bool {
    mine.local.address == IpAddr::V4(Ipv4Addr::UNSPECIFIED)
        && socket.local.address.is_ipv6()
        && socket.foreign.is_some()
        && socket.v6_only != Some(true)
}

/// How a socket is in the way of a bind.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Way {
    /// At the same address, or where every address was asked for.
    Same,
    /// At every address, and so at the one that was asked for.
    Covers,
    /// At one of the addresses that were asked for.
    Within,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Place, PortSet};

    fn local(ports: PortSet) -> LocalSet {
        LocalSet { ports, ..LocalSet::default() }
    }

    #[test]
    fn sixteen_ports_are_reported_one_by_one() {
        let count = |first, last| {
            AskedPort::each(&local(PortSet::from_iter([first..=last]))).map(|ports| ports.len())
        };
        assert_eq!(count(101, 116), Some(16));
        assert_eq!(count(101, 117), None);
        assert_eq!(count(0, u16::MAX), None);
    }

    #[test]
    fn ports_at_an_address_follow_those_at_any() {
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let place = Place { address, interface: None, ports: 80..=80, protocol: None };
        let both = LocalSet { places: vec![place], ..local(PortSet::from_iter([81..=81])) };
        let port = |port, address| AskedPort { port, address, interface: None, protocol: None };
        assert_eq!(AskedPort::each(&both), Some(vec![port(81, None), port(80, Some(address))]));
    }

    #[test]
    fn a_protocol_of_the_port_is_the_only_one_in_question() {
        let both = LocalSet {
            udp_ports: PortSet::from_iter([53..=53]),
            ..local(PortSet::from_iter([80..=80]))
        };
        let asked = AskedPort::each(&both).unwrap();
        let tcp = Protocols { tcp: true, udp: false };
        let protocols: Vec<Protocols> = asked.iter().map(|port| port.protocols(tcp)).collect();
        assert_eq!(protocols, [tcp, Protocols { tcp: false, udp: true }]);
    }

    #[test]
    fn a_bind_meets_what_covers_its_address_and_what_it_would_cover() {
        let asked = |address: &str| AskedPort {
            port: 80,
            address: Some(address.parse().unwrap()),
            interface: None,
            protocol: None,
        };
        let held =
            |address: &str| Socket::at(Protocol::Tcp, Endpoint::new(address.parse().unwrap(), 80));
        for (wanted, holder, expected) in [
            ("127.0.0.1", "127.0.0.1", Some(Way::Same)),
            ("127.0.0.1", "0.0.0.0", Some(Way::Covers)),
            ("127.0.0.1", "::", Some(Way::Covers)),
            ("0.0.0.0", "127.0.0.2", Some(Way::Within)),
            ("::", "0.0.0.0", Some(Way::Within)),
            ("0.0.0.0", "::", Some(Way::Covers)),
            ("::", "127.0.0.2", Some(Way::Within)),
            ("::", "::1", Some(Way::Within)),
            ("127.0.0.1", "127.0.0.2", None),
            ("::1", "0.0.0.0", None),
            ("0.0.0.0", "::1", None),
        ] {
            assert_eq!(asked(wanted).way(&held(holder)), expected, "{wanted} {holder}");
        }
        let v6_only = Socket { v6_only: Some(true), ..held("::") };
        assert_eq!(asked("127.0.0.1").way(&v6_only), None);
        assert_eq!(asked("0.0.0.0").way(&v6_only), None);
        assert_eq!(asked("::").way(&v6_only), Some(Way::Same));
    }

    #[test]
    fn a_port_with_its_own_protocol_meets_no_other() {
        let asked =
            AskedPort { port: 53, address: None, interface: None, protocol: Some(Protocol::Udp) };
        let at = |protocol| Socket::at(protocol, Endpoint::new(Ipv4Addr::LOCALHOST.into(), 53));
        assert!(asked.meets(&at(Protocol::Udp)));
        assert!(!asked.meets(&at(Protocol::Tcp)));
    }

    #[test]
    fn sockets_of_different_interfaces_do_not_meet() {
        let asked = AskedPort {
            port: 80,
            address: "fe80::1".parse().ok(),
            interface: Some(2),
            protocol: None,
        };
        let at = |interface| Socket {
            interface,
            ..Socket::at(Protocol::Tcp, Endpoint::new("fe80::1".parse().unwrap(), 80))
        };
        for (interface, expected) in [(None, true), (Some(2), true), (Some(3), false)] {
            assert_eq!(asked.meets(&at(interface)), expected, "{interface:?}");
        }
    }
}
