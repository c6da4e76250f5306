//! What close sends to the peer, and what the process notices: `tcp_need_reset` of the kernel, seen
//! from outside. docs/close.md has it as a table.

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use rustix::net::{SendFlags, send};

use crate::close::{app, assert_gone, close};
use crate::support::features;
use crate::support::kernel_table::{State, await_state, find};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::process::Owner;
use crate::support::segments::Segments;

/// Closes the socket, in this state and of another process where there is one. The segments since then.
#[track_caller]
fn closed(
    state: &str,
    local: SocketAddr,
    foreign: SocketAddr,
    socket: Option<OwnedFd>,
) -> Segments {
    let _app = socket.map(app);
    let segments = Segments::listen();
    let output = close(["-y", "-s", state, &local.port().to_string()]).run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    assert_gone(local, foreign);
    segments
}

#[trial]
fn a_reset_where_the_peer_may_still_send() {
    let made = makers::established(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    closed("ESTABLISHED", local, foreign, Some(made.client)).await_reset(local, foreign);
    let made = makers::half_closed(Loopback::V4);
    let (local, foreign) = (made.server_address, made.client_address);
    closed("CLOSE_WAIT", local, foreign, Some(made.server)).await_reset(local, foreign);
    let made = makers::half_closed(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    closed("FIN_WAIT_2", local, foreign, Some(made.client)).await_reset(local, foreign);
    let made = makers::fin_wait_1(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    closed("FIN_WAIT_1", local, foreign, Some(made.client)).await_reset(local, foreign);
    let made = makers::not_accepted(Loopback::V4);
    let (local, foreign) = (made.server_address, made.client_address);
    closed("ESTABLISHED", local, foreign, None).await_reset(local, foreign);
}

/// The peer keeps its side: it does not learn of it, unless it sends something, such as the answer to a
/// probe of its window.
#[trial]
fn nothing_where_both_sides_have_closed() {
    let made = makers::closing(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    let segments = closed("CLOSING", local, foreign, Some(made.client));
    assert_eq!(segments.resets(local, foreign).of_own, 0);
    assert!(find(foreign, local).is_none_or(|peer| peer.state == State::FIN_WAIT_2));
    let made = makers::last_ack(Loopback::V4);
    let (local, foreign) = (made.server_address, made.client_address);
    let segments = closed("LAST_ACK", local, foreign, Some(made.server));
    assert_eq!(segments.resets(local, foreign).of_own, 0);
    assert!(find(foreign, local).is_none_or(|peer| peer.state == State::FIN_WAIT_2));
}

#[trial]
fn nothing_where_the_handshake_is_not_complete() {
    let made = makers::syn_sent(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    assert_eq!(
        closed("SYN_SENT", local, foreign, Some(made.client)).resets(local, foreign).of_own,
        0
    );
    let made = makers::syn_received(Loopback::V4);
    let (local, foreign) = (made.server_address, made.client_address);
    assert_eq!(closed("SYN_RECEIVED", local, foreign, None).resets(local, foreign).of_own, 0);
    await_state(foreign, local, State::ESTABLISHED);
    // What the peer sends is answered: then it learns of it.
    let segments = Segments::listen();
    send(&made.client, b"x", SendFlags::NOSIGNAL).expect("send");
    crate::support::wait_until("the peer to be reset", || {
        find(foreign, local).is_none().then_some(())
    });
    assert_eq!(segments.resets(local, foreign).in_answer, 1);
}

#[trial]
fn no_segment_for_closed_connections() {
    if !features::destroys_what_is_over() {
        return;
    }
    let made = makers::time_wait(Loopback::V4);
    let (local, foreign) = (made.client_address, made.server_address);
    assert_eq!(closed("TIME_WAIT", local, foreign, None).resets(local, foreign).of_own, 0);
    let Connection { client, server, listener, client_address, server_address } =
        makers::half_closed(Loopback::V4);
    drop(client);
    assert_eq!(
        closed("FIN_WAIT_2", client_address, server_address, None)
            .resets(client_address, server_address)
            .of_own,
        0
    );
    await_state(server_address, client_address, State::CLOSE_WAIT);
    drop((server, listener));
}

/// What a process says of these calls after its connection was closed.
#[track_caller]
fn noticed(state: &str, made: Connection, calls: &str) -> String {
    let mut app = Owner::named("app").playing_with("notice", &[calls], made.client);
    assert_eq!(app.line(), "waiting");
    let port = made.client_address.port().to_string();
    let output = close(["-y", "-s", state, &port]).run();
    assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
    app.line()
}

fn sends(from: &OwnedFd, made: &Connection) {
    send(from, b"12345678", SendFlags::NOSIGNAL).expect("send");
    let arrived = || {
        let row = find(made.client_address, made.server_address)?;
        (row.receive_queue == 8).then_some(())
    };
    crate::support::wait_until("8 bytes to arrive", arrived);
}

/// What has arrived is read first, then the error once, then the end.
#[trial]
fn the_process_of_an_open_connection() {
    let made = makers::established(Loopback::V4);
    sends(&made.server, &made);
    let expected = "hung up, 4, 4, ECONNABORTED, 0, 0, EPIPE, EPIPE";
    assert_eq!(noticed("ESTABLISHED", made, "rrrrrww"), expected);
    let made = makers::established(Loopback::V4);
    assert_eq!(noticed("ESTABLISHED", made, "wwr"), "hung up, ECONNABORTED, EPIPE, 0");
}

/// The end has been received before: reading goes on as it would have, and a write has the error.
#[trial]
fn the_process_of_a_half_closed_connection() {
    let half_closed = || {
        let made = makers::established(Loopback::V4);
        sends(&made.server, &made);
        rustix::net::shutdown(&made.server, rustix::net::Shutdown::Write).expect("shutdown");
        await_state(made.client_address, made.server_address, State::CLOSE_WAIT);
        made
    };
    let expected = "hung up, 4, 4, 0, 0, ECONNABORTED, EPIPE";
    assert_eq!(noticed("CLOSE_WAIT", half_closed(), "rrrrww"), expected);
}
