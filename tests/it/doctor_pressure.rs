//! What runs out, and who is gone: each fault made on purpose is found, with its culprit, and nothing
//! else.

use std::fs;
use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
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
use crate::support::process::{Owner, find_in_path};
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

/// How many sockets are in this state, once none is on its way to it.
fn settled(state: State) -> usize {
    wait_until("all connections to be closed", || {
        let rows = kernel_table::rows("tcp");
        let count = |state| rows.iter().filter(|row| row.state == state).count();
        let on_the_way = [State::FIN_WAIT_1, State::FIN_WAIT_2, State::LAST_ACK].map(count);
        (on_the_way == [0; 3]).then(|| count(state))
    })
}

#[trial]
fn time_wait_against_the_ephemeral_ports() {
    if !set("ip_local_port_range", "20000 22400") || !set("tcp_tw_reuse", "0") {
        return;
    }
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let mut client = Owner::named("chatty").playing("connections", &[]);
    client.line();
    thread::scope(|scope| {
        let served = scope.spawn(|| {
            for _ in 0..2100 {
                let (mut connection, _) = backend.accept().expect("accept");
                assert_eq!(connection.read(&mut [0]).expect("read"), 0);
            }
        });
        client.tell("churn 127.0.0.1:9000 2100");
        served.join().expect("serve");
    });
    client.tell("connect 127.0.0.1:9000 1");
    let _kept = backend.accept().expect("accept");
    // The kernel loses a few when both ends close on two processors at once.
    let count = settled(State::TIME_WAIT);
    assert!(count >= 2000, "{count}");
    let finding = only_finding();
    is(&finding, "ephemeral-ports", "warning", Some((client.pid(), "chatty")), count + 1);
    let expected = json!({
        "local": "127.0.0.1",
        "foreign": {"address": "127.0.0.1", "port": 9000},
        "bound": 0,
        "range": [20000, 22400],
        "of": 2401,
        "in_use": count + 1,
        "time_wait": count,
        "reusable": 0,
        "tcp_tw_reuse": 0,
        "tcp_timestamps": 1,
    });
    let mut evidence = finding["evidence"].clone();
    // Its queue was full for moments, so there are two snapshots.
    for of_two in ["growth", "exhausted_in_ms"] {
        evidence.as_object_mut().expect("evidence").remove(of_two);
    }
    assert_eq!(evidence, expected);
    assert_eq!(finding["now"], "sysctl -w \"net.ipv4.ip_local_port_range=15000 60999\"");
    // Where connect() takes the ports of old TIME_WAIT, these are no lack.
    assert!(set("tcp_tw_reuse", "2"));
    wait_until("all to be old enough", || {
        let output = portwho(["doctor"]).run();
        output.stdout.starts_with("no problems found in ").then_some(())
    });
    // In a larger range the same number is nothing to mention.
    assert!(set("tcp_tw_reuse", "0"));
    assert!(set("ip_local_port_range", "20000 60999"));
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, &healthy.stdout, "");
    assert!(healthy.stdout.starts_with("no problems found in "), "{healthy:?}");
}

/// connect() takes the port of a TIME_WAIT only if its peer had timestamps, which the kernel does not report.
#[trial]
fn time_wait_without_timestamps() {
    let settings = [("ip_local_port_range", "20000 20049"), ("tcp_tw_reuse", "1")];
    if !settings.iter().all(|(name, value)| set(name, value)) || !set("tcp_timestamps", "0") {
        return;
    }
    ip("addr add 10.78.0.1/32 dev lo");
    let backend = TcpListener::bind("10.78.0.1:9000").expect("bind");
    let address = backend.local_addr().expect("address");
    for _ in 0..50 {
        let client = TcpStream::connect(address).expect("connect");
        let (server, _) = backend.accept().expect("accept");
        client.shutdown(Shutdown::Write).expect("shutdown");
        assert_eq!((&server).read(&mut [0]).expect("read"), 0);
        drop(server);
        drop(client);
    }
    assert_eq!(settled(State::TIME_WAIT), 50);
    assert!(set("tcp_timestamps", "1"));
    // Before they are old enough, they count as any other.
    let finding = wait_until("all to be old enough", || {
        let finding = only_finding_of_any_severity();
        (finding["evidence"]["reusable"] == 50).then_some(finding)
    });
    let failed = TcpStream::connect(address).expect_err("no port is left");
    assert_eq!(failed.kind(), std::io::ErrorKind::AddrNotAvailable);
    is(&finding, "ephemeral-ports", "note", None, 50);
    let evidence = &finding["evidence"];
    assert_eq!((&evidence["in_use"], &evidence["reusable"]), (&json!(0), &json!(50)));
    let text = portwho(["doctor"]).run();
    text.is(0, &text.stdout, "");
    let text = text.stdout.replace("\n             ", " ");
    let what = "50 of 50 ephemeral ports are in use from 10.78.0.1 to 10.78.0.1:9000: connect() may reuse \
                most of them, unless the peers had no TCP timestamps\n";
    assert!(text.contains(what), "{text}");
}

#[track_caller]
fn only_finding_of_any_severity() -> Value {
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    finding.clone()
}

#[trial]
fn time_wait_against_the_buckets() {
    let made: Vec<_> = (0..8).map(|_| makers::time_wait(Loopback::V4)).collect();
    if !set("tcp_max_tw_buckets", "10") {
        return;
    }
    let finding = only_finding();
    is(&finding, "time-wait-pressure", "warning", None, 8);
    assert_eq!(finding["evidence"]["limit"], "tcp_max_tw_buckets");
    assert_eq!(finding["evidence"]["of"], 10);
    assert_eq!(finding["now"], "sysctl -w net.ipv4.tcp_max_tw_buckets=20");
    drop(made);
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
