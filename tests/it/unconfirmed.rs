//! SYN_RECEIVED that a process owns: after a simultaneous open, and with TCP Fast Open.

use serde_json::Value;

use crate::close::{app, close, closes, is_of};
use crate::kill::named;
use crate::support::json::socket;
use crate::support::kernel_table::{State, await_state, find};
use crate::support::makers::{self, Loopback};
use crate::support::segments::Segments;
use crate::support::{features, portwho};

const PORT: u16 = 6800;

#[track_caller]
fn is_owned_by(pid: u32, local: std::net::SocketAddr, foreign: std::net::SocketAddr) {
    let answer = portwho(["--json", "-s", "SYN_RECEIVED"]).run().json(0, "");
    let owner = &socket(&answer, local, Some(foreign))["owner"];
    assert_eq!((&owner["kind"], &owner["pids"]), (&"processes".into(), &Value::from(vec![pid])));
}

#[trial]
fn a_simultaneous_open_has_an_owner_and_closes_to_fin_wait_1() {
    for at in Loopback::BOTH {
        let made = makers::simultaneous(at.port(PORT));
        is_owned_by(std::process::id(), made.address, made.address);
        drop(made.socket);
        let orphan = await_state(made.address, made.address, State::FIN_WAIT_1);
        assert_eq!(orphan.inode, 0);
    }
}

/// It is reset, and its port stays.
#[trial]
fn a_simultaneous_open_is_closed_and_bound() {
    let made = makers::simultaneous(Loopback::V4.port(PORT));
    let app = app(made.socket);
    let segments = Segments::listen();
    let who = named("app", app.pid());
    let port = if features::lists_bound() { format!(" and port {PORT}") } else { String::new() };
    let expected = format!(
        "{}closed 1 socket; {who} keeps its descriptor{port} until it calls close()\n",
        is_of("1 SYN_RECEIVED", "app", app.pid())
    );
    close(["-y", "-s", "SYN_RECEIVED", &PORT.to_string()]).run().is(0, &expected, "");
    assert!(find(made.address, made.address).is_none());
    segments.await_reset(made.address, made.address);
    if features::lists_bound() {
        let answer = portwho(["--json", "-s", "BOUND"]).run().json(0, "");
        assert_eq!(
            socket(&answer, made.address, None)["owner"]["pids"],
            Value::from(vec![app.pid()])
        );
    }
}

#[trial]
fn fast_open_has_an_owner_and_closes_to_fin_wait_1() {
    for at in Loopback::BOTH {
        let made = makers::fast_open(at);
        let (local, foreign) = (made.server_address, made.client_address);
        is_owned_by(std::process::id(), local, foreign);
        // What was sent with the SYN is read: otherwise close() would reset the connection.
        rustix::net::recv(&made.server, &mut [0; 1], rustix::net::RecvFlags::empty())
            .expect("data");
        drop(made.server);
        await_state(local, foreign, State::FIN_WAIT_1);
    }
}

#[trial]
fn fast_open_is_closed_with_a_reset() {
    let made = makers::fast_open(Loopback::V4);
    let (local, foreign) = (made.server_address, made.client_address);
    let app = app(made.server);
    let segments = Segments::listen();
    let port = local.port().to_string();
    let expected = closes("SYN_RECEIVED", &app);
    close(["-y", "-s", "SYN_RECEIVED", &port]).run().is(0, &expected, "");
    segments.await_reset(local, foreign);
    assert!(find(local, foreign).is_none());
}
