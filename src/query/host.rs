//! What stands before the port: an address, perhaps with its interface, or `localhost`.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// An address, and the interface it is on where one was given (`fe80::1%eth0`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopedAddress {
    /// The address; a v4-mapped one is IPv4.
    pub address: IpAddr,
    /// The interface's name or index.
    pub zone: Option<String>,
}

/// The host of a PORT.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Host {
    /// An address.
    Address(ScopedAddress),
    /// `localhost`: the loopback address of each family.
    Localhost,
}

/// The addresses of `localhost` (RFC 6761 section 6.3), whatever the hosts file says: servers bind
/// the one or the other.
pub(super) const LOOPBACK: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::LOCALHOST), IpAddr::V6(Ipv6Addr::LOCALHOST)];

impl Host {
    /// A literal address or `localhost`; other names are not looked up.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if is_localhost(text) {
            return Some(Self::Localhost);
        }
        let (plain, zone) = match text.split_once('%') {
            Some((plain, zone)) => (plain, Some(zone.to_owned())),
            None => (text, None),
        };
        let address: IpAddr = plain.parse().ok()?;
        Some(Self::Address(ScopedAddress { address: address.to_canonical(), zone }))
    }

    /// Its addresses.
    #[must_use]
    pub fn addresses(&self) -> Vec<ScopedAddress> {
        match self {
            Self::Address(address) => vec![address.clone()],
            Self::Localhost => {
                LOOPBACK.map(|address| ScopedAddress { address, zone: None }).to_vec()
            }
        }
    }
}

/// Whether this is `localhost`, which has no case.
pub(super) fn is_localhost(text: &str) -> bool {
    text.eq_ignore_ascii_case("localhost")
}

/// As it can be typed before a port.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Localhost => f.write_str("localhost"),
            Self::Address(ScopedAddress { address, zone: None }) if address.is_ipv4() => {
                write!(f, "{address}")
            }
            Self::Address(ScopedAddress { address, zone }) => {
                let zone = zone.as_ref().map(|zone| format!("%{zone}")).unwrap_or_default();
                write!(f, "[{address}{zone}]")
            }
        }
    }
}
