//! Ports that only connected sockets have: what they do to a bind.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};

use rustix::net::connect;
use serde_json::{Value, json};

use super::try_bind;
use crate::support::makers::{self, Loopback};
use crate::support::{portwho, refuse};

/// The verdict on the one port and protocol that was asked for.
fn verdict(asked: &str) -> Value {
    refuse::other_namespaces();
    let output = portwho(["--json", asked]).run();
    let answer: Value = serde_json::from_str(&output.stdout).expect("JSON");
    answer["ports"][0].clone()
}

/// To a bind, it is as any other.
#[trial]
fn a_connected_udp_socket_holds_its_port() {
    let held = makers::udp(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0));
    connect(&held.socket, &Loopback::V4.port(9)).expect("connect");
    let port = held.address.port();
    for address in [Ipv4Addr::LOCALHOST, Ipv4Addr::UNSPECIFIED] {
        std::net::UdpSocket::bind((address, port)).expect_err("it is taken");
    }
    let here = verdict(&format!("127.0.0.1:{port}/udp"));
    assert_eq!(here["verdict"], "held");
    assert_eq!(here["blockers"][0]["way"], "same");
    let everywhere = verdict(&format!("0.0.0.0:{port}/udp"));
    assert_eq!(everywhere["verdict"], "blocked");
    assert_eq!(everywhere["blockers"][0]["way"], "within");
    std::net::UdpSocket::bind((Ipv4Addr::new(127, 0, 0, 2), port)).expect("it is free");
    assert_eq!(verdict(&format!("127.0.0.2:{port}/udp"))["verdict"], "free");
}

/// A connection of `[::]` that came over IPv6 has no IPv4 address, and is in the way of `0.0.0.0`.
#[trial]
fn a_connection_of_a_dual_stack_listener_is_in_the_way_of_ipv4() {
    let everywhere = SocketAddr::new(Ipv6Addr::UNSPECIFIED.into(), 80);
    let listener = std::net::TcpListener::bind(everywhere).expect("bind");
    let _client = TcpStream::connect(Loopback::V6.port(80)).expect("connect");
    let (_accepted, _) = listener.accept().expect("accept");
    drop(listener);
    // The listener had set SO_REUSEADDR, as Rust's library does.
    try_bind(SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 80), false).expect_err("in the way");
    let connections = |count: u32| json!([{"kind": "connections", "count": count}]);
    assert_eq!(verdict("0.0.0.0:80/tcp")["blockers"], connections(1));
    try_bind(Loopback::V4.port(80), false).expect("it is free");
    assert_eq!(verdict("127.0.0.1:80/tcp")["blockers"], json!([]));
}
