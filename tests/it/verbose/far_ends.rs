//! The process on the other side of a connection.

use std::net::{Ipv4Addr, SocketAddr};

use rustix::net::{SocketFlags, accept_with};

use super::{lines, named, only_line};
use crate::support::makers::{self, Loopback};
use crate::support::portwho;
use crate::support::process::{Owner, Process};

/// Both ends of a connection, each with a process of its own.
struct Ends {
    client: Process,
    server: Process,
    near: SocketAddr,
    far: SocketAddr,
}

fn ends(made: makers::Connection) -> Ends {
    let (near, far) = (made.client_address, made.server_address);
    Ends {
        client: Owner::named("client").holding(made.client),
        server: Owner::named("server").holding(made.server),
        near,
        far,
    }
}

#[trial]
fn the_process_at_the_other_end() {
    for at in Loopback::BOTH {
        let Ends { client, server, near, far } = ends(makers::established(at));
        let to_server = format!("{}, at {far}", named(&server, "server"));
        let to_client = format!("{}, at {near}", named(&client, "client"));
        assert_eq!(only_line(&[&near.port().to_string()], "connected to"), to_server);
        let ip = far.ip().to_string();
        let filter = ["-s", "ESTABLISHED", "--local", &ip];
        let port = far.port().to_string();
        let of_server = [&filter[..], &[&port]].concat();
        assert_eq!(only_line(&of_server, "connected to"), to_client);
        let both = portwho([&["-v"][..], &filter].concat()).run();
        assert_eq!(lines(&both, "connected to"), [to_server, to_client]);
    }
}

#[trial]
fn the_other_side_at_an_address_of_this_machine() {
    let here = SocketAddr::new(Ipv4Addr::new(127, 1, 2, 3).into(), 80);
    let listener = makers::listening(here);
    let client = std::net::TcpStream::connect(here).expect("connect");
    let near = client.local_addr().expect("local address");
    let server = accept_with(&listener.socket, SocketFlags::CLOEXEC).expect("accept");
    let server = Owner::named("server").holding(server);
    let _client = Owner::named("client").holding(client.into());
    let expected = format!("{}, at {here}", named(&server, "server"));
    assert_eq!(only_line(&[&near.port().to_string()], "connected to"), expected);
}

/// Up to three are named; more are counted.
#[trial]
fn several_connections_to_one_process() {
    let address = Loopback::V4.port(80);
    let mut server = Owner::named("server").playing("listen", &[&address.to_string()]);
    server.line();
    let mut clients = Vec::new();
    let mut told = |count: usize| {
        while clients.len() < count {
            clients.push(std::net::TcpStream::connect(address).expect("connect"));
            assert_eq!(server.tell("accept"), "accepted");
        }
        let words = ["--pid", &std::process::id().to_string(), "-s", "ESTABLISHED"];
        let line = only_line(&words, "connected to");
        let name = format!("server (PID {}), ", server.pid());
        line.strip_prefix(&name).unwrap_or_else(|| panic!("{line}")).to_owned()
    };
    assert_eq!(told(1), format!("at {address}"));
    assert_eq!(told(3), format!("at {address}, {address}, {address}"));
    assert_eq!(told(4), "4 connections");
}

#[trial]
fn the_other_side_of_datagrams() {
    use std::net::UdpSocket;
    let [one, other] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("bind"));
    let address = |socket: &UdpSocket| socket.local_addr().expect("local address");
    one.connect(address(&other)).expect("connect");
    other.connect(address(&one)).expect("connect");
    let (near, far) = (address(&one), address(&other));
    let _one = Owner::named("one").holding(one.into());
    let other = Owner::named("other").holding(other.into());
    let expected = format!("{}, at {far}", named(&other, "other"));
    assert_eq!(only_line(&["-u", &near.port().to_string()], "connected to"), expected);
}

#[trial]
fn the_other_side_that_was_not_accepted() {
    let made = makers::not_accepted(Loopback::V4);
    let _client = Owner::named("client").holding(made.client);
    let line = only_line(&[&made.client_address.port().to_string()], "connected to");
    assert_eq!(line, format!("the kernel (not-accepted), at {}", made.server_address));
}

#[trial]
fn a_listener_has_no_other_end() {
    let made = makers::established(Loopback::V4);
    let _listener = Owner::named("listener").holding(made.listener);
    let port = made.server_address.port().to_string();
    let output = portwho(["-v", "-l", &port]).run();
    assert_eq!(lines(&output, "connected to"), [""; 0], "{output:?}");
    assert_eq!(lines(&output, "user"), ["root"]);
}
