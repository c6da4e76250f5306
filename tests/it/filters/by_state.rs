//! By state, protocol and family.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::{NONE, shown, shows};
use crate::support::json::sockets;
use crate::support::makers::{self, Loopback};
use crate::support::{features, portwho};

/// Sockets in most of the states, v4; each with the local end of the state's row.
struct States {
    _held: Vec<Box<dyn std::any::Any>>,
    rows: Vec<(&'static str, SocketAddr)>,
}

fn states() -> States {
    let mut held: Vec<Box<dyn std::any::Any>> = Vec::new();
    let mut rows = Vec::new();
    let mut add = |state, address| rows.push((state, address));
    let at = Loopback::V4;

    if features::lists_bound() {
        let made = makers::bound(at.port(0));
        add("BOUND", made.address);
        held.push(Box::new(made));
    }
    let made = makers::listening(at.port(0));
    add("LISTENING", made.address);
    held.push(Box::new(made));
    let made = makers::syn_received(at);
    add("SYN_RECEIVED", made.server_address);
    held.push(Box::new(made));
    let made = makers::syn_sent(at);
    add("SYN_SENT", made.client_address);
    held.push(Box::new(made));
    let made = makers::time_wait(at);
    add("TIME_WAIT", made.client_address);
    held.push(Box::new(made));
    for (client, server, made) in [
        ("ESTABLISHED", "ESTABLISHED", makers::established(at)),
        ("FIN_WAIT_1", "ESTABLISHED", makers::fin_wait_1(at)),
        ("FIN_WAIT_2", "CLOSE_WAIT", makers::half_closed(at)),
        ("FIN_WAIT_2", "LAST_ACK", makers::last_ack(at)),
        ("CLOSING", "FIN_WAIT_2", makers::closing(at)),
    ] {
        add(client, made.client_address);
        add(server, made.server_address);
        held.push(Box::new(made));
    }
    States { _held: held, rows }
}

/// The states that are shown, each once.
#[track_caller]
fn states_shown(words: &[&str]) -> BTreeSet<String> {
    let output = portwho([&["--json"], words].concat()).run();
    let answer = output.json(0, "");
    let state = |socket: &serde_json::Value| socket["state"].as_str().unwrap_or("UDP").to_owned();
    sockets(&answer).iter().map(state).collect()
}

fn set(words: &[&str]) -> BTreeSet<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

#[trial]
fn states_in_every_spelling() {
    let made = states();
    for (state, spellings) in [
        // The kernel gives these two up after a minute.
        ("TIME_WAIT", &["TIME_WAIT", "TIME-WAIT", "TimeWait"] as &[&str]),
        ("SYN_RECEIVED", &["SYN_RCVD", "SYN_RECV", "SYN_RECEIVED", "SYN-RECV", "SynReceived"]),
        ("LISTENING", &["LISTEN", "LISTENING", "listen", "Listen"]),
        ("SYN_SENT", &["SYN_SENT", "SYN-SENT", "SynSent"]),
        ("ESTABLISHED", &["ESTAB", "ESTABLISHED", "estab", "Established"]),
        ("FIN_WAIT_1", &["FIN_WAIT1", "FIN_WAIT_1", "FIN-WAIT-1", "FinWait1", "fin-wait-1"]),
        ("FIN_WAIT_2", &["FIN_WAIT2", "FIN_WAIT_2", "FIN-WAIT-2", "FinWait2"]),
        ("CLOSE_WAIT", &["CLOSE_WAIT", "close-wait", "CloseWait"]),
        ("CLOSING", &["CLOSING", "closing"]),
        ("LAST_ACK", &["LAST_ACK", "LAST-ACK", "LastAck"]),
        ("BOUND", &["BOUND", "bound"]),
    ] {
        let Some((_, address)) = made.rows.iter().find(|(made, _)| *made == state) else {
            assert!(state == "BOUND" && !features::lists_bound(), "{state}");
            continue;
        };
        for spelling in spellings {
            assert_eq!(states_shown(&["-s", spelling]), set(&[state]), "{spelling}");
        }
        let rows = shown(&["--state", state]);
        let row = format!("tcp {address}");
        assert!(rows.iter().any(|shown| shown.starts_with(&row)), "{row} in {rows:?}");
    }
    shows(&["--state", "CLOSE"], NONE);
    shows(&["--state", "CLOSED"], NONE);
}

const TEARDOWN: [&str; 6] =
    ["FIN_WAIT_1", "FIN_WAIT_2", "CLOSE_WAIT", "CLOSING", "LAST_ACK", "TIME_WAIT"];

#[trial]
fn groups_of_states() {
    let _made = states();
    let teardown = set(&TEARDOWN);
    let mut stuck = teardown.clone();
    stuck.remove("TIME_WAIT");
    let mut synchronized = teardown.clone();
    synchronized.insert("ESTABLISHED".to_owned());
    let mut connected = synchronized.clone();
    connected.extend(set(&["SYN_SENT", "SYN_RECEIVED"]));
    assert_eq!(states_shown(&["-s", "teardown"]), teardown);
    assert_eq!(states_shown(&["-s", "stuck"]), stuck);
    assert_eq!(states_shown(&["-s", "synchronized"]), synchronized);
    assert_eq!(states_shown(&["-s", "connected"]), connected);
    let listed = states_shown(&["-s", "LISTEN,CLOSE_WAIT"]);
    assert_eq!(listed, set(&["LISTENING", "CLOSE_WAIT"]));
    let repeated = states_shown(&["-s", "LISTEN", "-s", "CLOSE_WAIT"]);
    assert_eq!(repeated, listed, "values of one filter widen");
    if features::lists_bound() {
        let mixed = states_shown(&["-s", "BOUND,stuck"]);
        stuck.insert("BOUND".to_owned());
        assert_eq!(mixed, stuck);
    }
}

#[trial]
fn all_states_but_some() {
    let _made = states();
    let without = states_shown(&["-t", "--not-state", "connected"]);
    let bound = if features::lists_bound() { "BOUND" } else { "LISTENING" };
    assert_eq!(without, set(&["LISTENING", bound]));
    let narrowed = states_shown(&["-s", "teardown", "--not-state", "stuck"]);
    assert_eq!(narrowed, set(&["TIME_WAIT"]));
}

#[trial]
fn a_state_leaves_udp_out() {
    let _udp = makers::udp(Loopback::V4.port(53));
    let _tcp = makers::listening(Loopback::V4.port(53));
    shows(&["-s", "LISTEN"], ["tcp 127.0.0.1:53"]);
    shows(&["-s", "CLOSED"], NONE);
}

#[trial]
fn listening_is_tcp_and_unconnected_udp() {
    let _made = states();
    let _held = (
        makers::udp(Loopback::V4.port(53)),
        makers::udp_connected(Loopback::V4.port(443)),
        makers::listening(Loopback::V6.port(80)),
    );
    let all = shown(&["-l"]);
    assert!(all.contains("udp 127.0.0.1:53") && all.contains("tcp [::1]:80"), "{all:?}");
    assert!(all.iter().all(|row| row.split(' ').count() == 2), "none is connected: {all:?}");
    assert_eq!(states_shown(&["-l"]), set(&["LISTENING", "UDP"]), "BOUND takes no connection");
    shows(&["-lu"], ["udp 127.0.0.1:53"]);
    shows(&["-l6"], ["tcp [::1]:80"]);
}

#[trial]
fn protocols_and_families() {
    let mut held = Vec::new();
    for at in Loopback::BOTH {
        held.push(makers::listening(at.port(80)));
        held.push(makers::udp(at.port(80)));
    }
    let [tcp4, tcp6] = ["tcp 127.0.0.1:80", "tcp [::1]:80"];
    let [udp4, udp6] = ["udp 127.0.0.1:80", "udp [::1]:80"];
    shows(&["80"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-t"], [tcp4, tcp6]);
    shows(&["--udp"], [udp4, udp6]);
    shows(&["-4"], [tcp4, udp4]);
    shows(&["-6"], [tcp6, udp6]);
    shows(&["-tu"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-46"], [tcp4, tcp6, udp4, udp6]);
    shows(&["-t6"], [tcp6]);
}
