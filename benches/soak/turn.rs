//! A role: a listener whose socket becomes something else, and stays the same socket.

use std::env;
use std::io::{self, BufRead};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::net::{
    AddressFamily, SocketFlags, SocketType, bind, connect, connect_unspec, getsockname, listen,
    socket_with,
};

use crate::support::process::ROLE;
use crate::support::role::say;

/// Its name.
pub const NAME: &str = "turn";

/// Plays the role, if this process was started for it: `turn ADDRESS` listens there, or with the
/// word `anywhere` on a port of the kernel's choice, which it does not keep; it says the port, and
/// obeys `rebind ADDRESS` (leave the port by connect(AF_UNSPEC), and listen there) and `connect
/// ADDRESS` (leave the port, and be a connection), and says `done`.
pub fn played() -> bool {
    if env::var(ROLE).as_deref() != Ok(NAME) {
        return false;
    }
    let socket = open(&env::args().nth(1).expect("an address"));
    let address: SocketAddr = getsockname(&socket).expect("name").try_into().expect("an address");
    say(&address.port().to_string());
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        let (order, address) = line.split_once(' ').expect("an order and an address");
        let address: SocketAddr = address.parse().expect("an address");
        connect_unspec(&socket).expect("connect(AF_UNSPEC)");
        match order {
            "rebind" => {
                bind(&socket, &address).expect("bind");
                listen(&socket, 16).expect("listen");
            }
            "connect" => connect(&socket, &address).expect("connect"),
            other => panic!("turn cannot {other:?}"),
        }
        say("done");
    }
    true
}

/// A port that was bound by its number stays with the socket (`SOCK_BINDPORT_LOCK` in the kernel).
fn open(word: &str) -> OwnedFd {
    if word != "anywhere" {
        return TcpListener::bind(word).expect("bind").into();
    }
    let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
    let socket = socket_with(family, kind, SocketFlags::CLOEXEC, None).expect("socket");
    listen(&socket, 16).expect("listen");
    socket
}
