//! `--try-bind`: the system's own answer, asked for and never otherwise, and nothing of it stays.

use std::fs;
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::support::features;
use crate::support::kernel_table::{self, State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::netns::NOT_SEARCHED;
use crate::support::process::{Owner, can_become, server};
use crate::support::programs::can_strace;
use crate::support::{Scratch, portwho, refuse, skip};

const NOBODY: u32 = 65534;

#[track_caller]
fn says(words: &[&str], code: i32, remarks: &str) {
    refuse::other_namespaces();
    let output = portwho([&["--try-bind"], words].concat()).run().without_seconds();
    let stdout = if code == 0 { output.stdout.as_str() } else { "" };
    output.is(code, stdout, remarks);
}

/// Nothing of an attempt is left behind.
#[track_caller]
fn nothing_stays(port: u16) {
    for table in ["tcp", "tcp6", "udp", "udp6"] {
        assert!(kernel_table::rows(table).is_empty(), "{table}");
    }
    // Bound sockets are in no table of /proc.
    portwho([port.to_string()]).run().is(1, "", &format!("portwho: port {port} is free\n"));
}

#[trial]
fn a_free_port() {
    let line = "portwho: port 80 is free\n\
                portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    says(&["80"], 1, line);
    nothing_stays(80);
}

#[trial]
fn for_udp() {
    let line = "portwho: port 80 is free for UDP\n\
                portwho: port 80: a UDP bind succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    says(&["-u", "80"], 1, line);
    let line = "portwho: port 80 is free\n\
                portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1, 0.0.0.0, [::]\n\
                portwho: port 80: a UDP bind succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    says(&["-tu", "80"], 1, line);
    nothing_stays(80);
}

#[trial]
fn several_ports_and_an_address() {
    let line = "portwho: port 80 is free\n\
                portwho: [::1]:81 is free\n\
                portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1, 0.0.0.0, [::]\n\
                portwho: [::1]:81: a TCP bind with SO_REUSEADDR succeeds at [::1]\n";
    says(&["80", "[::1]:81"], 1, line);
    let elsewhere = "portwho: 10.9.8.7:80 is not in use, but a bind fails: Cannot assign \
                     requested address (os error 99)\n\
                     portwho: 10.9.8.7:80: a TCP bind with SO_REUSEADDR fails at 10.9.8.7: \
                     Cannot assign requested \
                     address (os error 99)\n";
    says(&["10.9.8.7:80"], 1, elsewhere);
}

#[trial]
fn in_json_too() {
    refuse::other_namespaces();
    let line = "portwho: port 80 is free\n\
                portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    let answer = portwho(["--try-bind", "--json", "80"]).run().json(1, line);
    assert_eq!(answer["sockets"], json!([]));
}

const IN_USE: &str = "Address already in use (os error 98)";

#[trial]
fn a_port_in_use() {
    let line = format!(
        "portwho: port 80: a TCP bind with SO_REUSEADDR fails at 127.0.0.1, 0.0.0.0, \
         [::]: {IN_USE} by 127.0.0.1:80\n"
    );
    let web = server(80);
    says(&["80"], 0, &line);
    assert!(!web.has_exited());
    drop(web);
    let other = makers::listening("127.0.0.2:80".parse().expect("an address"));
    let _other = Owner::named("other").holding(other.socket);
    let line = format!(
        "portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1; fails at 0.0.0.0, \
         [::]: {IN_USE} by 127.0.0.2:80\n"
    );
    says(&["80"], 0, &line);
}

#[trial]
fn a_port_in_use_by_udp() {
    let _held = Owner::named("holder").holding(makers::udp(Loopback::V4.port(80)).socket);
    let line = format!(
        "portwho: port 80: a UDP bind fails at 127.0.0.1, 0.0.0.0, [::]: {IN_USE} by \
         127.0.0.1:80\n"
    );
    says(&["-u", "80"], 0, &line);
}

/// Servers set SO_REUSEADDR, and then what is left of their connections is no obstacle.
#[trial]
fn time_wait_of_a_server_does_not_block_a_bind() {
    let at = Loopback::V4.port(80);
    let listener = TcpListener::bind(at).expect("bind");
    let client = TcpStream::connect(at).expect("connect");
    drop(listener.accept().expect("accept"));
    let near = client.local_addr().expect("local address");
    drop((client, listener));
    await_state(at, near, State::TIME_WAIT);
    let line = "portwho: port 80 is not in use (1 TIME_WAIT, N left; until it ends, a bind \
                without SO_REUSEADDR fails)\n\
                portwho: port 80: a TCP bind with SO_REUSEADDR succeeds at 127.0.0.1, 0.0.0.0, [::]\n";
    says(&["80"], 0, line);
}

/// Clients do not set it, and both sides would have to: what a bind says is what counts.
#[trial]
fn time_wait_of_a_client_blocks_a_bind() {
    let made = makers::time_wait(Loopback::V4);
    let port = made.client_address.port();
    let line = format!(
        "portwho: port {port} is not in use, but a bind fails: Address already in use (os error \
         98) (1 TIME_WAIT, N left; until it ends, a bind fails even with SO_REUSEADDR)\n\
         portwho: port {port}: a TCP bind with SO_REUSEADDR fails at 127.0.0.1, \
         0.0.0.0, [::]: {IN_USE}\n"
    );
    says(&[&port.to_string()], 0, &line);
}

#[trial]
fn a_privileged_port() {
    const DENIED: &str = "Permission denied (os error 13)";
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    fs::write("/proc/sys/net/ipv4/ip_unprivileged_port_start", "1024").expect("a setting");
    let line = format!(
        "portwho: port 80 is not in use, but a bind fails: ports below 1024 require root or \
         CAP_NET_BIND_SERVICE (net.ipv4.ip_unprivileged_port_start)\n\
         portwho: port 80: a TCP bind with SO_REUSEADDR fails at 127.0.0.1, 0.0.0.0, \
         [::]: {DENIED}\n{NOT_SEARCHED}"
    );
    let output = portwho(["--try-bind", "80"]).user(NOBODY).run();
    output.is(1, "", &(features::remark_on_bound(&output) + &line));
}

#[trial]
fn with_ipv6_off() {
    let path = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    if let Err(error) = fs::write(path, "1") {
        return skip(&format!("{path}: {error}"));
    }
    let line = "portwho: [::1]:80 is not in use, but a bind fails: Cannot assign requested \
                address (os error 99)\n\
                portwho: [::1]:80: a TCP bind with SO_REUSEADDR fails at [::1]: Cannot assign \
                requested address (os \
                error 99)\n";
    says(&["[::1]:80"], 1, line);
}

/// The calls of these kinds that a run makes, a line for each.
#[track_caller]
fn calls(kinds: &str, words: &[&str]) -> Vec<String> {
    refuse::other_namespaces();
    let scratch = Scratch::new();
    let log = scratch.path().join("log").to_str().expect("UTF-8").to_owned();
    let output = portwho(words).through(["strace", "-f", "-e", kinds, "-o", &log]).run();
    assert_eq!(output.code, Some(1), "{output:?}");
    let log = fs::read_to_string(&log).expect("the log");
    log.lines()
        .filter(|line| line.contains("AF_INET") || line.contains("listen("))
        .map(str::to_owned)
        .collect()
}

/// A server that is just starting must not fail because its port is queried. To learn
/// whether the kernel lists bound sockets one is bound, at an address that no server has.
#[trial]
fn nothing_is_bound_without_it() {
    if !can_strace() {
        return;
    }
    for words in [&["80"][..], &["-v", "80"], &["--json", "80"], &["kill", "-n", "80"]] {
        let bound = calls("trace=bind,listen", words);
        assert!(bound.iter().all(|call| call.contains("127.112.119.1")), "{words:?}: {bound:?}");
    }
    let bound = calls("trace=bind,listen", &["--try-bind", "80"]);
    assert!(bound.iter().any(|call| call.contains("htons(80)")), "strace would see it: {bound:?}");
}

#[trial]
fn with_it_each_address_is_bound_once_and_let_go() {
    if !can_strace() {
        return;
    }
    let bound = calls("trace=bind,listen,connect", &["--try-bind", "80"]);
    let at_port: Vec<&String> = bound.iter().filter(|call| call.contains("htons(80)")).collect();
    assert_eq!(at_port.len(), 3, "{bound:?}");
    assert!(
        !bound.iter().any(|call| call.contains("listen(") || call.contains("connect(")),
        "{bound:?}"
    );
    nothing_stays(80);
}

#[trial]
fn without_a_port() {
    let line = "portwho: --try-bind: name the PORT to try\n";
    says(&[], 2, line);
    says(&["-s", "LISTEN"], 2, line);
    says(&["--local", "127.0.0.1"], 2, line);
}

#[trial]
fn too_many_ports() {
    let line = "portwho: --try-bind: at most 16 ports: each is bound for a moment\n";
    says(&["101-117"], 2, line);
    says(&["101-116", "80"], 2, line);
}
