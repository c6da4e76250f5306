//! A program whose socket becomes something else: same file, same inode, same cookie.

use std::io::{self, BufRead};
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, SocketType, bind, connect, connect_unspec, getsockname, listen, socket,
};

use super::say;

/// `change KIND ADDRESS`: binds a socket (of `tcp` or `udp`) there, listens if it is TCP, and
/// prints the address that it has. Obeys `disconnect` (connect(AF_UNSPEC), which ends listening and
/// gives up a port that the kernel chose), `bind ADDRESS` (and listen), `connect ADDRESS`, each
/// with the address that it has then.
pub(super) fn change(words: &[String]) {
    let is_tcp = words[0] == "tcp";
    let kind = if is_tcp { SocketType::STREAM } else { SocketType::DGRAM };
    let socket = socket(AddressFamily::INET, kind, None).expect("socket");
    hold(&socket, &words[1], is_tcp);
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.split(' ').collect::<Vec<_>>().as_slice() {
            ["disconnect"] => {
                connect_unspec(&socket).expect("disconnect");
                tell_address(&socket);
            }
            ["bind", address] => hold(&socket, address, is_tcp),
            ["connect", address] => {
                connect(&socket, &parsed(address)).expect("connect");
                tell_address(&socket);
            }
            other => panic!("change cannot {other:?}"),
        }
    }
}

fn hold(socket: &OwnedFd, address: &str, is_tcp: bool) {
    bind(socket, &parsed(address)).expect("bind");
    if is_tcp {
        listen(socket, 16).expect("listen");
    }
    tell_address(socket);
}

fn parsed(address: &str) -> SocketAddr {
    address.parse().expect("an address")
}

fn tell_address(socket: &OwnedFd) {
    let address: SocketAddr =
        getsockname(socket).expect("getsockname").try_into().expect("an internet address");
    say(&address.to_string());
}
