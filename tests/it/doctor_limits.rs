//! What runs out while nothing has failed yet: ephemeral ports of open connections, and the queues of
//! listeners.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::os::fd::OwnedFd;

use nix::libc;
use rustix::net::{AddressFamily, SendFlags, SocketType, ipproto};
use serde_json::{Value, json};

use crate::doctor::{await_count, findings, is, only_finding, silent};
use crate::doctor_pressure::{ip, set};
use crate::support::kernel_table::State;
use crate::support::makers::{self, Held, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::programs::find_in_path;
use crate::support::terminal::Terminal;
use crate::support::{features, is_healthy, portwho, refuse, skip};

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

/// connect() takes no port that bind() has given to another socket, whatever the destination.
#[trial]
fn bound_sockets_against_the_ephemeral_ports() {
    if !set("ip_local_port_range", "20000 20049") {
        return;
    }
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let bind = |ports: Range<u16>| {
        ports.map(|port| makers::bound(Loopback::V4.port(port))).collect::<Vec<Held>>()
    };
    let mut bound = bind(20_000..20_039);
    if !features::lists_bound() {
        bound.extend(bind(20_039..20_050));
        return undecided(&backend);
    }
    silent();
    bound.extend(bind(20_039..20_040));
    let finding = of_any_severity();
    let expected = json!([
        "ephemeral-ports",
        "warning",
        std::process::id(),
        40,
        Value::Null,
        Value::Null,
        40,
        50
    ]);
    let evidence = &finding["evidence"];
    assert_eq!(
        json!([
            finding["kind"],
            finding["severity"],
            finding["pid"],
            finding["count"],
            evidence["local"],
            evidence["foreign"],
            evidence["bound"],
            evidence["of"],
        ]),
        expected
    );
    bound.extend(bind(20_040..20_050));
    let refused = TcpStream::connect((Ipv4Addr::LOCALHOST, 9000)).expect_err("no port is left");
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrNotAvailable);
    assert_eq!(of_any_severity()["severity"], "critical");
    let text = portwho(["doctor"]).run();
    text.is(1, &text.stdout, "");
    let text = text.stdout.replace("\n             ", " ");
    let what = "50 of 50 ephemeral ports are blocked for all destinations: connect() fails \
                (EADDRNOTAVAIL)\n";
    assert!(text.contains(what), "{text}");
    // Fewer count along with the ports that connections to one destination have; with a filter too.
    bound.truncate(20);
    silent();
    let mut kept = Vec::new();
    for _ in 0..20 {
        kept.push(TcpStream::connect((Ipv4Addr::LOCALHOST, 9000)).expect("connect"));
        kept.push(backend.accept().expect("accept").0);
    }
    for words in [&["doctor", "--json"][..], &["doctor", "--json", "--foreign-port", "9000"]] {
        let answer = portwho(words).run().json(1, "");
        let found = answer["findings"].as_array().expect("findings");
        let [finding] = &found[..] else { panic!("{found:#?}") };
        let evidence = &finding["evidence"];
        assert_eq!(
            json!([finding["kind"], finding["severity"], finding["count"], evidence["bound"]]),
            json!(["ephemeral-ports", "warning", 40, 20])
        );
    }
}

fn of_any_severity() -> Value {
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    finding.clone()
}

/// connect() fails, and what is read does not show why: the check is not made.
fn undecided(backend: &TcpListener) {
    let address = backend.local_addr().expect("address");
    let refused = TcpStream::connect(address).expect_err("no port is left");
    assert_eq!(refused.kind(), std::io::ErrorKind::AddrNotAvailable);
    let output = portwho(["doctor"]).run();
    let words: Vec<&str> = output.stdout.split_whitespace().collect();
    let open = "not run: ephemeral-ports (requires Linux 6.8, and sock_diag (netlink))";
    assert!(words.join(" ").contains(open), "{output:?}");
    let metrics = portwho(["metrics"]).run().stdout;
    assert!(metrics.contains("portwho_check_success{kind=\"ephemeral-ports\"} 0\n"), "{metrics}");
    assert!(!metrics.contains("\nportwho_ephemeral_ports_used_ratio "), "{metrics}");
}

/// /proc/net does not show BOUND sockets, and the kernel's number of all sockets leaves room for them.
#[trial]
fn bound_sockets_that_are_not_listed() {
    if !set("ip_local_port_range", "20000 20049") {
        return;
    }
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let _bound: Vec<Held> =
        (20_000..20_050).map(|port| makers::bound(Loopback::V4.port(port))).collect();
    refuse::netlink(libc::EACCES);
    undecided(&backend);
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

/// Those that do not answer are a flood all the same.
#[trial]
fn cookies_that_no_client_answers() {
    if find_in_path("ip").is_none() || !set("tcp_syncookies", "2") {
        return skip("no ip in the PATH, or no tcp_syncookies");
    }
    // What is sent there is dropped without an answer.
    ip("route add 198.18.0.0/15 dev lo");
    let listener = makers::listening_with(Loopback::V4.port(0), 64, |_| {});
    let raw = match rustix::net::socket(AddressFamily::INET, SocketType::RAW, Some(ipproto::RAW)) {
        Ok(raw) => raw,
        Err(error) => return skip(&format!("no raw sockets: {error}")),
    };
    // The second snapshot is taken only where there were cookies before.
    syn(&raw, 1, listener.address);
    let mut terminal = Terminal::whole(&portwho(["doctor", "--json", "--interval", "3"]));
    terminal.await_text("for snapshot 2 of 2");
    (2..14).for_each(|host| syn(&raw, host, listener.address));
    let screen = terminal.finish();
    let answer = screen.stdout.rsplit('\r').next().expect("an answer");
    let answer: Value = serde_json::from_str(answer).expect("JSON");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    is(finding, "syn-flood", "warning", None, 12);
    assert_eq!(finding["evidence"]["syncookies"], 2);
}

/// Sends a SYN as if it came from this host.
fn syn(raw: &OwnedFd, host: u8, to: SocketAddr) {
    let SocketAddr::V4(v4) = to else { panic!("{to}") };
    let (source, port) = ([198, 18, 0, host], v4.port().to_be_bytes());
    let ends = [source, v4.ip().octets()].concat();
    let mut tcp = [[0x30, 0x39], port].concat();
    // Sequence number, acknowledgment, five words with SYN, window, checksum, urgent pointer.
    tcp.extend([0, 0, 0, host, 0, 0, 0, 0, 0x50, 2, 0x10, 0, 0, 0, 0, 0]);
    let length = [0, 6, 0, 20];
    let words = [ends.as_slice(), &length, &tcp].concat();
    let sum: u32 = words.chunks(2).map(|two| u32::from(two[0]) << 8 | u32::from(two[1])).sum();
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("16 bits");
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    // Of IP, the kernel fills in the length, the number and the checksum.
    let header = [&[0x45, 0, 0, 0, 0, 0, 0, 0, 64, 6, 0, 0], ends.as_slice()].concat();
    let packet = [header, tcp].concat();
    rustix::net::sendto(raw, &packet, SendFlags::empty(), &to).expect("send");
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
