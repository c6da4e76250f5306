//! Handshakes that do not complete.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use nix::libc;
use nix::sys::socket::SetSockOpt;
use rustix::io::Errno;
use rustix::net::{SocketType, connect};

use super::socket::{held, listening_with, socket};
use super::{Held, Loopback};
use crate::support::kernel_table::{State, await_state};

/// A client in SYN_SENT, and the listener whose full queue ignores it.
pub struct SynSent {
    _listener: OwnedFd,
    /// The connection that fills the queue.
    _filler: OwnedFd,
    pub client: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

/// A server's side in SYN_RECEIVED, with no socket of its own yet.
pub struct SynReceived {
    pub listener: OwnedFd,
    pub client: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

/// SYN_SENT: one connection fills a queue of length 0, and the next gets no answer.
pub fn syn_sent(at: Loopback) -> SynSent {
    let Held { socket: listener, address: server_address } = listening_with(at.port(0), 0, |_| {});
    let filler = socket(server_address, SocketType::STREAM);
    connect(&filler, &server_address).expect("connect");
    let client = socket(server_address, SocketType::STREAM);
    rustix::io::ioctl_fionbio(&client, true).expect("FIONBIO");
    assert_eq!(connect(&client, &server_address), Err(Errno::INPROGRESS));
    let Held { socket: client, address: client_address } = held(client);
    await_state(client_address, server_address, State::SYN_SENT);
    SynSent { _listener: listener, _filler: filler, client, client_address, server_address }
}

/// SYN_RECEIVED: the listener waits for data before it believes in a connection, and none comes.
pub fn syn_received(at: Loopback) -> SynReceived {
    let Held { socket: listener, address: server_address } = deferring(at, 16);
    let client = socket(server_address, SocketType::STREAM);
    connect(&client, &server_address).expect("connect");
    let Held { socket: client, address: client_address } = held(client);
    await_state(server_address, client_address, State::SYN_RECEIVED);
    SynReceived { listener, client, client_address, server_address }
}

/// A listener whose connections stay SYN_RECEIVED until they send something.
pub fn deferring(at: Loopback, backlog: i32) -> Held {
    const SECONDS: libc::c_int = 120;
    listening_with(at.port(0), backlog, |listener| {
        DeferAccept.set(listener, &SECONDS).expect("TCP_DEFER_ACCEPT");
    })
}

/// A connection that is asked for and not waited for.
pub fn begin(to: SocketAddr) -> OwnedFd {
    let client = socket(to, SocketType::STREAM);
    rustix::io::ioctl_fionbio(&client, true).expect("FIONBIO");
    match connect(&client, &to) {
        Ok(()) | Err(Errno::INPROGRESS) => client,
        Err(error) => panic!("connect to {to}: {error}"),
    }
}

/// A connection from this address.
pub fn connected_from(from: SocketAddr, to: SocketAddr) -> OwnedFd {
    let client = socket(to, SocketType::STREAM);
    rustix::net::bind(&client, &from).expect("bind");
    connect(&client, &to).expect("connect");
    client
}

/// TCP_DEFER_ACCEPT, which neither nix nor rustix has.
#[derive(Clone, Copy)]
struct DeferAccept;

nix::setsockopt_impl!(
    DeferAccept,
    libc::IPPROTO_TCP,
    libc::TCP_DEFER_ACCEPT,
    libc::c_int,
    nix::sys::socket::sockopt::SetStruct<'_, libc::c_int>
);
