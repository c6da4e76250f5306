//! wait --free: until every port can be bound, or until time is up.

use std::net::{Ipv4Addr, Ipv6Addr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::sockopt;

use crate::support::features;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, server};
use crate::support::without_seconds;
use crate::wait::{ends, says, waited, waiting, wildcard};

#[trial]
fn a_port_that_is_free() {
    says(&["--free", "80"], 0, "port 80 is free after N\n", "");
    says(&["--free", "--timeout", "0", "80-90"], 0, "ports 80-90 are free after N\n", "");
    says(&["--free", "-u", "localhost:53"], 0, "localhost:53/udp is free after N\n", "");
}

#[trial]
fn a_server_that_stops() {
    let mut server = Owner::named("server").playing("listen", &["127.0.0.1:80"]);
    server.line();
    let wait = waiting(&["--free", "80"]);
    assert_eq!(server.tell("close"), "closed");
    ends(wait, 0, "port 80 is free after N\n");
}

#[trial]
fn time_is_up_and_somebody_holds_it() {
    let one = server(80);
    let line = format!("port 80 is still in use: server (PID {})\n", one.pid());
    says(&["--free", "--timeout", "0", "80"], 1, &line, "");
    says(&["--free", "--timeout", "0", "79-81"], 1, &line, "");
    let line = format!("port 80 is still in use after N: server (PID {})\n", one.pid());
    says(&["--free", "--timeout", "0.2", "80"], 1, &line, "");
    let line = format!("127.0.0.1:80 is still in use: server (PID {})\n", one.pid());
    says(&["--free", "--timeout", "0", "127.0.0.1:80", "127.0.0.2:80"], 1, &line, "");
    says(&["--free", "-u", "80"], 0, "UDP port 80 is free after N\n", "");
}

#[trial]
fn bound_is_not_free() {
    if !features::lists_bound() {
        return;
    }
    let owner = Owner::named("backup").holding(makers::bound(Loopback::V4.port(80)).socket);
    let line = format!("port 80 is still in use: backup (PID {})\n", owner.pid());
    says(&["--free", "--timeout", "0", "80"], 1, &line, "");
    let wait = waiting(&["--free", "80"]);
    drop(owner);
    ends(wait, 0, "port 80 is free after N\n");
}

#[trial]
fn free_at_both_addresses_of_localhost() {
    for at in Loopback::BOTH {
        let owner = Owner::named("server").holding(makers::listening(at.port(80)).socket);
        let line = format!("localhost:80 is still in use: server (PID {})\n", owner.pid());
        says(&["--free", "--timeout", "0", "localhost:80"], 1, &line, "");
    }
    says(&["--free", "--timeout", "0", "localhost:80"], 0, "localhost:80 is free after N\n", "");
}

/// A server of IPv4 binds where only IPv6 is held.
#[trial]
fn free_for_one_family() {
    let set = |socket: &OwnedFd| sockopt::set_ipv6_v6only(socket, true).expect("v6only");
    let at = wildcard(Ipv6Addr::UNSPECIFIED, 80);
    let owner = Owner::named("server").holding(makers::listening_with(at, 1, set).socket);
    let line = format!("port 80 is still in use: server (PID {})\n", owner.pid());
    says(&["--free", "--timeout", "0", "80"], 1, &line, "");
    says(&["--free", "--timeout", "0", "-6", "80"], 1, &line, "");
    says(&["--free", "--timeout", "0", "-4", "80"], 0, "port 80 is free after N\n", "");
    makers::listening(wildcard(Ipv4Addr::UNSPECIFIED, 80));
}

#[trial]
fn time_wait_is_told_and_not_waited_for() {
    let over = makers::time_wait(Loopback::V4);
    let port = over.client_address.port().to_string();
    let mut output = waited(&["--free", &port]);
    output.stdout = without_seconds(&output.stdout);
    let line = format!(
        "port {port} is free after N (1 TIME_WAIT, N left; until it ends, a bind fails unless both \
         sockets set SO_REUSEADDR, which no table shows)\n"
    );
    output.is(0, &line, "");
}

#[trial]
fn connections_are_told_and_not_waited_for() {
    let at = Loopback::V4.port(80);
    let listener = TcpListener::bind(at).expect("bind");
    let _client = TcpStream::connect(at).expect("connect");
    let _accepted = listener.accept().expect("accept");
    drop(listener);
    let line = "port 80 is free after N; 1 connection uses it: a bind may fail until it ends\n";
    says(&["--free", "80"], 0, line, "");
}
