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
    /// More ports than these are told of together, and not one by one.
    pub const MOST: usize = 16;

    /// Each port of what was asked for; nothing where there are more than [`Self::MOST`].
    #[must_use]
    pub fn each(local: &LocalSet) -> Option<Vec<Self>> {
        let anywhere =
            local.anywhere().map(|(range, protocol)| (range.clone(), None, None, protocol));
        let places = local.places.iter().map(|place| {
            (place.ports.clone(), Some(place.address), place.interface, place.protocol)
        });
        let ports = anywhere.chain(places).flat_map(|(ports, address, interface, protocol)| {
            ports.map(move |port| Self { port, address, interface, protocol })
        });
        let ports: Vec<Self> = ports.take(Self::MOST + 1).collect();
        (ports.len() <= Self::MOST).then_some(ports)
    }

    /// The protocols in question, of those that were asked for with ports that name none.
    #[must_use]
    pub fn protocols(self, asked: Protocols) -> Protocols {
        let only =
            |protocol| Protocols { tcp: protocol == Protocol::Tcp, udp: protocol == Protocol::Udp };
        self.protocol.map_or(asked, only)
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
        let mine = |address| Socket::at(socket.protocol, Endpoint::new(address, self.port));
        let conflicts = |address| socket.conflicts_with(&mine(address));
        socket.local.port == self.port && self.address.is_none_or(conflicts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::query::{Place, PortSet};

    fn local(ports: PortSet) -> LocalSet {
        LocalSet { ports, ..LocalSet::default() }
    }

    #[test]
    fn sixteen_ports_are_told_of_one_by_one() {
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
            ("127.0.0.1", "127.0.0.1", true),
            ("127.0.0.1", "0.0.0.0", true),
            ("127.0.0.1", "::", true),
            ("0.0.0.0", "127.0.0.2", true),
            ("127.0.0.1", "127.0.0.2", false),
            ("::1", "0.0.0.0", false),
        ] {
            assert_eq!(asked(wanted).meets(&held(holder)), expected, "{wanted} {holder}");
        }
    }
}
