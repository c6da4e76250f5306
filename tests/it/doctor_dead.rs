//! Descriptors of sockets that are not connected: reset by their peers, and never closed.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;

use rustix::net::sockopt::set_socket_linger;
use serde_json::json;
use std::time::Duration;

use crate::doctor::{LOOPBACK, await_count, findings, is, silent};
use crate::support::features;
use crate::support::kernel_table::State;
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Actor, Owner};

/// A program with this many connections to `backend`, and their other sides.
fn connected(name: &str, backend: &TcpListener, count: usize) -> (Actor, Vec<TcpStream>) {
    let address: SocketAddr = backend.local_addr().expect("address");
    let mut client = Owner::named(name).playing("connections", &[]);
    client.line();
    let mut accepted = Vec::new();
    while accepted.len() < count {
        let next = 100.min(count - accepted.len());
        client.tell(&format!("connect {address} {next}"));
        accepted.extend((0..next).map(|_| backend.accept().expect("accept").0));
    }
    (client, accepted)
}

/// Closes them with a RST each.
fn reset(connections: Vec<TcpStream>) {
    for connection in &connections {
        set_socket_linger(connection, Some(Duration::ZERO)).expect("SO_LINGER");
    }
}

#[trial]
fn sockets_that_were_reset_and_never_closed() {
    let backend = TcpListener::bind(LOOPBACK).expect("bind");
    let (mut proxy, of_proxy) = connected("proxy", &backend, 150);
    // A pool, and a program with a few dead ones.
    let (_pool, of_pool) = connected("pool", &backend, 160);
    let (_few, of_few) = connected("few", &backend, 99);
    reset(of_few);
    await_count("tcp", State::ESTABLISHED, 2 * (150 + 160));
    // Sockets of another kind, and of another namespace that has processes: the resolver of a
    // container engine has such.
    let local: Vec<_> = (0..120).map(|_| UnixDatagram::unbound().expect("socket")).collect();
    let (elsewhere, _container) = in_netns(|| {
        let bind = |_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let lives = makers::listening(Loopback::V4.port(80));
        let container = Owner::named("container").holding(lives.socket);
        ((0..120).map(bind).collect::<Vec<_>>(), container)
    });
    silent();
    reset(of_proxy);
    await_count("tcp", State::ESTABLISHED, 2 * 160);
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "dead-descriptors", "note", Some((proxy.pid(), "proxy")), 150);
    let open = std::fs::read_dir(format!("/proc/{}/fd", proxy.pid())).expect("list").count();
    assert_eq!(finding["evidence"]["descriptors"], json!(open));
    assert_eq!(finding["now"], format!("ls -l /proc/{}/fd", proxy.pid()));
    proxy.tell("descriptors 0 301");
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "dead-descriptors", "note", Some((proxy.pid(), "proxy")), 150);
    proxy.tell("descriptors 0 300");
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    is(finding, "dead-descriptors", "warning", Some((proxy.pid(), "proxy")), 150);
    drop((of_pool, local, elsewhere));
}

/// A reset socket whose port was bound by number keeps it: it is BOUND, which old kernels do not list.
#[trial]
fn sockets_that_keep_their_ports() {
    let mut bound: Vec<_> = (0..100).map(|_| makers::bound(Loopback::V4.port(0))).collect();
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(
        json!([finding["kind"], finding["severity"], finding["pid"], finding["count"]]),
        json!(["dead-descriptors", "note", std::process::id(), 100])
    );
    let listed = features::lists_bound().then_some(100);
    assert_eq!(finding["evidence"]["bound"], json!(listed));
    bound.pop();
    silent();
}
