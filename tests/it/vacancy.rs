//! No socket holds the port: it is free, or a bind would fail, and why. What the program claims is
//! compared with what a bind does.

mod connected;
mod rules;

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{AddressFamily, SocketType, bind, sockopt};
use serde_json::json;

use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::netns::NOT_SEARCHED;
use crate::support::process::{Owner, can_become};
use crate::support::{Output, golden, portwho, refuse, skip};

const NOBODY: u32 = 65534;

#[track_caller]
fn says(words: &[&str], remarks: &str) {
    asked(words).is(1, "", remarks);
}

/// What is held in the namespaces of other tests is no answer here.
fn asked(words: &[&str]) -> Output {
    refuse::other_namespaces();
    portwho(words).run().without_seconds()
}

/// The listener at this address is the only row.
#[track_caller]
fn shows(words: &[&str], address: &str, pid: u32, remarks: &str) {
    let foreign = if address.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" };
    let row = golden::socket("TCP", address, foreign, "LISTENING", pid);
    let expected = golden::tables(&[row], &[golden::process("server", pid)]);
    asked(words).is(0, &expected, remarks);
}

/// A dual-stack listener takes what comes for IPv4.
#[trial]
fn an_address_and_a_dual_stack_listener() {
    let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80);
    let owner = Owner::named("server").holding(makers::listening(everywhere).socket);
    for address in ["127.0.0.1:80", "0.0.0.0:80"] {
        let line = format!(
            "portwho: {address}: no socket is bound to exactly this address; [::]:80 covers it \
             (dual-stack: IPv4 \
             too)\n"
        );
        shows(&[address], "[::]:80", owner.pid(), &line);
    }
}

/// One that was told not to take IPv4 leaves that port, and is told of.
#[trial]
fn an_address_and_a_listener_of_ipv6_alone() {
    let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80);
    let set = |socket: &OwnedFd| sockopt::set_ipv6_v6only(socket, true).expect("v6only");
    let server = Owner::named("server").holding(makers::listening_with(everywhere, 1, set).socket);
    let line = "portwho: port 80 is held at [::] for IPv6 only (v6only)\n";
    says(&["127.0.0.1:80"], &format!("{line}portwho: 127.0.0.1:80 is free\n"));
    let left_out = "portwho: 1 socket on port 80 does not match the other filters; to see it, \
                    run: portwho 80\n";
    let free = "portwho: port 80 is free for IPv4\n";
    says(&["-4", "80"], &format!("{line}{left_out}{free}"));
    let answer = portwho(["--json", "127.0.0.1:80"]).run();
    let answer = answer.json(1, &format!("{line}portwho: 127.0.0.1:80 is free\n"));
    assert_eq!(answer["ports"][0]["verdict"], "free");
    let note = &answer["ports"][0]["notes"][0];
    assert_eq!((&note["kind"], &note["v6only"]), (&"other-address".into(), &true.into()));
    try_bind(Loopback::V4.port(80), true).expect("it is free");
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(answer["sockets"][0]["v6only"], true);
    let line = "portwho: [::]:80: for IPv6 only (v6only): the port is not held for IPv4\n";
    shows(&["80"], "[::]:80", server.pid(), line);
    shows(&["-6", "80"], "[::]:80", server.pid(), "");
    let columns = ["--columns", "local,v6only", "--no-header", "80"];
    portwho(columns).run().is(0, "[::]:80       yes\n", "");
    // Where a socket beside it holds the port for IPv4, all is as it seems.
    let beside = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
    let _beside = makers::listening(beside);
    portwho(["--no-header", "-q", "80"]).run().is(0, &both(server.pid()), "");
    portwho(columns).run().is(0, "0.0.0.0:80    -\n[::]:80       yes\n", "");
}

/// The PIDs of this program and of another, as `-q` prints them.
fn both(other: u32) -> String {
    let mut pids = [std::process::id(), other];
    pids.sort_unstable();
    format!("{}\n{}\n", pids[0], pids[1])
}

/// IPv4 includes what holds the port of IPv4 by a dual-stack socket.
#[trial]
fn ipv4_and_a_dual_stack_listener() {
    let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80);
    let owner = Owner::named("server").holding(makers::listening(everywhere).socket);
    for words in [&["-4", "80"][..], &["-4"], &["-4", "-l"], &["-6", "80"]] {
        shows(words, "[::]:80", owner.pid(), "");
    }
    let answer = portwho(["--json", "-4", "80"]).run().json(0, "");
    assert_eq!(answer["sockets"][0]["v6only"], false);
    try_bind(Loopback::V4.port(80), true).expect_err("it is not free");
}

/// Each of several ports that nothing holds is told of, also when others are held.
#[trial]
fn some_are_held_and_some_are_not() {
    let owner = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    shows(&["80,81"], "127.0.0.1:80", owner.pid(), "portwho: port 81 is free\n");
    let line = "portwho: ports 80-99: 19 of these 20 are not in use; the first free port is 81\n";
    shows(&["80-99"], "127.0.0.1:80", owner.pid(), line);
    let line = "portwho: ports 79-99: 20 of these 21 are not in use; the first free port is 79\n";
    let answer = portwho(["--json", "79-99"]).run().json(0, line);
    let free = json!([{"first": 79, "last": 79}, {"first": 81, "last": 99}]);
    assert_eq!(answer["free_ranges"], free);
}

/// What a bind says that sets nothing, or SO_REUSEADDR.
fn try_bind(address: SocketAddr, reuse: bool) -> io::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
    let socket = rustix::net::socket(family, SocketType::STREAM, None)?;
    sockopt::set_socket_reuseaddr(&socket, reuse)?;
    bind(&socket, &address)?;
    Ok(socket)
}

#[trial]
fn free_for_every_protocol_or_for_one() {
    says(&["80"], "portwho: port 80 is free\n");
    says(&["-tu", "80"], "portwho: port 80 is free\n");
    says(&["-t", "80"], "portwho: port 80 is free for TCP\n");
    says(&["-u", "80"], "portwho: port 80 is free for UDP\n");
    says(&["-4", "80"], "portwho: port 80 is free for IPv4\n");
    says(&["-6t", "80"], "portwho: port 80 is free for TCP over IPv6\n");
    says(&["-s", "CLOSE_WAIT", "80"], "portwho: port 80 is free for TCP\n");
}

#[trial]
fn each_of_several_ports() {
    says(&["80,82"], "portwho: port 80 is free\nportwho: port 82 is free\n");
    let all = asked(&["101-116"]);
    all.is(
        1,
        "",
        &(101..=116).map(|port| format!("portwho: port {port} is free\n")).collect::<String>(),
    );
}

#[trial]
fn more_than_sixteen_ports_at_once() {
    says(&["101-117"], "portwho: ports 101-117: none of them is in use\n");
    says(&["1-65535"], "portwho: ports 1-65535: none of them is in use\n");
    let over = makers::time_wait(Loopback::V4);
    let nearby = over.client_address.port();
    let range = format!("{}-{}", nearby - 20, nearby + 20);
    drop(over);
    let output = asked(&[&range]);
    let told = format!("portwho: ports {range}: none of them is in use\n");
    assert!(output.stderr.ends_with(&told), "{output:?}");
    output.is(0, &output.stdout, &output.stderr);
}

#[trial]
fn an_address() {
    says(&["127.0.0.1:80"], "portwho: 127.0.0.1:80 is free\n");
    says(&["[::1]:80"], "portwho: [::1]:80 is not in use\n");
    says(&["127.0.0.1:80", "81"], "portwho: port 81 is free\nportwho: 127.0.0.1:80 is free\n");
}

/// Whoever holds every address holds this one.
#[trial]
fn an_address_and_a_wildcard() {
    let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
    let owner = Owner::named("server").holding(makers::listening(everywhere).socket);
    let line =
        "portwho: 127.0.0.1:80: no socket is bound to exactly this address; 0.0.0.0:80 covers it\n";
    shows(&["127.0.0.1:80"], "0.0.0.0:80", owner.pid(), line);
    assert!(try_bind(Loopback::V4.port(80), true).is_err());
}

/// A bind to every address fails beside this, and one to another address does not.
#[trial]
fn an_address_and_another() {
    let owner = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    let free = "portwho: 127.0.0.2:80 is free\n\
                portwho: 127.0.0.1:80 is held; to see the owner, run: portwho 80\n";
    says(&["127.0.0.2:80"], free);
    let answer = portwho(["--json", "127.0.0.2:80"]).run().json(1, free);
    let notes = json!([{
        "kind": "other-address",
        "local": {"address": "127.0.0.1", "port": 80, "interface": null},
        "state": "LISTENING",
        "v6only": null,
    }]);
    assert_eq!(answer["ports"][0]["notes"], notes);
    try_bind("127.0.0.2:80".parse().expect("an address"), true).expect("it is free");
    let line = "portwho: 0.0.0.0:80: no socket is bound to exactly this address; 127.0.0.1:80 blocks a bind to it\n";
    shows(&["0.0.0.0:80"], "127.0.0.1:80", owner.pid(), line);
    try_bind("0.0.0.0:80".parse().expect("an address"), true).expect_err("it is not free");
    assert!(!owner.has_exited());
}

#[trial]
fn held_by_what_the_filters_leave_out() {
    let _owner = Owner::named("server").holding(makers::listening(Loopback::V4.port(80)).socket);
    let left_out = "portwho: 1 socket on port 80 does not match the other filters; to see it, \
                    run: portwho 80\n";
    let own = std::process::id().to_string();
    says(&["80", "--pid", &own], left_out);
    says(&["80", "-6"], left_out);
    says(&["80", "-u"], &format!("{left_out}portwho: port 80 is free for UDP\n"));
}

/// The server closed first: its port is in TIME_WAIT.
#[trial]
fn teardown_blocks_a_bind() {
    let at = Loopback::V4.port(80);
    let listener = std::net::TcpListener::bind(at).expect("bind");
    let mut clients = Vec::new();
    for _ in 0..2 {
        clients.push(TcpStream::connect(at).expect("connect"));
        drop(listener.accept().expect("accept"));
    }
    drop(listener);
    for client in clients {
        let near = client.local_addr().expect("local address");
        drop(client);
        await_state(at, near, State::TIME_WAIT);
    }
    for (words, only) in
        [(&["80"][..], ""), (&["-t", "80"], " for TCP"), (&["-4", "80"], " for IPv4")]
    {
        let output = asked(words);
        let line = format!(
            "portwho: port 80 is not in use{only} (2 TIME_WAIT, N left; until they end, a bind \
             fails unless they and the new socket set SO_REUSEADDR, which no table shows); to \
             find out, run: portwho --try-bind 80\n"
        );
        assert!(output.stderr.ends_with(&line), "{output:?}");
        output.is(0, &output.stdout, &output.stderr);
    }
    try_bind(at, false).expect_err("a bind without SO_REUSEADDR fails");
    try_bind(at, true).expect("one with SO_REUSEADDR does not");
}

#[trial]
fn connections_may_stand_in_the_way() {
    let at = Loopback::V4.port(80);
    let listener = makers::listening(at);
    let connect = || TcpStream::connect(at).expect("connect");
    let (first, second) = (connect(), connect());
    let accept = || {
        let flags = rustix::net::SocketFlags::CLOEXEC;
        rustix::net::accept_with(&listener.socket, flags).expect("accept")
    };
    let (one, other) = (accept(), accept());
    drop(listener);
    let line = "portwho: port 80 has no listener; 2 connections use it: a bind may fail until \
                they end\n";
    let output = asked(&["80"]);
    output.is(0, &output.stdout, line);
    try_bind(at, false).expect_err("a bind without SO_REUSEADDR fails");
    drop((first, second, one, other));
}

/// There is one for the tables, and none for the socket that finds out what they list.
#[trial]
fn with_too_few_descriptors() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let limited = |count: &str| {
        let script = format!("ulimit -n {count}; exec \"$@\"");
        portwho(["8080"]).user(NOBODY).through(["sh", "-c", &script, "sh"]).run()
    };
    let unknown = "portwho: cannot tell whether this system lists BOUND sockets (Too many open \
                   files (os error 24)): a port may be bound without listening; run portwho again\n";
    let verdict = "portwho: port 8080 is not in use by any socket that can be seen\n";
    limited("4").is(1, "", &format!("{unknown}{verdict}{NOT_SEARCHED}"));
    let enough = portwho(["8080"]).user(NOBODY).run();
    limited("20").is(1, "", &enough.stderr);
}
