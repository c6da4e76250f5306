//! Every state made on loopback, over IPv4 and IPv6, in the tables and in JSON.

mod queues;
mod teardown;

use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use serde_json::{Value, json};

use crate::support::golden::{self, SocketRow};
use crate::support::json::{only_socket, socket};
use crate::support::makers::{self, Held, Loopback};
use crate::support::process::{Owner, Process};
use crate::support::{portwho, without_seconds};

/// The name of the process that holds what is listed.
const NAME: &str = "inetinfo.exe";

fn hold(socket: OwnedFd) -> Process {
    Owner::named(NAME).holding(socket)
}

/// The row of a connection that this process, or none, holds.
fn row(
    state: &str,
    local: SocketAddr,
    foreign: impl ToString,
    owner: Option<&Process>,
) -> SocketRow {
    golden::socket("TCP", local, foreign, state, owner.map_or(0, Process::pid))
}

/// What a listener's row has in the place of a foreign address.
fn nowhere(local: SocketAddr) -> &'static str {
    if local.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" }
}

/// Asks for the port, and compares both tables and the remarks whole.
#[track_caller]
fn shows(port: u16, rows: &[SocketRow], owner: Option<&Process>, remarks: &str) {
    let owners: Vec<_> = owner.iter().map(|owner| golden::process(NAME, owner.pid())).collect();
    let output = portwho([port.to_string()]).run().without_seconds();
    output.is(0, &golden::tables(rows, &owners), remarks);
}

#[track_caller]
fn in_json(port: u16, remarks: &str) -> Value {
    portwho(["--json", &port.to_string()]).run().without_seconds().json(0, remarks)
}

/// A socket with a process of its own needs no words. What the kernel sends again, it sends when
/// it likes.
#[track_caller]
fn has_note(row: &Value, note: Option<&str>) {
    let found = row["note"].as_str().map(without_seconds);
    let found = found.as_deref().and_then(|note| note.split(", retransmitted ").next());
    assert_eq!(found, note, "{row:#}");
}

/// A connection that may block a bind.
fn blocked(what: &str, port: u16) -> String {
    format!(
        "is not in use (1 {what}; until it ends, a bind fails unless both sockets set SO_REUSEADDR, \
         which no table shows); to find out, run: portwho --try-bind {port}"
    )
}

/// What is said of a port on which there is this one connection and no listener.
fn verdict(state: &str, port: u16) -> String {
    let verdict = match state {
        "SYN_SENT" | "ESTABLISHED" | "" => {
            "has no listener; 1 connection uses it: a bind may fail until it ends".to_owned()
        }
        "TIME_WAIT" => blocked("TIME_WAIT, N left", port),
        other => blocked(other, port),
    };
    format!("portwho: port {port} {verdict}\n")
}

/// Why no process holds a connection on a port without a listener, in JSON.
fn reason(state: &str) -> &'static str {
    const ORPHANED: &str = "closed by its process, and the kernel has not finished closing it";
    const ORPHANED_FOR: &str =
        "closed by its process, and the kernel has not finished closing it, N left";
    match state {
        "TIME_WAIT" => "TIME_WAIT, N left",
        "FIN_WAIT_2" => ORPHANED_FOR,
        _ => ORPHANED,
    }
}

#[track_caller]
fn is_owned_by(row: &Value, owner: &Process) {
    assert_eq!(row["owner"], json!({"kind": "processes", "pids": [owner.pid()]}), "{row:#}");
    assert!(row["inode"].as_u64().is_some_and(|inode| inode > 0), "{row:#}");
    assert_eq!((&row["user"], &row["uid"]), (&json!("root"), &json!(0)), "{row:#}");
}

#[track_caller]
fn is_kernels(row: &Value, reason: &str) {
    assert_eq!(row["owner"], json!({"kind": "kernel", "reason": reason}), "{row:#}");
    assert_eq!(row["inode"], 0, "{row:#}");
}

/// The only row of a port that one connection uses: both tables, then JSON.
#[track_caller]
fn one_connection(
    state: &str,
    local: SocketAddr,
    foreign: SocketAddr,
    owner: Result<&Process, &str>,
) {
    let process = owner.ok();
    let verdict = verdict(state, local.port());
    let note = reason(state);
    shows(local.port(), &[row(state, local, foreign, process)], process, &verdict);
    let answer = in_json(local.port(), &verdict);
    let found = only_socket(&answer);
    is_connection(found, state, local, foreign);
    has_note(found, owner.is_err().then_some(note));
    match owner {
        Ok(process) => is_owned_by(found, process),
        Err(reason) => is_kernels(found, reason),
    }
}

/// A connection on a port where a listener stands too, which this process holds. Where the
/// connection has no owner, its reason comes with the words for it.
#[track_caller]
fn beside_listener(
    state: &str,
    local: SocketAddr,
    foreign: SocketAddr,
    listener: &Process,
    owner: Result<&Process, (&str, &str)>,
) {
    let mut owners = vec![golden::process(NAME, listener.pid())];
    owners.extend(owner.ok().map(|owner| golden::process(NAME, owner.pid())));
    owners.sort_by_key(golden::ProcessRow::pid);
    let rows = [
        row("LISTENING", local, nowhere(local), Some(listener)),
        row(state, local, foreign, owner.ok()),
    ];
    let note = owner.err().map(|(_, note)| note);
    let remark = note.map(|note| format!("portwho: {local}: 1 connection: {note}\n"));
    let output = portwho([local.port().to_string()]).run();
    output.is(0, &golden::tables(&rows, &owners), &remark.unwrap_or_default());
    let answer = in_json(local.port(), "");
    let found = socket(&answer, local, Some(foreign));
    is_connection(found, state, local, foreign);
    has_note(found, note);
    has_note(socket(&answer, local, None), None);
    match owner {
        Ok(process) => is_owned_by(found, process),
        Err((reason, _)) => is_kernels(found, reason),
    }
}

#[track_caller]
fn is_connection(row: &Value, state: &str, local: SocketAddr, foreign: SocketAddr) {
    assert_eq!(row["protocol"], "tcp", "{row:#}");
    assert_eq!(row["family"], if local.is_ipv4() { "ipv4" } else { "ipv6" }, "{row:#}");
    assert_eq!(row["state"], state, "{row:#}");
    assert_eq!(row["local"], endpoint(local), "{row:#}");
    assert_eq!(row["foreign"]["address"], foreign.ip().to_string(), "{row:#}");
    assert_eq!(row["foreign"]["port"], foreign.port(), "{row:#}");
    assert_eq!(row["netns"], Value::Null, "{row:#}");
}

fn endpoint(address: SocketAddr) -> Value {
    json!({"address": address.ip().to_string(), "port": address.port(), "interface": null})
}

#[trial]
fn listening() {
    for at in Loopback::BOTH {
        for address in [SocketAddr::new(at.any(), 80), at.port(81)] {
            let Held { socket, address } = makers::listening(address);
            let owner = hold(socket);
            let expected = row("LISTENING", address, nowhere(address), Some(&owner));
            shows(address.port(), &[expected], Some(&owner), "");
            let answer = in_json(address.port(), "");
            let found = only_socket(&answer);
            is_owned_by(found, &owner);
            has_note(found, None);
            assert_eq!(found["state"], "LISTENING");
            assert_eq!(found["foreign"], Value::Null);
            assert_eq!(found["local"], endpoint(address));
            assert_eq!((&found["recv_queue"], &found["send_queue"]), (&json!(0), &json!(16)));
            assert_eq!(found["timer"], Value::Null);
            assert_eq!(answer["processes"][0]["name"], NAME);
        }
    }
}

#[trial]
fn bound() {
    for at in Loopback::BOTH {
        let Held { socket, address } = makers::bound(at.port(8080));
        let owner = hold(socket);
        let expected = row("BOUND", address, nowhere(address), Some(&owner));
        let words = "bound without listening: nobody can connect, and it blocks the port";
        let remark = format!("portwho: {address}: held by {NAME} (PID {}), {words}\n", owner.pid());
        shows(8080, &[expected], Some(&owner), &remark);
        let answer = in_json(8080, "");
        let found = only_socket(&answer);
        is_owned_by(found, &owner);
        has_note(found, Some(words));
        assert_eq!(found["state"], "BOUND");
        assert_eq!(found["foreign"], Value::Null);
        assert_eq!(found["local"], endpoint(address));
    }
}

#[trial]
fn syn_sent() {
    for at in Loopback::BOTH {
        let made = makers::syn_sent(at);
        let owner = hold(made.client);
        one_connection("SYN_SENT", made.client_address, made.server_address, Ok(&owner));
    }
}

#[trial]
fn syn_received() {
    for at in Loopback::BOTH {
        let made = makers::syn_received(at);
        let listener = hold(made.listener);
        let (local, foreign) = (made.server_address, made.client_address);
        let note = "half-open: the client has not completed the handshake, for inetinfo.exe";
        beside_listener("SYN_RECEIVED", local, foreign, &listener, Err(("syn-received", note)));
    }
}

#[trial]
fn established() {
    for at in Loopback::BOTH {
        let made = makers::established(at);
        let (client, server) = (hold(made.client), hold(made.server));
        one_connection("ESTABLISHED", made.client_address, made.server_address, Ok(&client));
        let listener = hold(made.listener);
        let (local, foreign) = (made.server_address, made.client_address);
        beside_listener("ESTABLISHED", local, foreign, &listener, Ok(&server));
    }
}

#[trial]
fn not_accepted() {
    for at in Loopback::BOTH {
        let made = makers::not_accepted(at);
        let listener = hold(made.listener);
        let (local, foreign) = (made.server_address, made.client_address);
        let note = "waiting for accept(): inetinfo.exe's queue holds 1 of 16";
        beside_listener("ESTABLISHED", local, foreign, &listener, Err(("not-accepted", note)));
    }
}

#[trial]
fn udp() {
    for at in Loopback::BOTH {
        let Held { socket, address } = makers::udp(at.port(123));
        let owner = hold(socket);
        shows(123, &[golden::socket("UDP", address, "*:*", "", owner.pid())], Some(&owner), "");
        let answer = in_json(123, "");
        let found = only_socket(&answer);
        has_note(found, None);
        is_owned_by(found, &owner);
        assert_eq!(found["protocol"], "udp");
        assert_eq!((&found["state"], &found["foreign"]), (&Value::Null, &Value::Null));
        assert_eq!(found["local"], endpoint(address));
    }
}

#[trial]
fn udp_connected() {
    for at in Loopback::BOTH {
        let foreign = at.port(53);
        let Held { socket, address } = makers::udp_connected(foreign);
        let owner = hold(socket);
        let expected = golden::socket("UDP", address, foreign, "", owner.pid());
        shows(address.port(), &[expected], Some(&owner), "");
        let answer = in_json(address.port(), "");
        let found = only_socket(&answer);
        is_owned_by(found, &owner);
        assert_eq!(found["state"], Value::Null);
        assert_eq!(found["foreign"], endpoint(foreign));
    }
}
