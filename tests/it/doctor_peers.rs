//! Peers that are gone, that do not answer, or that do not read; and processes that do not read: each
//! fault made on purpose is found, with its culprit, and what looks like it is not.

use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::doctor::{await_count, findings, is, server, silent};
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::neighbor::{HERE, Neighbor, THERE, ip};
use crate::support::process::{Actor, Owner};
use crate::support::programs::find_in_path;
use crate::support::{skip, wait_until};

/// Asks doctor every half second, a few times while something ripens, until it has this finding.
#[track_caller]
fn await_finding(kind: &str, count: usize) -> Vec<Value> {
    wait_until(format!("{count} {kind}"), || {
        let found = findings();
        let is_it = |one: &Value| one["kind"] == kind && one["count"] == count;
        if found.iter().any(is_it) {
            return Some(found);
        }
        thread::sleep(Duration::from_millis(500));
        None
    })
}

/// Fewer than the standard library's listeners keep waiting.
const BACKLOG: usize = 100;

#[track_caller]
fn of_kind<'a>(findings: &'a [Value], kind: &str) -> Vec<&'a Value> {
    findings.iter().filter(|one| one["kind"] == kind).collect()
}

fn client(name: &str) -> Actor {
    let mut client = Owner::named(name).playing("connections", &[]);
    client.line();
    client
}

#[trial]
fn a_backend_that_does_not_answer() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    // What is sent to lo, and is for no address here, is dropped without an answer.
    ip("route add 198.18.0.0/15 dev lo");
    let mut web = client("web");
    for port in [5432, 6379] {
        for _ in 0..11 {
            web.tell(&format!("begin 198.18.0.1:{port}"));
        }
    }
    // A few to one more address, and one to each of many.
    for _ in 0..19 {
        web.tell("begin 198.18.0.2:5432");
    }
    for host in 1..=50 {
        web.tell(&format!("begin 198.18.1.{host}:80"));
    }
    await_count("tcp", State::SYN_SENT, 91);
    // Nothing was retransmitted yet: they may be answered at once.
    silent();
    let found = await_finding("unanswered-connect", 22);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "unanswered-connect", "warning", Some((web.pid(), "web")), 22);
    let evidence = &finding["evidence"];
    assert_eq!(evidence["foreign"], "198.18.0.1");
    assert_eq!(evidence["foreign_ports"], json!({"5432": 11, "6379": 11}));
    assert_eq!(evidence["processes"], 1);
    assert!(evidence["most_retransmits"].as_u64().is_some_and(|count| count >= 2), "{finding:#}");
    assert_eq!(finding["now"], "portwho --state SYN_SENT --foreign 198.18.0.1");
}

/// Connections to a peer whose link is cut, with data that no peer acknowledges.
#[trial]
fn a_peer_that_is_gone() {
    let Some(neighbor) = Neighbor::new() else { return };
    let (address, listener) = neighbor.run(|| {
        let listener = TcpListener::bind((THERE, 0)).expect("bind");
        (listener.local_addr().expect("address"), listener)
    });
    let mut web = client("web");
    web.tell(&format!("connect {address} 12"));
    let accepted: Vec<TcpStream> = (0..12).map(|_| listener.accept().expect("accept").0).collect();
    web.tell("write hello");
    silent();
    neighbor.run(|| ip("link set v1 down"));
    web.tell("write hello");
    let found = await_finding("peer-gone", 12);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "peer-gone", "warning", Some((web.pid(), "web")), 12);
    let evidence = &finding["evidence"];
    assert_eq!((&evidence["foreign"], &evidence["port"]), (&json!(THERE), &Value::Null));
    assert_eq!(evidence["unacknowledged_bytes"], 12 * 5);
    assert!(evidence["most_retransmits"].as_u64().is_some_and(|count| count >= 3), "{finding:#}");
    drop(accepted);
}

/// Mobile clients vanish from everywhere at any time; here 12 of 300, each from an address of its own.
#[trial]
fn clients_that_do_not_answer() {
    let Some(neighbor) = Neighbor::new() else { return };
    let mut web = Owner::named("web").playing("connections", &[&format!("{HERE}:0")]);
    let address: SocketAddr = web.line().parse().expect("an address");
    neighbor.run(|| (1..=12).for_each(|host| ip(&format!("addr add 10.77.1.{host}/16 dev v1"))));
    let stay = (0..288).map(|_| THERE.to_owned());
    let froms: Vec<String> = stay.chain((1..=12).map(|host| format!("10.77.1.{host}"))).collect();
    let mut clients: Vec<OwnedFd> = Vec::new();
    for froms in froms.chunks(BACKLOG) {
        let froms = froms.to_vec();
        let count = froms.len();
        let connect = move |from: &String| {
            let from = SocketAddr::new(from.parse().expect("an address"), 0);
            makers::connected_from(from, address)
        };
        let begun = neighbor.run(move || froms.iter().map(connect).collect::<Vec<_>>());
        clients.extend(begun);
        web.tell(&format!("accept {count}"));
    }
    web.tell("write hello");
    silent();
    neighbor.run(|| (1..=12).for_each(|host| ip(&format!("addr del 10.77.1.{host}/16 dev v1"))));
    web.tell("write hello");
    let found = await_finding("peer-gone", 12);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "peer-gone", "note", Some((web.pid(), "web")), 12);
    let evidence = &finding["evidence"];
    assert_eq!((&evidence["port"], &evidence["of"]), (&json!(address.port()), &json!(300)));
    assert_eq!(evidence["peers"].as_object().map(serde_json::Map::len), Some(12));
    drop(clients);
}

fn say(clients: &[TcpStream], text: &str) {
    for mut client in clients {
        client.write_all(text.as_bytes()).expect("write");
    }
}

fn accepted(server: &mut Actor, address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let mut clients = Vec::new();
    while clients.len() < count {
        let next = BACKLOG.min(count - clients.len());
        clients.extend((0..next).map(|_| TcpStream::connect(address).expect("connect")));
        assert_eq!(server.tell(&format!("accept {next}")), "done");
    }
    clients
}

/// Everything that takes half a minute to be a fault, side by side with what only looks like it.
#[trial]
fn what_is_not_read_for_long() {
    let begun = Instant::now();
    // A server that hangs, and one that does not even accept.
    let (mut stuck, address) = server("stuck");
    let requests = accepted(&mut stuck, address, 12);
    say(&requests, "GET /");
    let listener = makers::listening_with(Loopback::V4.port(0), 64, |_| {});
    let deaf = Owner::named("deaf").holding(listener.socket);
    let waiting: Vec<TcpStream> =
        (0..11).map(|_| TcpStream::connect(listener.address).expect("connect")).collect();
    say(&waiting, "GET /");
    // A server whose clients do not read: their windows are closed.
    let (mut media, media_address) = server("media");
    let mut paused = client("paused");
    paused.tell(&format!("connect {media_address} 13"));
    media.tell("accept 13");
    media.tell("fill");
    // Kept-alive connections, long polls, idle websockets: everything that came in was read.
    let (mut web, address) = server("web");
    let kept = accepted(&mut web, address, 300);
    say(&kept, "GET /");
    web.tell("read");
    // One server more has a few requests unread: they may be behind a long answer.
    let (mut busy, address) = server("busy");
    let few = accepted(&mut busy, address, 9);
    say(&few, "GET /");
    // Clients that only write, and never read their TLS session tickets.
    let (mut tls, address) = server("tls");
    let mut shipper = client("shipper");
    shipper.tell(&format!("connect {address} 20"));
    tls.tell("accept 20");
    tls.tell("write ticket");
    // Not one of them is old enough, unless this machine is very slow.
    let found = findings();
    assert!(found.is_empty() || begun.elapsed() >= Duration::from_secs(30), "{found:#?}");
    let found = wait_until("all of them to be found, and all connections of each", || {
        shipper.tell("write log");
        tls.tell("read");
        let found = findings();
        let connections: u64 = found.iter().filter_map(|one| one["count"].as_u64()).sum();
        if connections >= 12 + 11 + 13 + 13 {
            return Some(found);
        }
        thread::sleep(Duration::from_secs(1));
        None
    });
    assert_eq!(found.len(), 4, "{found:#?}");
    let not_reading = of_kind(&found, "not-reading");
    let of = |pid: u32| {
        let its = not_reading.iter().copied().find(|one| one["pid"] == pid);
        its.unwrap_or_else(|| panic!("{found:#?}"))
    };
    let unread = of(stuck.pid());
    is(unread, "not-reading", "warning", Some((stuck.pid(), "stuck")), 12);
    assert_eq!(unread["evidence"]["unread_bytes"], 12 * 5);
    assert_eq!(unread["evidence"]["side"], "server");
    assert_eq!(unread["evidence"]["not_accepted"], 0);
    let unaccepted = of(deaf.pid());
    is(unaccepted, "not-reading", "warning", Some((deaf.pid(), "deaf")), 11);
    assert_eq!(unaccepted["evidence"]["not_accepted"], 11);
    let client = of(paused.pid());
    is(client, "not-reading", "note", Some((paused.pid(), "paused")), 13);
    assert_eq!(client["evidence"]["side"], "client");
    let [closed] = of_kind(&found, "peer-not-reading")[..] else { panic!("{found:#?}") };
    is(closed, "peer-not-reading", "warning", Some((media.pid(), "media")), 13);
    let of_media = |row: &kernel_table::Row| row.local == media_address && row.send_queue > 0;
    let queues = kernel_table::rows("tcp");
    let waiting_bytes: u32 =
        queues.iter().filter(|row| of_media(row)).map(|row| row.send_queue).sum();
    assert_eq!(closed["evidence"]["waiting_bytes"], waiting_bytes);
    assert_eq!(closed["evidence"]["peers"], json!({"127.0.0.1": 13}));
    drop((requests, waiting, kept, few));
}
