//! Single sockets: bound, listening, and UDP.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, getsockname, listen, socket_with};

use crate::support::kernel_table::{State, await_state};

/// Which of the two loopback addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Loopback {
    V4,
    V6,
}

impl Loopback {
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    pub fn ip(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::LOCALHOST.into(),
            Self::V6 => Ipv6Addr::LOCALHOST.into(),
        }
    }

    /// The wildcard address of the same family.
    pub fn any(self) -> IpAddr {
        match self {
            Self::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Self::V6 => Ipv6Addr::UNSPECIFIED.into(),
        }
    }

    /// This address with a port; 0 lets the kernel choose.
    pub fn port(self, port: u16) -> SocketAddr {
        SocketAddr::new(self.ip(), port)
    }
}

/// A socket that this process holds, and the address that it has in truth.
pub struct Held {
    pub socket: OwnedFd,
    pub address: SocketAddr,
}

/// BOUND: bind, and nothing more.
pub fn bound(address: SocketAddr) -> Held {
    let socket = socket(address, SocketType::STREAM);
    bind(&socket, &address).expect("bind");
    held(socket)
}

/// LISTENING, with a queue of 16.
pub fn listening(address: SocketAddr) -> Held {
    listening_with(address, 16, |_| {})
}

/// LISTENING, with a queue of that length, and with options set before the bind.
pub fn listening_with(address: SocketAddr, backlog: i32, set: impl FnOnce(&OwnedFd)) -> Held {
    let socket = socket(address, SocketType::STREAM);
    set(&socket);
    bind(&socket, &address).expect("bind");
    listen(&socket, backlog).expect("listen");
    let held = held(socket);
    await_state(held.address, nowhere(held.address), State::LISTENING);
    held
}

/// An unconnected UDP socket.
pub fn udp(address: SocketAddr) -> Held {
    let socket = socket(address, SocketType::DGRAM);
    bind(&socket, &address).expect("bind");
    held(socket)
}

/// A UDP socket connected to `foreign` from an address of the kernel's choice.
pub fn udp_connected(foreign: SocketAddr) -> Held {
    let socket = socket(foreign, SocketType::DGRAM);
    rustix::net::connect(&socket, &foreign).expect("connect");
    held(socket)
}

pub(super) fn socket(address: SocketAddr, kind: SocketType) -> OwnedFd {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("socket")
}

pub(super) fn held(socket: OwnedFd) -> Held {
    let address = getsockname(&socket).expect("getsockname");
    Held { socket, address: address.try_into().expect("an internet address") }
}

/// What the kernel's table gives as the foreign address of a socket that has none.
fn nowhere(address: SocketAddr) -> SocketAddr {
    let family = if address.is_ipv4() { Loopback::V4 } else { Loopback::V6 };
    SocketAddr::new(family.any(), 0)
}
