//! Rules by which a service of the system forwards connections (Windows' `netsh interface portproxy`).

use std::net::IpAddr;

use super::{Family, Protocol, Socket, Untrusted};

/// A rule: what is connected to here is connected to there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortProxy {
    /// The families of the address here and of the one there.
    pub families: (Family, Family),
    /// The address here, as it was set: a name, or `*` for every address, is none of its own.
    pub listen: Untrusted,
    /// The port here.
    pub port: u16,
    /// The address or the name there.
    pub connect: Untrusted,
    /// The port there.
    pub connect_port: u16,
}

impl PortProxy {
    /// The service that listens for the rules, IP Helper.
    pub const SERVICE: &str = "iphlpsvc";

    /// Whether a service is that one.
    #[must_use]
    pub fn is_by(service: &Untrusted) -> bool {
        service.as_bytes().eq_ignore_ascii_case(Self::SERVICE.as_bytes())
    }

    /// What netsh calls its kind.
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self.families {
            (Family::V4, Family::V4) => "v4tov4",
            (Family::V4, Family::V6) => "v4tov6",
            (Family::V6, Family::V4) => "v6tov4",
            (Family::V6, Family::V6) => "v6tov6",
        }
    }

    /// The address here, where it is one and no name.
    #[must_use]
    pub fn listen_address(&self) -> Option<IpAddr> {
        address(&self.listen)
    }

    /// The address there, where it is one and no name.
    #[must_use]
    pub fn connect_address(&self) -> Option<IpAddr> {
        address(&self.connect)
    }

    /// Whether a socket of the service listens for this rule. A name may be that of any address.
    #[must_use]
    pub fn is_of(&self, socket: &Socket) -> bool {
        socket.protocol == Protocol::Tcp
            && socket.holds_port()
            && socket.local.port == self.port
            && socket.family() == self.families.0
            && self.listen_address().is_none_or(|address| address == socket.local.address)
    }
}

fn address(text: &Untrusted) -> Option<IpAddr> {
    text.to_lossy().parse().ok()
}
