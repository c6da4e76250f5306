//! Back to BOUND: a socket whose port bind() named keeps it when its connection or listener has ended,
//! until the process closes it. explain draws a way to BOUND from each of these states.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::{
    AddressFamily, Shutdown, SocketFlags, SocketType, accept_with, bind, connect, shutdown,
    socket_with, sockopt,
};
use serde_json::Value;

use portwho::model::TcpState;
use portwho::text::states::Explanation;

use crate::close::close;
use crate::support::json::{end, sockets};
use crate::support::kernel_table::{State, await_state, find};
use crate::support::makers::{self, Connection, Held, Loopback};
use crate::support::{features, portwho, wait_until};

/// In this test's own namespace no other process has it.
const PORT: u16 = 6800;

/// A socket with a port, or with none.
fn socket_at(at: Loopback, port: Option<u16>) -> OwnedFd {
    let family = if at == Loopback::V4 { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket =
        socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).expect("socket");
    if let Some(port) = port {
        bind(&socket, &at.port(port)).expect("bind");
    }
    socket
}

/// ESTABLISHED, from this port.
fn established(at: Loopback, port: Option<u16>) -> Connection {
    let Held { socket: listener, address: server_address } = makers::listening(at.port(0));
    let client = socket_at(at, port);
    connect(&client, &server_address).expect("connect");
    let client_address = rustix::net::getsockname(&client).expect("getsockname");
    let client_address: SocketAddr = client_address.try_into().expect("an internet address");
    let server = accept_with(&listener, SocketFlags::CLOEXEC).expect("accept");
    Connection { listener, client, server, client_address, server_address }
}

fn finish(socket: &OwnedFd) {
    shutdown(socket, Shutdown::Write).expect("shutdown");
}

/// Ends the connection with a RST.
fn reset(socket: OwnedFd) {
    sockopt::set_socket_linger(&socket, Some(std::time::Duration::ZERO)).expect("SO_LINGER");
    drop(socket);
}

fn is_bound(address: SocketAddr) -> bool {
    let answer: Value = portwho(["--json", "-t", &address.port().to_string()]).run().json(0, "");
    let bound =
        |socket: &&Value| end(&socket["local"]) == Some(address) && socket["state"] == "BOUND";
    let found: Vec<&Value> = sockets(&answer).iter().filter(bound).collect();
    for socket in &found {
        assert_eq!((&socket["foreign"], &socket["timer"]), (&Value::Null, &Value::Null));
        assert_eq!(socket["owner"]["pids"], Value::from([std::process::id()].as_slice()));
    }
    !found.is_empty()
}

/// The socket is BOUND, holds its port, and releases it when it is closed. explain knows that.
#[track_caller]
fn is_bound_until_closed(from: TcpState, address: SocketAddr, socket: OwnedFd) {
    let explained = Explanation::of(from).expect("an explanation").leaves;
    assert!(explained.iter().any(|edge| edge.state == TcpState::Bound), "{from}");
    if features::lists_bound() {
        wait_until(format!("{address} to be BOUND after {from}"), || {
            is_bound(address).then_some(())
        });
    }
    assert_eq!(rebind(address), Err(Errno::ADDRINUSE), "{from}");
    drop(socket);
    if find_any(address).is_none() {
        assert_eq!(rebind(address), Ok(()), "{from}");
    }
}

fn rebind(address: SocketAddr) -> Result<(), Errno> {
    let at = if address.is_ipv4() { Loopback::V4 } else { Loopback::V6 };
    bind(socket_at(at, None), &address)
}

/// What is left at the address: TIME_WAIT.
fn find_any(address: SocketAddr) -> Option<State> {
    let table = if address.is_ipv4() { "tcp" } else { "tcp6" };
    let rows = crate::support::kernel_table::rows(table);
    rows.into_iter().find(|row| row.local == address).map(|row| row.state)
}

#[trial]
fn a_reset_of_an_open_connection() {
    for at in Loopback::BOTH {
        let made = established(at, Some(PORT));
        reset(made.server);
        is_bound_until_closed(TcpState::Established, made.client_address, made.client);
    }
}

#[trial]
fn a_refused_connection() {
    for at in Loopback::BOTH {
        let closed = makers::bound(at.port(0));
        let client = socket_at(at, Some(PORT));
        assert_eq!(connect(&client, &closed.address), Err(Errno::CONNREFUSED));
        is_bound_until_closed(TcpState::SynSent, at.port(PORT), client);
    }
}

#[trial]
fn a_listener_that_was_shut_down() {
    for at in Loopback::BOTH {
        let listener = makers::listening(at.port(PORT));
        // Only shutdown() for reading ends it.
        finish(&listener.socket);
        assert_eq!(find_any(listener.address), Some(State::LISTENING));
        shutdown(&listener.socket, Shutdown::Both).expect("shutdown");
        is_bound_until_closed(TcpState::Listening, listener.address, listener.socket);
    }
}

/// In any direction.
#[trial]
fn a_handshake_that_was_shut_down() {
    for direction in [Shutdown::Read, Shutdown::Write, Shutdown::Both] {
        let made = makers::syn_sent(Loopback::V4);
        let client = socket_at(Loopback::V4, Some(PORT));
        rustix::io::ioctl_fionbio(&client, true).expect("FIONBIO");
        assert_eq!(connect(&client, &made.server_address), Err(Errno::INPROGRESS));
        let address = Loopback::V4.port(PORT);
        await_state(address, made.server_address, State::SYN_SENT);
        shutdown(&client, direction).expect("shutdown");
        is_bound_until_closed(TcpState::SynSent, address, client);
    }
}

#[trial]
fn the_last_ack() {
    for at in Loopback::BOTH {
        let made = established(at, Some(PORT));
        finish(&made.server);
        await_state(made.client_address, made.server_address, State::CLOSE_WAIT);
        finish(&made.client);
        await_state(made.server_address, made.client_address, State::TIME_WAIT);
        assert!(find(made.client_address, made.server_address).is_none());
        is_bound_until_closed(TcpState::LastAck, made.client_address, made.client);
    }
}

/// The connection is in TIME_WAIT, and the socket of the process is beside it.
#[trial]
fn a_time_wait_beside_it() {
    for at in Loopback::BOTH {
        let made = established(at, Some(PORT));
        finish(&made.client);
        await_state(made.client_address, made.server_address, State::FIN_WAIT_2);
        drop(made.server);
        await_state(made.client_address, made.server_address, State::TIME_WAIT);
        is_bound_until_closed(TcpState::FinWait2, made.client_address, made.client);
        assert_eq!(find_any(made.client_address), Some(State::TIME_WAIT));
    }
}

#[trial]
fn a_reset_of_a_half_closed_connection() {
    for at in Loopback::BOTH {
        let made = established(at, Some(PORT));
        finish(&made.server);
        await_state(made.client_address, made.server_address, State::CLOSE_WAIT);
        reset(made.server);
        await_gone(made.client_address, made.server_address);
        is_bound_until_closed(TcpState::CloseWait, made.client_address, made.client);
    }
}

/// Its FIN waits behind data that the peer has not read when it resets the connection.
#[trial]
fn a_reset_while_the_fin_is_on_its_way() {
    for (at, state) in [
        (Loopback::V4, TcpState::FinWait1),
        (Loopback::V6, TcpState::FinWait1),
        (Loopback::V4, TcpState::Closing),
    ] {
        let made = established(at, Some(PORT));
        makers::fill(&made.client);
        finish(&made.client);
        await_state(made.client_address, made.server_address, State::FIN_WAIT_1);
        if state == TcpState::Closing {
            finish(&made.server);
            await_state(made.client_address, made.server_address, State::CLOSING);
        }
        // Unread data: close() resets the connection.
        drop(made.server);
        await_gone(made.client_address, made.server_address);
        is_bound_until_closed(state, made.client_address, made.client);
    }
}

#[track_caller]
fn await_gone(local: SocketAddr, foreign: SocketAddr) {
    wait_until(format!("{local} -> {foreign} to end"), || {
        find(local, foreign).is_none().then_some(())
    });
}

/// The near misses: a port that the kernel chose goes with the connection, and so does an accepted
/// connection's share of the listener's port.
#[trial]
fn a_port_that_bind_has_not_named_is_released() {
    for at in Loopback::BOTH {
        for port in [None, Some(0)] {
            let made = established(at, port);
            reset(made.server);
            await_gone(made.client_address, made.server_address);
            assert_eq!(rebind(made.client_address), Ok(()), "{port:?}");
        }
        let made = established(at, None);
        drop(made.listener);
        reset(made.client);
        await_gone(made.server_address, made.client_address);
        assert_eq!(rebind(made.server_address), Ok(()));
    }
}

/// As close from outside does it.
#[trial]
fn a_connection_that_was_closed_from_outside() {
    let made = established(Loopback::V4, Some(PORT));
    let app = crate::close::app(made.client);
    let line = format!(
        "{}closed 1 socket; {} keeps its descriptor and port {PORT} until it calls close()\n",
        crate::close::is_of("1 ESTABLISHED", "app", app.pid()),
        crate::kill::named("app", app.pid())
    );
    if features::lists_bound() {
        close(["-y", &PORT.to_string()]).run().is(0, &line, "");
    }
}
