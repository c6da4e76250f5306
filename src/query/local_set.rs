//! The local ends that were asked for.

use std::net::IpAddr;

use super::PortSet;
use crate::model::{PortRange, Protocol, Socket};

/// An address with ports, as in `127.0.0.1:80`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The exact address.
    pub address: IpAddr,
    /// The interface, where one was given.
    pub interface: Option<u32>,
    /// The ports.
    pub ports: PortRange,
    /// The protocol, where one was given: `127.0.0.1:53/udp`.
    pub protocol: Option<Protocol>,
}

impl Place {
    /// Whether the socket's local end is there.
    #[must_use]
    pub fn is_of(&self, socket: &Socket) -> bool {
        socket.local.address == self.address
            && self.ports.contains(&socket.local.port)
            && (self.interface.is_none() || self.interface == socket.interface)
            && self.may_be(socket.protocol)
    }

    fn may_be(&self, protocol: Protocol) -> bool {
        self.protocol.is_none_or(|asked| asked == protocol)
    }
}

/// The local ends that were asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct LocalSet {
    /// Ports at any address.
    pub ports: PortSet,
    /// Ports at any address, of TCP alone: `3000/tcp`.
    pub tcp_ports: PortSet,
    /// Ports at any address, of UDP alone: `53/udp`.
    pub udp_ports: PortSet,
    /// Ports at one address.
    pub places: Vec<Place>,
}

impl LocalSet {
    /// Whether the socket's local end is in the set; `allowed` says whether its protocol was asked
    /// for with the ports that name none.
    pub(super) fn contains(&self, socket: &Socket, allowed: bool) -> bool {
        let is_there = |place: &Place| (allowed || place.protocol.is_some()) && place.is_of(socket);
        (allowed && self.ports.contains(socket.local.port))
            || self.ports_of(socket.protocol).contains(socket.local.port)
            || self.places.iter().any(is_there)
    }

    /// The ports at any address that were asked for with this protocol.
    #[must_use]
    pub const fn ports_of(&self, protocol: Protocol) -> &PortSet {
        match protocol {
            Protocol::Tcp => &self.tcp_ports,
            Protocol::Udp => &self.udp_ports,
        }
    }

    /// Whether a port was asked for with this protocol.
    #[must_use]
    pub fn binds(&self, protocol: Protocol) -> bool {
        !self.ports_of(protocol).is_empty()
            || self.places.iter().any(|place| place.protocol == Some(protocol))
    }

    /// The addresses that were asked for.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.places.iter().map(|place| place.address).collect()
    }

    /// Whether a port was asked for without a protocol.
    #[must_use]
    pub fn has_any_protocol(&self) -> bool {
        !self.ports.is_empty() || self.places.iter().any(|place| place.protocol.is_none())
    }

    /// The ports at any address, with the protocol that each was asked for with.
    pub fn anywhere(&self) -> impl Iterator<Item = (&PortRange, Option<Protocol>)> + Clone {
        let sets = [
            (&self.ports, None),
            (&self.tcp_ports, Some(Protocol::Tcp)),
            (&self.udp_ports, Some(Protocol::Udp)),
        ];
        sets.into_iter()
            .flat_map(|(set, protocol)| set.ranges().iter().map(move |range| (range, protocol)))
    }

    /// Every port that is asked for at any address or at one.
    #[must_use]
    pub fn all_ports(&self) -> PortSet {
        let places = self.places.iter().map(|place| place.ports.clone());
        self.anywhere().map(|(range, _)| range.clone()).chain(places).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;

    #[test]
    fn a_protocol_concerns_its_own_port_alone() {
        let place = Place {
            address: [127, 0, 0, 1].into(),
            interface: None,
            ports: 67..=67,
            protocol: Some(Protocol::Udp),
        };
        let set = LocalSet {
            ports: PortSet::from_iter([80..=80]),
            udp_ports: PortSet::from_iter([53..=53]),
            places: vec![place],
            ..LocalSet::default()
        };
        let contains = |protocol, port, allowed| {
            let local = Endpoint::new([127, 0, 0, 1].into(), port);
            set.contains(&Socket::at(protocol, local), allowed)
        };
        for (port, tcp, udp, udp_unasked) in
            [(80, true, true, false), (53, false, true, true), (67, false, true, true)]
        {
            assert_eq!(contains(Protocol::Tcp, port, true), tcp, "{port}");
            assert_eq!(contains(Protocol::Udp, port, true), udp, "{port}");
            assert_eq!(contains(Protocol::Udp, port, false), udp_unasked, "{port}");
        }
        assert_eq!(set.all_ports().ranges(), [53..=53, 67..=67, 80..=80]);
    }
}
