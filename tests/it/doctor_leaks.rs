//! Connections that no process closes: each bug made on purpose is found, with its culprit and its cause,
//! and nothing else, or without them where they are hidden.

use std::fs;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::doctor::{LOOPBACK, await_count, is, only_finding, server};
use crate::support::json::gaps;
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, can_become};
use crate::support::{is_healthy, portwho, skip, wait_until};

fn accepted(server: &mut Actor, address: SocketAddr, count: usize) -> Vec<TcpStream> {
    let clients = (0..count).map(|_| TcpStream::connect(address).expect("connect")).collect();
    assert_eq!(server.tell(&format!("accept {count}")), "done");
    clients
}

fn say_hello(clients: &[TcpStream]) {
    for mut client in clients {
        client.write_all(b"hello").expect("write");
    }
}

/// Everything was read, the end too.
#[trial]
fn a_server_that_never_closes() {
    let (mut leaky, address) = server("leaky");
    let clients = accepted(&mut leaky, address, 100);
    say_hello(&clients);
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((leaky.pid(), "leaky")), 100);
    let evidence = &finding["evidence"];
    assert_eq!(evidence["cause"], "not-closed");
    assert_eq!(evidence["causes"], json!({"not-closed": 100}));
    assert_eq!((&evidence["port"], &evidence["foreign"]), (&json!(address.port()), &Value::Null));
    assert_eq!((&evidence["older_than_60_s"], &evidence["not_accepted"]), (&json!(0), &json!(0)));
    assert!(evidence["oldest_ms"].as_u64().is_some_and(|age| age < 60_000), "{finding:#}");
    let limit = fs::read_to_string(format!("/proc/{}/limits", leaky.pid())).expect("limits");
    let limit =
        limit.lines().find_map(|line| line.strip_prefix("Max open files")).expect("a limit");
    let limit: u64 = limit.split_whitespace().next().expect("a number").parse().expect("a number");
    assert_eq!(evidence["descriptor_limit"], json!(limit));
    let descriptors = fs::read_dir(format!("/proc/{}/fd", leaky.pid())).expect("list").count();
    assert_eq!(evidence["descriptors"], json!(descriptors));
    let now = format!("portwho close --state CLOSE_WAIT --pid {} {}", leaky.pid(), address.port());
    assert_eq!(finding["now"], now);
}

#[trial]
fn a_server_that_does_not_read_the_end() {
    let (mut stuck, address) = server("stuck");
    let clients = accepted(&mut stuck, address, 120);
    say_hello(&clients);
    stuck.tell("read");
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 120);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((stuck.pid(), "stuck")), 120);
    assert_eq!(finding["evidence"]["cause"], "end-not-read");
    assert_eq!(finding["evidence"]["causes"], json!({"end-not-read": 120}));
}

#[trial]
fn a_server_that_stopped_reading() {
    let (mut busy, address) = server("busy");
    let clients = accepted(&mut busy, address, 100);
    say_hello(&clients);
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((busy.pid(), "busy")), 100);
    assert_eq!(finding["evidence"]["cause"], "data-unread");
    assert_eq!(finding["evidence"]["causes"], json!({"data-unread": 100}));
}

/// Its clients have given up; the kernel still holds their connections for it.
#[trial]
fn a_server_that_does_not_accept() {
    let listener = makers::listening_with(Loopback::V4.port(0), 500, |_| {});
    let asleep = Owner::named("asleep").holding(listener.socket);
    let clients: Vec<_> = (0..100).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::ESTABLISHED, 200);
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((asleep.pid(), "asleep")), 100);
    let evidence = &finding["evidence"];
    assert_eq!(
        (&evidence["not_accepted"], &evidence["cause"]),
        (&json!(100), &json!("end-not-read"))
    );
    // They are no process' yet, so none is named.
    assert_eq!(
        finding["now"],
        format!("portwho close --state CLOSE_WAIT {}", listener.address.port())
    );
    assert_eq!(evidence["port"], listener.address.port());
    let text = portwho(["doctor"]).run();
    text.is(1, &text.stdout, "");
    let what = format!(
        "\nwhat         100 CLOSE_WAIT on port {}: it does not call accept()\n",
        listener.address.port()
    );
    assert!(text.stdout.contains(&what), "{text:?}");
}

/// Its connections share a port all the same.
#[trial]
fn a_server_that_no_longer_listens() {
    let mut closing = Owner::named("closing").playing("listen", &[LOOPBACK]);
    let address: SocketAddr = closing.line().parse().expect("an address");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connect");
        closing.tell("accept");
        client
    };
    let clients: Vec<TcpStream> = (0..100).map(connect).collect();
    closing.tell("close");
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((closing.pid(), "closing")), 100);
    assert_eq!(finding["evidence"]["port"], address.port());
}

#[trial]
fn a_few_are_no_leak() {
    let (mut quick, address) = server("quick");
    drop(accepted(&mut quick, address, 99));
    await_count("tcp", State::CLOSE_WAIT, 99);
    let sockets = kernel_table::rows("tcp").len();
    is_healthy(&portwho(["doctor"]).run(), &format!("{sockets} sockets of 1 process"));
}

/// Each on a port of its own: what they have in common is where they went.
#[trial]
fn a_client_that_never_closes() {
    let pool = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = pool.local_addr().expect("address");
    let mut leaky = Owner::named("pool-client").playing("connections", &[]);
    leaky.line();
    thread::scope(|scope| {
        scope.spawn(|| (0..150).for_each(|_| drop(pool.accept().expect("accept"))));
        leaky.tell(&format!("connect {address} 150"));
    });
    await_count("tcp", State::CLOSE_WAIT, 150);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "warning", Some((leaky.pid(), "pool-client")), 150);
    let evidence = &finding["evidence"];
    let foreign = json!({"address": "127.0.0.1", "port": address.port()});
    assert_eq!((&evidence["foreign"], &evidence["port"]), (&foreign, &Value::Null));
    assert_eq!(evidence["cause"], "not-closed");
    let now = format!(
        "portwho close --state CLOSE_WAIT --pid {} --foreign 127.0.0.1 --foreign-port {}",
        leaky.pid(),
        address.port()
    );
    assert_eq!(finding["now"], now);
}

#[trial]
fn a_thousand_are_critical() {
    let (mut leaky, address) = server("leaky");
    for _ in 0..10 {
        drop(accepted(&mut leaky, address, 100));
    }
    await_count("tcp", State::CLOSE_WAIT, 1000);
    leaky.tell("read");
    let finding = only_finding();
    is(&finding, "close-wait-leak", "critical", Some((leaky.pid(), "leaky")), 1000);
}

#[trial]
fn a_leak_that_grows() {
    let (mut leaky, address) = server("leaky");
    drop(accepted(&mut leaky, address, 100));
    let (stop, stopped) = mpsc::channel::<()>();
    let leak = thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            drop(accepted(&mut leaky, address, 1));
            // As slow as leaks are, or it would be through with its descriptors before the look.
            thread::sleep(Duration::from_millis(20));
        }
        leaky
    });
    let answer = portwho(["doctor", "--json", "--interval", "3"]).run();
    let text = portwho(["doctor", "--interval", "3"]).run();
    stop.send(()).expect("stop");
    let leaky = leak.join().expect("join");
    let answer = answer.json(1, "");
    let finding = &answer["findings"][0];
    let count = finding["count"].as_u64().expect("a count");
    let growth = &finding["evidence"]["growth"];
    assert!(growth["before"].as_u64().is_some_and(|before| before < count), "{finding:#}");
    assert!(growth["over_ms"].as_u64().is_some_and(|over| over >= 3000), "{finding:#}");
    assert!(finding["evidence"]["exhausted_in_ms"].is_u64(), "{finding:#}");
    assert_eq!(finding["pid"], leaky.pid());
    text.is(1, &text.stdout, "");
    assert!(text.stdout.contains("             CLOSE_WAIT grew from "), "{text:?}");
    assert!(text.stdout.contains("             runs out of descriptors in "), "{text:?}");
}

#[trial]
fn both_ends_on_this_machine() {
    let (mut deaf, address) = server("deaf");
    let mut waiting = Owner::named("waiting").playing("connections", &[]);
    waiting.line();
    waiting.tell(&format!("connect {address} 1"));
    deaf.tell("accept 1");
    let half = makers::half_closed(Loopback::V6);
    let half_server = Owner::named("half-server").holding(half.server);
    let half_client = Owner::named("half-client").holding(half.client);
    let answer = portwho(["doctor", "--json"]).run().json(0, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    is(finding, "half-closed-pair", "note", Some((half_server.pid(), "half-server")), 1);
    let port = half.server_address.port();
    let evidence = json!({
        "port": port, "waiting_pid": half_client.pid(), "waiting_image": "half-client",
    });
    assert_eq!(finding["evidence"], evidence);
    let text = portwho(["doctor"]).run();
    let who = format!("it must call close() for 1 connection on port {port}; the");
    assert!(text.stdout.contains(&who), "{text:?}");
    text.is(0, &text.stdout, "");
    // A side that no process holds waits for no process.
    drop(half_client);
    wait_until("the orphan", || {
        let row = kernel_table::find(half.client_address, half.server_address);
        row.filter(|row| row.inode == 0)
    });
    let healthy = portwho(["doctor"]).run();
    healthy.is(0, &healthy.stdout, "");
    assert!(healthy.stdout.starts_with("no problems found in "), "{healthy:?}");
}

/// A process leaks, and this user may not see which.
#[trial]
fn a_hidden_culprit() {
    const NOBODY: u32 = 65534;
    if !can_become(NOBODY) {
        return skip("cannot become another user");
    }
    let (mut leaky, address) = server("leaky");
    drop(accepted(&mut leaky, address, 100));
    await_count("tcp", State::CLOSE_WAIT, 100);
    leaky.tell("read");
    let remedy = "run with sudo to see the owners of other users' sockets";
    let gap = format!("portwho: the owners of 101 sockets are hidden (root): {remedy}\n");
    let answer = portwho(["doctor", "--json"]).user(NOBODY).run().json(1, &gap);
    assert_eq!(gaps(&answer), [("owners-hidden", Some(101))]);
    let findings = answer["findings"].as_array().expect("findings");
    assert_eq!(findings.len(), 1, "{answer:#}");
    is(&findings[0], "close-wait-leak", "warning", None, 100);
    assert_eq!(findings[0]["evidence"]["cause"], "not-closed");
    assert_eq!(findings[0]["now"], "sudo portwho doctor");
    let text = portwho(["doctor"]).user(NOBODY).run();
    text.is(1, &text.stdout, &gap);
    assert!(text.stdout.contains("\nwho          a process of root\n"), "{text:?}");
}
