//! Unusual sockets: one port held twice, for both families, for one of them, and at link-local addresses.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;

use rustix::net::{AddressFamily, SocketType, netdevice, sockopt};
use serde_json::{Value, json};

use super::listener;
use crate::support::features;
use crate::support::golden;
use crate::support::json::{only_socket, socket, sockets};
use crate::support::makers::{self, Loopback};
use crate::support::process::Owner;
use crate::support::programs::find_in_path;
use crate::support::{portwho, refuse, skip};

#[trial]
fn ipv6_switched_off() {
    let path = "/proc/sys/net/ipv6/conf/all/disable_ipv6";
    if let Err(error) = fs::write(path, "1") {
        return skip(&format!("{path}: {error}"));
    }
    assert!(TcpListener::bind("[::1]:80").is_err(), "IPv6 is off");
    let owner = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    let processes = [golden::process("server", owner.pid())];
    let expected = golden::tables(&[listener("127.0.0.1:80", owner.pid())], &processes);
    portwho(["80"]).run().is(0, &expected, "");
    portwho(["-4"]).run().is(0, &expected, "");
    refuse::other_namespaces();
    portwho(["-6q"]).run().is(1, "", "portwho: no socket matches\n");
}

#[trial]
fn two_listeners_share_a_port() {
    let share = |socket: &OwnedFd| sockopt::set_socket_reuseport(socket, true).expect("option");
    let listen = || makers::listening_with(Loopback::V4.port(80), 16, share).socket;
    let first = Owner::named("blue").holding(listen());
    let second = Owner::named("green").holding(listen());
    let answer = portwho(["--json", "80"]).run().json(0, "");
    let owners: Vec<&Value> = sockets(&answer).iter().map(|socket| &socket["owner"]).collect();
    let of = |pid: u32| json!({"kind": "processes", "pids": [pid]});
    let (first_owner, second_owner) = (of(first.pid()), of(second.pid()));
    assert_eq!(owners.len(), 2);
    assert!(owners.contains(&&first_owner) && owners.contains(&&second_owner), "{owners:?}");
    let pids = format!("{}\n{}\n", first.pid(), second.pid());
    portwho(["-q", "80"]).run().is(0, &pids, "");
    let table = portwho(["80"]).run();
    for pid in [first.pid(), second.pid()] {
        let row = golden::netstat(&[listener("127.0.0.1:80", pid)]);
        let row = row.lines().last().expect("a row");
        assert_eq!(table.stdout.lines().filter(|line| *line == row).count(), 1, "{table:?}");
    }
}

fn v6_only(only: bool) -> impl FnOnce(&OwnedFd) {
    move |socket| sockopt::set_ipv6_v6only(socket, only).expect("IPV6_V6ONLY")
}

fn wildcard_v6(port: u16) -> SocketAddr {
    SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), port)
}

#[trial]
fn a_dual_stack_listener() {
    let made = makers::listening_with(wildcard_v6(80), 16, v6_only(false));
    let owner = Owner::named("server").holding(made.socket);
    let processes = [golden::process("server", owner.pid())];
    let expected = golden::tables(&[listener("[::]:80", owner.pid())], &processes);
    portwho(["80"]).run().is(0, &expected, "");
    portwho(["-6", "80"]).run().is(0, &expected, "");
    portwho(["[::]:80"]).run().is(0, &expected, "");
}

#[trial]
fn a_v6_only_listener_and_a_v4_one() {
    let six = makers::listening_with(wildcard_v6(80), 16, v6_only(true));
    let six = Owner::named("six").holding(six.socket);
    let four = makers::listening(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80));
    let four = Owner::named("four").holding(four.socket);
    let rows = [listener("0.0.0.0:80", four.pid()), listener("[::]:80", six.pid())];
    let mut processes = [golden::process("six", six.pid()), golden::process("four", four.pid())];
    processes.sort_by_key(golden::ProcessRow::pid);
    portwho(["80"]).run().is(0, &golden::tables(&rows, &processes), "");
    portwho(["-4q", "80"]).run().is(0, &format!("{}\n", four.pid()), "");
    portwho(["-6q", "80"]).run().is(0, &format!("{}\n", six.pid()), "");
}

#[trial]
fn a_mapped_connection_is_ipv4() {
    let made = makers::listening_with(wildcard_v6(80), 16, v6_only(false));
    let server = TcpListener::from(made.socket);
    let client = TcpStream::connect(("127.0.0.1", 80)).expect("connect");
    let (accepted, from) = server.accept().expect("accept");
    assert!(from.is_ipv6(), "the server sees a mapped address");
    let far = client.local_addr().expect("local address");
    let owner = Owner::named("server").holding(accepted.into());
    let answer = portwho(["--json", "80"]).run().json(0, "");
    let found = socket(&answer, Loopback::V4.port(80), Some(far));
    assert_eq!((&found["family"], &found["mapped"]), (&json!("ipv4"), &json!(true)));
    assert_eq!(found["owner"], json!({"kind": "processes", "pids": [owner.pid()]}));
    let row = golden::socket("TCP", "127.0.0.1:80", far, "ESTABLISHED", owner.pid());
    let expected = golden::tables(&[row], &[golden::process("server", owner.pid())]);
    for filter in [
        &["-4", "-s", "ESTABLISHED", "80"] as &[&str],
        &["--local", "127.0.0.1", "80"],
        &["--local", "127.0.0.0/8", "80"],
        &["--foreign", "127.0.0.1", "80"],
        &["--foreign-port", &far.port().to_string(), "80"],
    ] {
        let output = portwho(filter).run();
        output.is(0, &expected, &features::remark_on_bound(&output));
    }
    let line = "portwho: 127.0.0.1:80: no socket is bound to exactly this address; [::]:80 covers it \
                (dual-stack: IPv4 too)\n";
    let beside_listener = portwho(["--json", "127.0.0.1:80"]).run().json(0, line);
    let states = sockets(&beside_listener).iter().map(|socket| &socket["state"]);
    assert_eq!(states.collect::<Vec<_>>(), ["ESTABLISHED", "LISTENING"]);
    let answer = portwho(["--json", "-6", "80"]).run().json(0, "");
    assert_eq!(only_socket(&answer)["state"], "LISTENING");
    let output = portwho(["-q", "--local", "::ffff:127.0.0.1", "80"]).run();
    output.is(0, &quiet(owner.pid()), &features::remark_on_bound(&output));
}

fn quiet(pid: u32) -> String {
    format!("{pid}\n")
}

#[trial]
fn the_wildcard_holder_is_shown() {
    let made = makers::listening(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80));
    let owner = Owner::named("server").holding(made.socket);
    let line =
        "portwho: 127.0.0.1:80: no socket is bound to exactly this address; 0.0.0.0:80 covers it\n";
    portwho(["-q", "127.0.0.1:80"]).run().is(0, &quiet(owner.pid()), line);
}

/// Two ends of a cable, each with fe80::1: the interface tells the two sockets apart.
#[trial]
fn one_link_local_address_on_two_interfaces() {
    if find_in_path("ip").is_none() {
        return skip("no ip");
    }
    let ip = |words: &str| {
        let status = Command::new("ip").args(words.split(' ')).status();
        assert!(status.expect("run ip").success(), "ip {words}");
    };
    let cable = "link add left type veth peer name right".split(' ');
    if !Command::new("ip").args(cable).status().is_ok_and(|status| status.success()) {
        return skip("no veth");
    }
    let mut owners = Vec::new();
    for interface in ["left", "right"] {
        ip(&format!("link set {interface} up"));
        ip(&format!("addr add fe80::1/64 dev {interface} nodad"));
        let index = index_of(interface);
        let address = SocketAddrV6::new("fe80::1".parse().expect("an address"), 80, 0, index);
        let listener = TcpListener::bind(address).expect("bind");
        owners.push(Owner::named(interface).holding(listener.into()));
    }
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(sockets(&answer).len(), 2);
    for (interface, owner) in ["left", "right"].into_iter().zip(&owners) {
        let local = json!({"address": "fe80::1", "port": 80, "interface": interface});
        let found = sockets(&answer).iter().find(|socket| socket["local"] == local);
        let found = found.unwrap_or_else(|| panic!("{interface} in {answer:#}"));
        assert_eq!(found["owner"], json!({"kind": "processes", "pids": [owner.pid()]}));
        let row = listener(&format!("[fe80::1%{interface}]:80"), owner.pid());
        let expected = golden::tables(&[row], &[golden::process(interface, owner.pid())]);
        portwho([format!("[fe80::1%{interface}]:80")]).run().is(0, &expected, "");
    }
}

/// By a call: /sys shows the interfaces of the namespace that it was mounted in.
fn index_of(interface: &str) -> u32 {
    let socket = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None);
    netdevice::name_to_index(socket.expect("socket"), interface).expect("an index")
}
