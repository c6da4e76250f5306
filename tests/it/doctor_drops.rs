//! What is dropped between two snapshots: datagrams, and connections of a listener. What was dropped
//! before says nothing.

use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt::set_socket_recv_buffer_size;
use serde_json::{Value, json};

use crate::doctor::{LOOPBACK, findings, is, server, silent};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::{features, portwho, skip, wait_until};

/// Does this again and again while something else is done.
fn meanwhile<T>(again: impl Fn() + Sync, done: impl FnOnce() -> T) -> T {
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                again();
                // It need not take a whole processor.
                thread::sleep(Duration::from_millis(1));
            }
        });
        let result = done();
        is_over.store(true, Ordering::Relaxed);
        result
    })
}

/// The last column of the line of a UDP socket in /proc/net/udp.
fn drops(of: SocketAddr) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/udp").expect("udp");
    let port = format!(":{:04X} ", of.port());
    let line = table.lines().find(|line| line.contains(&port)).expect("its line");
    line.split_whitespace().last().expect("drops").parse().expect("a number")
}

/// A counter of `TcpExt` in /proc/net/netstat, as nstat prints it.
fn counter(name: &str) -> u64 {
    let table = fs::read_to_string("/proc/thread-self/net/netstat").expect("netstat");
    let mut lines = table.lines().filter(|line| line.starts_with("TcpExt:"));
    let mut words = || lines.next().expect("a line").split_whitespace();
    let (mut names, mut numbers) = (words(), words());
    let place = names.position(|known| known == name).expect("the counter");
    numbers.nth(place).expect("a number").parse().expect("a number")
}

#[track_caller]
fn of_kind<'a>(findings: &'a [Value], kind: &str) -> &'a Value {
    let found = findings.iter().find(|one| one["kind"] == kind);
    found.unwrap_or_else(|| panic!("no {kind} in {findings:#?}"))
}

/// The command that is advised can be typed, and shows something.
#[track_caller]
fn can_be_typed(finding: &Value) {
    let now = finding["now"].as_str().expect("text");
    let words = now.strip_prefix("portwho ").expect("portwho").split(' ');
    let output = portwho(words.collect::<Vec<_>>()).run();
    output.is(0, &output.stdout, "");
}

#[trial]
fn datagrams_that_are_not_read() {
    let receiver = makers::udp(Loopback::V4.port(0));
    set_socket_recv_buffer_size(&receiver.socket, 4096).expect("SO_RCVBUF");
    let address = receiver.address;
    let syslog = Owner::named("syslog").holding(receiver.socket);
    let sender = UdpSocket::bind(LOOPBACK).expect("bind");
    let send = || (0..5).for_each(|_| drop(sender.send_to(&[b'x'; 512], address)));
    (0..50).for_each(|_| send());
    // As those of a socket for mDNS or DHCP that is hardly ever read.
    let old = drops(address);
    assert!(old > 200, "{old}");
    silent();
    let found = meanwhile(send, findings);
    let [finding] = &found[..] else { panic!("{found:#?}") };
    let count = finding["count"].as_u64().expect("a number");
    let whole = usize::try_from(count).expect("a number");
    is(finding, "udp-drops", "warning", Some((syslog.pid(), "syslog")), whole);
    let (now, evidence) = (drops(address), &finding["evidence"]);
    assert!(count >= 10 && count <= now - old, "{count} of {now} - {old}");
    let since = evidence["since_created"].as_u64().expect("a number");
    assert!(since >= old + count && since <= now, "{since}");
    let local = json!({"address": "127.0.0.1", "port": address.port()});
    assert_eq!(evidence["local"], local);
    assert!(evidence["over_ms"].as_u64().is_some_and(|over| over >= 1000), "{finding:#}");
    can_be_typed(finding);
    silent();
}

/// Some of its sockets were opened between the snapshots, and dropped something at once.
#[trial]
fn sockets_that_were_opened_since() {
    let sender = UdpSocket::bind(LOOPBACK).expect("bind");
    let opened = Mutex::new(Vec::new());
    let open = || {
        let receiver = makers::udp(Loopback::V4.port(0));
        set_socket_recv_buffer_size(&receiver.socket, 4096).expect("SO_RCVBUF");
        (0..300).for_each(|_| drop(sender.send_to(&[b'x'; 512], receiver.address)));
        opened.lock().expect("lock").push(receiver);
        // Several between the snapshots, and few in all.
        thread::sleep(Duration::from_millis(100));
    };
    let output = meanwhile(open, || portwho(["doctor", "--json", "--interval", "1"]).run());
    let answer = output.json(1, &features::remark_on_bound(&output));
    let found = answer["findings"].as_array().expect("findings");
    assert!(found.iter().all(|one| one["kind"] == "udp-drops"), "{answer:#}");
    let is_new = |one: &Value| one["count"] == one["evidence"]["since_created"];
    assert!(found.iter().any(is_new), "{answer:#}");
}

#[trial]
fn connections_that_a_listener_drops() {
    // No backlog is longer.
    if let Err(error) = fs::write("/proc/sys/net/core/somaxconn", "2") {
        return skip(&format!("cannot set somaxconn: {error}"));
    }
    let (mut web, address) = server("web");
    // Each of these finds the queue full, and its client has given up at once.
    let begin = || drop(makers::begin(address));
    let before = counter("ListenDrops");
    let found = meanwhile(begin, || {
        // Without any drops of a listener there is no second snapshot.
        wait_until("a drop", || (counter("ListenDrops") > before).then_some(()));
        findings()
    });
    let finding = of_kind(&found, "listener-drops");
    let count = finding["count"].as_u64().expect("a number");
    let whole = usize::try_from(count).expect("a number");
    is(finding, "listener-drops", "warning", Some((web.pid(), "web")), whole);
    let (all, evidence) = (counter("ListenDrops") - before, &finding["evidence"]);
    assert!(count > 0 && count <= all, "{count} of {all}");
    assert!(evidence["since_created"].as_u64().is_some_and(|since| since >= count && since <= all));
    assert_eq!((&evidence["port"], &evidence["backlog"]), (&json!(address.port()), &json!(2)));
    // Now the queue is empty, and what was dropped is old.
    web.tell("accept 3");
    silent();
}
