//! Ports and buckets that connections in TIME_WAIT use up.

use std::io::Read;
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::thread;

use serde_json::{Value, json};

use super::{ip, set};
use crate::doctor::{findings, is, only_finding};
use crate::support::kernel_table::{self, State};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::{portwho, wait_until};

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
