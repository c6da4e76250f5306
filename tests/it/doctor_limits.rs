//! What runs out while nothing has failed yet: ephemeral ports of open connections, and the queues of
//! listeners.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use serde_json::{Value, json};

use crate::doctor::{await_count, is, only_finding};
use crate::doctor_pressure::set;
use crate::support::kernel_table::State;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::terminal::Terminal;
use crate::support::{is_healthy, portwho};

/// Open connections use ports up as well: the next connect() fails.
#[trial]
fn open_connections_against_the_ephemeral_ports() {
    if !set("ip_local_port_range", "20000 20099") {
        return;
    }
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let mut client = Owner::named("pool").playing("connections", &[]);
    client.line();
    let mut kept = Vec::new();
    let connect = |client: &mut Actor, kept: &mut Vec<TcpStream>, count: usize| {
        for _ in 0..count {
            client.tell("connect 127.0.0.1:9000 1");
            kept.push(backend.accept().expect("accept").0);
        }
    };
    connect(&mut client, &mut kept, 79);
    is_healthy(&portwho(["doctor"]).run(), "159 sockets of 2 processes");
    connect(&mut client, &mut kept, 1);
    is(&only_finding(), "ephemeral-ports", "warning", Some((client.pid(), "pool")), 80);
    connect(&mut client, &mut kept, 20);
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, 9000)).expect_err("no port is left");
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrNotAvailable);
    let finding = only_finding();
    is(&finding, "ephemeral-ports", "critical", Some((client.pid(), "pool")), 100);
    // A port that a listener has is not there for connect() either.
    assert!(set("ip_local_port_range", "20000 20104"));
    assert_eq!(only_finding()["count"], 100);
    let _listeners: Vec<TcpListener> = (20_100..20_103)
        .map(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("bind"))
        .collect();
    let finding = only_finding();
    assert_eq!((&finding["count"], &finding["evidence"]["of"]), (&json!(103), &json!(105)));
}

/// A backlog that is too small for its clients: they get cookies, and nothing is remembered of them.
#[trial]
fn handshakes_that_get_cookies() {
    let Some(answer) = answer_beside_cookies("1") else { return };
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    is(finding, "syn-flood", "warning", None, 12);
    assert_eq!(finding["evidence"]["syncookies_sent"], 13);
}

/// tcp_syncookies=2 sends them to every client, whatever the backlog.
#[trial]
fn cookies_for_every_client() {
    let Some(answer) = answer_beside_cookies("2") else { return };
    assert_eq!(answer["findings"], json!([]));
}

/// What doctor says of two snapshots between which a dozen clients get cookies, by a value of
/// tcp_syncookies.
fn answer_beside_cookies(value: &str) -> Option<Value> {
    // Where cookies are sent to everybody, it takes no flood to see them.
    if !set("tcp_syncookies", "2") {
        return None;
    }
    let listener = makers::listening_with(Loopback::V4.port(0), 64, |_| {});
    let mut clients = vec![makers::begin(listener.address)];
    await_count("tcp", State::ESTABLISHED, 2);
    // One was sent, and none since.
    is_healthy(&portwho(["doctor"]).run(), "3 sockets of 1 process");
    let mut terminal = Terminal::whole(&portwho(["doctor", "--json", "--interval", "3"]));
    terminal.await_text("for snapshot 2 of 2");
    clients.extend((0..12).map(|_| makers::begin(listener.address)));
    assert!(set("tcp_syncookies", value));
    let screen = terminal.finish();
    let answer = screen.stdout.rsplit('\r').next().expect("an answer");
    Some(serde_json::from_str(answer).expect("JSON"))
}

/// It is not full, and stays half full.
#[trial]
fn an_accept_queue_that_stays_half_full() {
    let listener = makers::listening_with(Loopback::V4.port(0), 40, |_| {});
    let slow = Owner::named("slow").holding(listener.socket);
    let mut clients: Vec<OwnedFd> = (0..19).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::ESTABLISHED, 38);
    is_healthy(&portwho(["doctor"]).run(), "39 sockets of 2 processes");
    clients.push(makers::begin(listener.address));
    await_count("tcp", State::ESTABLISHED, 40);
    let finding = only_finding();
    is(&finding, "accept-queue-full", "warning", Some((slow.pid(), "slow")), 20);
    // One snapshot cannot tell it from a burst, and says that it was not decided.
    let once = portwho(["doctor", "--count", "1"]).run();
    is_healthy(&once, "41 sockets of 2 processes");
    let open =
        "not run: accept-queue-full (requires a second snapshot: run doctor without --count 1)";
    let words: Vec<&str> = once.stdout.split_whitespace().collect();
    assert!(words.join(" ").contains(open), "{once:?}");
    drop(clients);
}
