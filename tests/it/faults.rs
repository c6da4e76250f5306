//! The kernel's tables refused, partly there, or unusual: what can be shown is shown, and what is
//! missing is said, once.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::process::Command;

use rustix::net::{AddressFamily, SocketType, netdevice, sockopt};
use serde_json::{Value, json};

use crate::support::features;
use crate::support::golden::{self, SocketRow};
use crate::support::json::{gaps, only_socket, socket, sockets};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, find_in_path};
use crate::support::{mounts, portwho, refuse, skip};

/// What both sources know of a socket.
fn essence(answer: &Value) -> Vec<Value> {
    const FIELDS: [&str; 9] =
        ["protocol", "family", "local", "foreign", "state", "owner", "user", "uid", "inode"];
    let of = |socket: &Value| {
        FIELDS.iter().map(|field| ((*field).to_owned(), socket[*field].clone())).collect()
    };
    sockets(answer).iter().map(of).collect()
}

/// The same rows in the same order as over netlink, but for those that are BOUND.
fn netlink_refused(errno: i32) {
    let mut held = Vec::new();
    let mut owners = Vec::new();
    for at in Loopback::BOTH {
        held.push(makers::listening(at.port(80)).socket);
        held.push(makers::bound(at.port(81)).socket);
        held.push(makers::udp(at.port(123)).socket);
        held.push(makers::udp_connected(at.port(53)).socket);
        let made = makers::half_closed(at);
        owners.push(Owner::named("closer").holding(made.client));
        held.extend([made.listener, made.server]);
        let made = makers::not_accepted(at);
        held.extend([made.listener, made.client]);
        held.push(makers::time_wait(at).listener);
        let made = makers::syn_received(at);
        held.extend([made.listener, made.client]);
    }
    let before = portwho(["--json"]).run().json(0, "");
    let mut expected = essence(&before);
    let count = expected.len();
    expected.retain(|socket| socket["state"] != "BOUND");
    let bound = if features::lists_bound() { 2 } else { 0 };
    assert_eq!(expected.len(), count - bound, "two are BOUND, where they are listed");
    refuse::netlink(errno);
    let after = portwho(["--json"]).run();
    let reason = std::io::Error::from_raw_os_error(errno).to_string();
    let reason = reason.split(" (os error").next().expect("a reason");
    assert_eq!(after.stderr.lines().count(), 1, "{}", after.stderr);
    assert!(after.stderr.to_lowercase().contains(&reason.to_lowercase()), "{}", after.stderr);
    let after = after.json(0, &after.stderr);
    assert_eq!(essence(&after), expected);
    assert_eq!(gaps(&after), [("netlink-refused", None)]);
}

#[trial]
fn netlink_refused_as_an_unknown_family() {
    netlink_refused(97);
}

#[trial]
fn netlink_refused_without_permission() {
    netlink_refused(1);
}

#[trial]
fn netlink_refused_by_policy() {
    netlink_refused(13);
}

#[trial]
fn netlink_refused_as_an_unknown_protocol() {
    netlink_refused(93);
}

#[trial]
fn bound_sockets_unseen_without_netlink() {
    let _held = makers::bound(Loopback::V4.port(80));
    refuse::netlink(1);
    refuse::other_namespaces();
    let output = portwho(["--json", "--state", "BOUND"]).run();
    let answer = output.json(1, &output.stderr);
    assert_eq!(answer["sockets"], json!([]));
    assert_eq!(gaps(&answer), [("netlink-refused", None)]);
}

#[trial]
fn nothing_found_without_netlink() {
    refuse::netlink(1);
    refuse::other_namespaces();
    let why = "portwho: netlink was refused (Operation not permitted (os error 1)), so \
               /proc/net was read: BOUND sockets, backlogs, idle times and cgroups are missing; \
               allow AF_NETLINK \
               sockets (NETLINK_SOCK_DIAG)\n\
               portwho: port 4732 is not in use by any socket that can be seen\n";
    portwho(["4732"]).run().is(1, "", why);
}

#[trial]
fn netlink_and_proc_refused() {
    let _held = makers::listening(Loopback::V4.port(80));
    if let Err(error) = mounts::empty_proc() {
        return skip(&format!("mount: {error}"));
    }
    refuse::netlink(1);
    for words in [&["80"] as &[&str], &[], &["--json"], &["-q"], &["--summary"], &["-u"]] {
        let output = portwho(words).run();
        output.is(2, "", &output.stderr);
        assert!(output.stderr.starts_with("portwho: "), "{output:?}");
        assert!(output.stderr.contains("/proc"), "{output:?}");
    }
}

/// Netlink tells the sockets, and nothing tells the owners.
#[trial]
fn proc_empty() {
    let _held = makers::listening(Loopback::V4.port(80));
    if let Err(error) = mounts::empty_proc() {
        return skip(&format!("mount: {error}"));
    }
    let unreadable = "portwho: cannot list processes: No such file or directory (os error 2): \
                      make the list of processes readable (on Linux: mount /proc), and run portwho again\n";
    let expected = golden::netstat(&[listener("127.0.0.1:80", "?").image("(root)")]);
    portwho(["80"]).run().is(0, &expected, unreadable);
    let answer = portwho(["--json", "80"]).run().json(0, unreadable);
    assert_ne!(only_socket(&answer)["owner"]["kind"], "processes");
    let of_bound = |(kind, _): &(&str, _)| *kind == "bound-not-listed" && !features::lists_bound();
    let told: Vec<_> = gaps(&answer).into_iter().filter(|gap| !of_bound(gap)).collect();
    assert_eq!(told, [("processes-unreadable", None)]);
}

fn listener(local: &str, pid: impl ToString) -> SocketRow {
    let foreign = if local.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    golden::socket("TCP", local, foreign, "LISTENING", pid)
}

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
