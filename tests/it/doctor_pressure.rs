//! What runs out, and who is gone: each fault made on purpose is found, with its culprit, and nothing
//! else.

mod time_wait;

use std::fs;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;
use std::sync::mpsc;
use std::thread;

use rustix::process::{Pid, Resource, Rlimit, prlimit};
use serde_json::{Value, json};

use crate::doctor::{await_count, findings, is, only_finding, server};
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::Owner;
use crate::support::programs::find_in_path;
use crate::support::{is_healthy, portwho, skip, wait_until};

/// Sets a setting of this test's own namespace, if it may.
pub fn set(name: &str, value: &str) -> bool {
    fs::write(format!("/proc/sys/net/ipv4/{name}"), value)
        .inspect_err(|error| skip(&format!("cannot set {name}: {error}")))
        .is_ok()
}

/// Runs `ip WORDS` in this thread's namespace.
#[track_caller]
pub fn ip(words: &str) {
    let status = Command::new("ip").args(words.split(' ')).status().expect("ip");
    assert!(status.success(), "ip {words}: {status}");
}

#[trial]
fn a_fan_out_into_nowhere() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    // What is sent to lo, and is for no address here, is dropped without an answer.
    ip("route add 198.18.0.0/15 dev lo");
    let mut worm = Owner::named("worm").playing("connections", &[]);
    worm.line();
    for host in 1..=120 {
        worm.tell(&format!("begin 198.18.0.{host}:445"));
    }
    worm.tell("begin 198.18.0.1:22");
    await_count("tcp", State::SYN_SENT, 121);
    // The answers may be on their way. (A slow machine may have retransmitted by now.)
    let early = portwho(["doctor"]).run();
    if retransmitted(2) == 0 {
        is_healthy(&early, "121 sockets of 1 process");
    }
    wait_until("two retransmissions of each", || (retransmitted(2) == 121).then_some(()));
    let finding = only_finding();
    is(&finding, "syn-sent-fan-out", "warning", Some((worm.pid(), "worm")), 120);
    let evidence = json!({"sockets": 121, "foreign_ports": {"22": 1, "445": 120}});
    assert_eq!(finding["evidence"], evidence);
    assert_eq!(finding["now"], format!("portwho -v --state SYN_SENT --pid {}", worm.pid()));
}

/// How many sockets of this namespace have retransmitted so often, by /proc/net/tcp.
fn retransmitted(times: u32) -> usize {
    let table = fs::read_to_string("/proc/thread-self/net/tcp").expect("read");
    let retransmits = |line: &str| {
        let field = line.split_whitespace().nth(6).expect("retrnsmt");
        u32::from_str_radix(field, 16).expect("a number")
    };
    table.lines().skip(1).filter(|line| retransmits(line) >= times).count()
}

#[trial]
fn half_open_connections() {
    let listener = makers::deferring(Loopback::V4, 64);
    let web = Owner::named("web").holding(listener.socket);
    let mut clients: Vec<OwnedFd> = (0..63).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::SYN_RECEIVED, 63);
    is_healthy(&portwho(["doctor"]).run(), "127 sockets of 2 processes");
    clients.push(makers::begin(listener.address));
    await_count("tcp", State::SYN_RECEIVED, 64);
    let finding = only_finding();
    is(&finding, "syn-flood", "warning", Some((web.pid(), "web")), 64);
    let port = listener.address.port();
    assert_eq!(finding["evidence"]["port"], port);
    assert_eq!(
        (&finding["evidence"]["backlog"], &finding["evidence"]["foreign_addresses"]),
        (&json!(64), &json!(1))
    );
    assert_eq!(finding["now"], format!("portwho --state SYN_RECEIVED {port}"));
    drop(clients);
}

/// Where clients try again meanwhile, what the listener drops is a finding too.
#[track_caller]
fn of_kind(kind: &str) -> Value {
    let found = findings();
    let its = found.iter().find(|one| one["kind"] == kind);
    its.unwrap_or_else(|| panic!("no {kind} in {found:#?}")).clone()
}

#[trial]
fn a_full_accept_queue() {
    let listener = makers::listening_with(Loopback::V4.port(0), 4, |_| {});
    let busy = Owner::named("busy").holding(listener.socket);
    let mut clients: Vec<OwnedFd> = (0..4).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::ESTABLISHED, 8);
    is_healthy(&portwho(["doctor"]).run(), "9 sockets of 2 processes");
    clients.extend((0..3).map(|_| makers::begin(listener.address)));
    wait_until("the queue to be full", || {
        let nowhere = Loopback::V4.any();
        let row = kernel_table::find(listener.address, SocketAddr::new(nowhere, 0))?;
        (row.receive_queue == 5).then_some(())
    });
    let finding = of_kind("accept-queue-full");
    is(&finding, "accept-queue-full", "critical", Some((busy.pid(), "busy")), 5);
    let evidence = &finding["evidence"];
    let local = json!({"address": "127.0.0.1", "port": listener.address.port()});
    assert_eq!((&evidence["local"], &evidence["backlog"]), (&local, &json!(4)));
    assert!(evidence["listen_overflows"].as_u64().is_some_and(|count| count > 0), "{finding:#}");
    // Clients that give up leave a CLOSE_WAIT in the queue: that is the same fault.
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 5);
    let finding = of_kind("accept-queue-full");
    is(&finding, "accept-queue-full", "critical", Some((busy.pid(), "busy")), 5);
}

#[trial]
fn a_peer_that_was_cut_off() {
    if find_in_path("ip").is_none() {
        return skip("no ip in the PATH");
    }
    let (tell_address, address) = mpsc::channel::<Option<SocketAddr>>();
    let (cut, cut_now) = mpsc::channel::<()>();
    let (tell_cut, is_cut) = mpsc::channel::<()>();
    let own = std::process::id();
    thread::scope(|scope| {
        scope.spawn(move || {
            in_netns(move || {
                let words = format!("link add v1 type veth peer name v0 netns {own}");
                let made = Command::new("ip").args(words.split(' ')).output().expect("ip");
                if !made.status.success() {
                    return tell_address.send(None).expect("send");
                }
                ip("addr add 10.77.0.2/24 dev v1");
                ip("link set v1 up");
                let peer = TcpListener::bind("10.77.0.2:0").expect("bind");
                tell_address.send(Some(peer.local_addr().expect("address"))).expect("send");
                let connections: Vec<TcpStream> =
                    (0..14).map(|_| peer.accept().expect("accept").0).collect();
                let half = |connection: &TcpStream| connection.shutdown(Shutdown::Write);
                connections.iter().take(7).for_each(|one| half(one).expect("shutdown"));
                cut_now.recv().expect("an order");
                ip("link set v1 down");
                tell_cut.send(()).expect("send");
                // They live on until the test has seen what it wants to see.
                let _ = cut_now.recv();
                drop(connections);
            });
        });
        let Some(peer) = address.recv().expect("an address") else {
            return skip("no veth on this machine");
        };
        ip("addr add 10.77.0.1/24 dev v0");
        ip("link set v0 up");
        let clients: Vec<TcpStream> =
            (0..14).map(|_| TcpStream::connect(peer).expect("connect")).collect();
        await_count("tcp", State::CLOSE_WAIT, 7);
        cut.send(()).expect("send");
        is_cut.recv().expect("cut");
        drop(clients);
        let finding = wait_until("three retransmissions of each", || {
            let output = portwho(["doctor", "--json"]).run();
            let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
            (answer["findings"][0]["count"] == 14).then(only_finding)
        });
        is(&finding, "unacknowledged-close", "warning", None, 14);
        let evidence = &finding["evidence"];
        assert_eq!(evidence["states"], json!({"FIN_WAIT_1": 7, "LAST_ACK": 7}));
        assert_eq!(evidence["peers"], json!({"10.77.0.2": 14}));
        assert!(evidence["most_retransmits"].as_u64().is_some_and(|count| count >= 3));
        let now = "portwho close --state FIN_WAIT_1,CLOSING,LAST_ACK --foreign 10.77.0.2";
        assert_eq!(finding["now"], now);
        drop(cut);
    });
}

#[trial]
fn descriptors_that_run_out() {
    let (mut hungry, _) = server("hungry");
    hungry.tell("descriptors 57 64");
    is_healthy(&portwho(["doctor"]).run(), "1 socket of 1 process");
    hungry.tell("descriptors 58 64");
    let finding = only_finding();
    is(&finding, "descriptors-nearly-used", "warning", Some((hungry.pid(), "hungry")), 58);
    assert_eq!(finding["evidence"], json!({"descriptor_limit": 64, "sockets": 1}));
    assert_eq!(finding["now"], format!("prlimit --pid {} --nofile=128:", hungry.pid()));
    let both = Rlimit { current: Some(64), maximum: Some(64) };
    prlimit(Pid::from_raw(hungry.pid().cast_signed()), Resource::Nofile, both).expect("prlimit");
    let raise = format!("prlimit --pid {} --nofile=128:128", hungry.pid());
    assert_eq!(only_finding()["now"], raise);
}
