//! A role that closes its socket and opens another on the same port, over and over.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::thread;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketFlags, SocketType, bind, listen, socket_with, sockopt};

use super::role::say;

/// `reopen KIND ORDER MICROSECONDS ADDRESS`: holds the address by a socket of KIND (`listening`,
/// `bound` or `udp`), says `ready`, and replaces the socket so often. In the ORDER `overlapping` the
/// next one holds the port before the last is closed, so that the port is held at every moment;
/// `apart` the last is closed first.
pub fn reopen(words: &[String]) {
    let [kind, order, pause, address] = words else { panic!("reopen takes four words") };
    let address = address.parse().expect("an address");
    let pause = Duration::from_micros(pause.parse().expect("microseconds"));
    let mut socket = Some(open(kind, address));
    say("ready");
    loop {
        thread::sleep(pause);
        if order == "apart" {
            drop(socket.take());
        }
        socket = Some(open(kind, address));
    }
}

/// A socket that shares its port (SO_REUSEPORT): `listening`, `bound` or `udp`.
pub fn open(kind: &str, address: SocketAddr) -> OwnedFd {
    let class = if kind == "udp" { SocketType::DGRAM } else { SocketType::STREAM };
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = socket_with(family, class, SocketFlags::CLOEXEC, None).expect("socket");
    sockopt::set_socket_reuseport(&socket, true).expect("SO_REUSEPORT");
    bind(&socket, &address).expect("bind");
    if kind == "listening" {
        listen(&socket, 16).expect("listen");
    }
    socket
}
