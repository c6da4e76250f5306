//! An end of a socket: protocol, family, address and port.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// The transport protocol of a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Protocol {
    /// TCP, RFC 9293.
    Tcp,
    /// UDP, RFC 768.
    Udp,
}

impl Protocol {
    /// Its name in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
        }
    }
}

/// The address family a socket is shown in. A v4-mapped IPv6 socket is shown as IPv4.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// One end of a socket.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Endpoint {
    /// The address; unspecified means every address.
    pub address: IpAddr,
    /// The port, 0 for none.
    pub port: u16,
}

impl Endpoint {
    /// An endpoint at `address` and `port`; a v4-mapped address becomes the IPv4 one.
    #[must_use]
    pub fn new(address: IpAddr, port: u16) -> Self {
        Self { address: address.to_canonical(), port }
    }

    /// Every address of `family`, and `port`.
    #[must_use]
    pub const fn wildcard(family: Family, port: u16) -> Self {
        let address = match family {
            Family::V4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
            Family::V6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        };
        Self { address, port }
    }
}
