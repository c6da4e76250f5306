//! Sockets without a process that can be named, and why: told together below the tables, and for
//! each socket in JSON. What each state says by itself is in `states`.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{Shutdown, shutdown, sockopt};
use serde_json::Value;

use crate::support::features;
use crate::support::json::{socket, sockets};
use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process, can_become};
use crate::support::{Output, golden, portwho, skip};

/// A listener with a queue of this length, not yet given away.
fn listening(address: SocketAddr, backlog: i32) -> OwnedFd {
    let share = |socket: &OwnedFd| sockopt::set_socket_reuseport(socket, true).expect("option");
    makers::listening_with(address, backlog, share).socket
}

/// This many connections to the address that are not accepted, complete on both sides.
fn knock(address: SocketAddr, times: usize) -> Vec<TcpStream> {
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connect");
        let near = client.local_addr().expect("local address");
        await_state(address, near, State::ESTABLISHED);
        client
    };
    (0..times).map(connect).collect()
}

/// The notes of the sockets on the server's side of these connections.
#[track_caller]
fn notes<'a>(answer: &'a Value, at: SocketAddr, clients: &[TcpStream]) -> Vec<&'a str> {
    let note = |client: &TcpStream| {
        let far = client.local_addr().expect("local address");
        socket(answer, at, Some(far))["note"].as_str().expect("a note")
    };
    clients.iter().map(note).collect()
}

#[track_caller]
fn says(output: &Output, remarks: &str) {
    output.is(0, &output.stdout, remarks);
}

#[trial]
fn a_queue_whose_listener_was_not_asked_for() {
    let at = Loopback::V4.port(80);
    let nginx = Owner::named("nginx").holding(listening(at, 3));
    let clients = knock(at, 2);
    let note = "waiting for accept(): nginx's queue holds 2 of 3";
    let words = ["80", "-s", "ESTABLISHED"];
    let output = portwho(words).run();
    says(&output, &format!("portwho: {at}: 2 connections: {note}\n"));
    assert!(!output.stdout.contains(&nginx.pid().to_string()), "{output:?}");
    let answer = portwho(["--json", "80", "-s", "ESTABLISHED"]).run().json(0, "");
    assert_eq!(sockets(&answer).len(), 2);
    assert_eq!(notes(&answer, at, &clients), [note, note]);
    assert_eq!(answer["processes"].as_array().map(Vec::len), Some(0));
}

/// The kernel deals connections out among them, each into a queue of its own.
#[trial]
fn a_queue_of_several_listeners() {
    let at = Loopback::V6.port(80);
    let _blue = Owner::named("blue").holding(listening(at, 16));
    let _green = Owner::named("green").holding(listening(at, 16));
    let clients = knock(at, 3);
    let note = "waiting for accept(): blue, green's queue holds 3 of 32";
    says(&portwho(["80"]).run(), &format!("portwho: {at}: 3 connections: {note}\n"));
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(notes(&answer, at, &clients), [note; 3]);
}

#[trial]
fn the_queue_of_the_address_before_that_of_all() {
    let at = Loopback::V4.port(80);
    let everywhere = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80);
    let _all = Owner::named("all").holding(listening(everywhere, 5));
    let _one = Owner::named("one").holding(listening(at, 7));
    let other = SocketAddr::new(Ipv4Addr::new(127, 0, 0, 2).into(), 80);
    let (here, there) = (knock(at, 1), knock(other, 2));
    let answer = portwho(["--json", "80"]).run().json(0, "");
    assert_eq!(notes(&answer, at, &here), ["waiting for accept(): one's queue holds 1 of 7"]);
    let of_all = "waiting for accept(): all's queue holds 2 of 5";
    assert_eq!(notes(&answer, other, &there), [of_all; 2]);
}

#[trial]
fn a_queue_of_another_users_listener() {
    const NOBODY: u32 = 65534;
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let at = Loopback::V4.port(80);
    let _roots = Owner::named("roots").holding(listening(at, 16));
    let _clients = knock(at, 1);
    let output = portwho(["80", "-s", "ESTABLISHED"]).user(NOBODY).run();
    let note = "1 connection: waiting for accept(): its listener's queue holds 1 of 16";
    says(&output, &format!("portwho: {at}: {note}\n"));
}

#[trial]
fn a_connection_that_ended_before_it_was_accepted() {
    let at = Loopback::V4.port(80);
    let _server = Owner::named("server").holding(listening(at, 16));
    let clients = knock(at, 1);
    shutdown(&clients[0], Shutdown::Write).expect("shutdown");
    await_state(at, clients[0].local_addr().expect("local address"), State::CLOSE_WAIT);
    let note = "waiting for accept(): server's queue holds 1 of 16";
    says(&portwho(["80"]).run(), &format!("portwho: {at}: 1 connection: {note}\n"));
}

#[trial]
fn half_open_ones_without_their_listener() {
    let made = makers::syn_received(Loopback::V4);
    let _server = Owner::named("server").holding(made.listener);
    let at = made.server_address;
    let note = "half-open: the client has not completed the handshake, for server";
    let words = [&at.port().to_string(), "-s", "SYN_RECEIVED"];
    says(&portwho(words).run(), &format!("portwho: {at}: 1 connection: {note}\n"));
}

/// Three ends at most have a place in a line.
#[trial]
fn few_are_named_and_many_are_counted() {
    if !features::lists_bound() {
        return;
    }
    let own = std::process::id();
    let words = format!(
        "held by {} (PID {own}), bound without listening: nobody can connect, and it blocks the port",
        golden::name_of(own)
    );
    let asked = || portwho(["-s", "BOUND"]).run();
    let bound = |port| makers::bound(Loopback::V4.port(port)).socket;
    let mut held = vec![bound(80), bound(81)];
    says(&asked(), &format!("portwho: 127.0.0.1:80, 127.0.0.1:81: {words}\n"));
    held.push(bound(82));
    says(&asked(), &format!("portwho: 127.0.0.1:80, 127.0.0.1:81, 127.0.0.1:82: {words}\n"));
    held.push(bound(83));
    says(&asked(), &format!("portwho: 4 sockets: {words}\n"));
}

/// The row has the reason, and there is no more to say.
#[trial]
fn what_the_row_says_is_not_repeated() {
    let _over = makers::time_wait(Loopback::V4);
    let half_closed = makers::half_closed(Loopback::V4);
    drop(half_closed.client);
    let output = portwho(["-s", "TIME_WAIT,FIN_WAIT_2"]).run();
    for reason in ["(time-wait)", "(orphaned)"] {
        assert!(output.stdout.contains(&format!(" 0        {reason}\n")), "{output:?}");
    }
    says(&output, "");
}

#[trial]
fn those_of_one_kind_have_one_line() {
    if !features::lists_bound() {
        return;
    }
    let bound = makers::bound(Loopback::V4.port(81));
    let holder = Owner::named("holder").holding(bound.socket);
    let at = Loopback::V4.port(80);
    let _server = Owner::named("server").holding(listening(at, 16));
    let _clients = knock(at, 2);
    let expected = format!(
        "portwho: {at}: 2 connections: waiting for accept(): server's queue holds 2 of 16\n\
         portwho: 127.0.0.1:81: held by holder (PID {}), bound without listening: nobody can \
         connect, and it blocks the port\n",
        holder.pid(),
    );
    says(&portwho(["-t"]).run(), &expected);
}

#[trial]
fn at_most_ten_lines() {
    if !features::lists_bound() {
        return;
    }
    let holder = |port| {
        let socket = makers::bound(Loopback::V4.port(port)).socket;
        Owner::named(format!("holder{port}")).holding(socket)
    };
    let _holders: Vec<Process> = (80..92).map(holder).collect();
    let output = portwho(["-s", "BOUND"]).run();
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!(lines.len(), 11, "{output:?}");
    assert_eq!(lines[10], "portwho: 2 more remarks; --json has them all");
    let answer = portwho(["--json", "-s", "BOUND"]).run().json(0, "");
    assert!(sockets(&answer).iter().all(|socket| socket["note"].is_string()), "{answer:#}");
}

#[trial]
fn only_tables_have_remarks() {
    let at = Loopback::V4.port(80);
    let server = TcpListener::from(listening(at, 16));
    let _clients = knock(at, 1);
    let own = std::process::id().to_string() + "\n";
    portwho(["-q", "80"]).run().is(0, &own, "");
    for words in [&["--summary"][..], &["--summary", "--json"]] {
        says(&portwho(words).run(), "");
    }
    let output = portwho(["--no-header", "80"]).run();
    assert!(output.stderr.contains("waiting for accept()"), "{output:?}");
    let answer = portwho(["--json", "80"]).run().json(0, "");
    features::assert_no_gap(&answer);
    drop(server);
}
