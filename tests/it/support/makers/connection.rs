//! Two sockets that have been connected, in every state that this can lead to.
//!
//! Dropping a descriptor of the returned value turns its socket into an orphan: closed by its
//! process, still being torn down by the kernel.

use std::net::SocketAddr;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use rustix::net::{SendFlags, Shutdown, SocketType, accept_with, connect, send, shutdown, sockopt};

use super::socket::{held, listening_with, socket};
use super::{Held, Loopback};
use crate::support::kernel_table::{State, await_state};

/// Both ends of a connection, and the listener that it came through.
pub struct Connection {
    pub listener: OwnedFd,
    pub client: OwnedFd,
    pub server: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

impl Connection {
    #[track_caller]
    fn await_states(&self, client: State, server: State) {
        await_state(self.client_address, self.server_address, client);
        await_state(self.server_address, self.client_address, server);
    }
}

/// A connection whose server never called accept.
pub struct Unaccepted {
    pub listener: OwnedFd,
    pub client: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

/// What remains of a connection: the listener, and a socket in TIME_WAIT on the client's side.
pub struct TimeWait {
    pub listener: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

/// ESTABLISHED on both sides; the server's has no owner, because no process has accepted it.
pub fn not_accepted(at: Loopback) -> Unaccepted {
    let Held { socket: listener, address: server_address } =
        listening_with(at.port(0), 16, small_buffers);
    let client = socket(server_address, SocketType::STREAM);
    small_buffers(&client);
    connect(&client, &server_address).expect("connect");
    let Held { socket: client, address: client_address } = held(client);
    await_state(client_address, server_address, State::ESTABLISHED);
    await_state(server_address, client_address, State::ESTABLISHED);
    Unaccepted { listener, client, client_address, server_address }
}

/// ESTABLISHED on both sides, accepted.
pub fn established(at: Loopback) -> Connection {
    let Unaccepted { listener, client, client_address, server_address } = not_accepted(at);
    let server = accept_with(&listener, rustix::net::SocketFlags::CLOEXEC).expect("accept");
    Connection { listener, client, server, client_address, server_address }
}

/// The client in FIN_WAIT_1: its FIN waits behind data that the server does not read.
pub fn fin_wait_1(at: Loopback) -> Connection {
    let connection = established(at);
    fill(&connection.client);
    shutdown(&connection.client, Shutdown::Write).expect("shutdown");
    connection.await_states(State::FIN_WAIT_1, State::ESTABLISHED);
    connection
}

/// The client in FIN_WAIT_2, the server in CLOSE_WAIT.
pub fn half_closed(at: Loopback) -> Connection {
    let connection = established(at);
    shutdown(&connection.client, Shutdown::Write).expect("shutdown");
    connection.await_states(State::FIN_WAIT_2, State::CLOSE_WAIT);
    connection
}

/// The server in LAST_ACK, its FIN stuck behind data; the client in FIN_WAIT_2.
pub fn last_ack(at: Loopback) -> Connection {
    let connection = half_closed(at);
    fill(&connection.server);
    shutdown(&connection.server, Shutdown::Write).expect("shutdown");
    connection.await_states(State::FIN_WAIT_2, State::LAST_ACK);
    connection
}

/// The client in CLOSING: both have sent a FIN, and its own has not got through. The server,
/// whose FIN has been acknowledged, is in FIN_WAIT_2.
pub fn closing(at: Loopback) -> Connection {
    let connection = fin_wait_1(at);
    shutdown(&connection.server, Shutdown::Write).expect("shutdown");
    connection.await_states(State::CLOSING, State::FIN_WAIT_2);
    connection
}

/// The client closes first, and is left in TIME_WAIT.
pub fn time_wait(at: Loopback) -> TimeWait {
    let Connection { listener, client, server, client_address, server_address } = half_closed(at);
    drop(client);
    drop(server);
    await_state(client_address, server_address, State::TIME_WAIT);
    TimeWait { listener, client_address, server_address }
}

/// Small buffers are full sooner, and the kernel does not enlarge what has been set.
fn small_buffers(socket: &OwnedFd) {
    sockopt::set_socket_send_buffer_size(socket, 64 * 1024).expect("SO_SNDBUF");
    sockopt::set_socket_recv_buffer_size(socket, 64 * 1024).expect("SO_RCVBUF");
}

/// Sends until nothing more fits into the two buffers between the ends.
pub fn fill(socket: impl AsFd) {
    let chunk = [b'x'; 16 * 1024];
    loop {
        match send(&socket, &chunk, SendFlags::DONTWAIT) {
            Ok(_) => {}
            Err(Errno::AGAIN) => return,
            Err(error) => panic!("send: {error}"),
        }
    }
}
