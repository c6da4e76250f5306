//! The situations in which samples are run, by the names in the comments of the pages.

use std::any::Any;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use rustix::net::{Shutdown, connect, shutdown};

use crate::doctor::await_count;
use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::wait_until;

const NOBODY: u32 = 65534;

/// The processes and sockets that exist while a sample runs.
#[derive(Default)]
pub struct Situation {
    pub pids: Vec<u32>,
    /// The user who types the commands, if not root.
    pub user: Option<u32>,
    kept: Vec<Box<dyn Any>>,
}

impl Situation {
    fn of(owners: Vec<(u32, Box<dyn Any>)>) -> Self {
        let (pids, kept) = owners.into_iter().unzip();
        Self { pids, user: None, kept }
    }

    fn typed_by_nobody(mut self) -> Self {
        self.user = Some(NOBODY);
        self
    }

    fn keeping(mut self, kept: impl Any) -> Self {
        self.kept.push(Box::new(kept));
        self
    }
}

type Make = fn() -> Situation;

const SITUATIONS: &[(&str, Make)] = &[
    ("nothing", Situation::default),
    ("nothing-without-root", || Situation::default().typed_by_nobody()),
    ("listener", || Situation::of(vec![listener("python3", everywhere(8080))])),
    ("ignores-sigterm", ignores_sigterm),
    ("stopped", stopped),
    ("tcp-and-udp", tcp_and_udp),
    ("workers", workers),
    ("root-and-nobody", || {
        Situation::of(vec![listener("nginx", everywhere(80))]).typed_by_nobody()
    }),
    ("bound", || Situation::of(vec![bound()])),
    ("closed", closed),
    ("leak", leak),
    ("machine", machine),
];

pub fn named(name: &str) -> Situation {
    let found = SITUATIONS.iter().find(|(known, _)| *known == name);
    let (_, make) = found.unwrap_or_else(|| panic!("no situation is called {name}"));
    make()
}

fn everywhere(port: u16) -> SocketAddr {
    (Ipv4Addr::UNSPECIFIED, port).into()
}

fn here(port: u16) -> SocketAddr {
    Loopback::V4.port(port)
}

fn holding(name: &str, socket: OwnedFd) -> (u32, Box<dyn Any>) {
    let process = Owner::named(name).holding(socket);
    (process.pid(), Box::new(process))
}

fn listener(name: &str, at: SocketAddr) -> (u32, Box<dyn Any>) {
    holding(name, makers::listening(at).socket)
}

fn bound() -> (u32, Box<dyn Any>) {
    holding("backup", makers::bound(here(6800)).socket)
}

fn ignores_sigterm() -> Situation {
    let socket = makers::listening(here(7000)).socket;
    let process = Owner::named("python3").ignoring_term().holding(socket);
    Situation::of(vec![(process.pid(), Box::new(process))])
}

fn stopped() -> Situation {
    let process = Owner::named("python3").holding(makers::listening(here(7000)).socket);
    process.signal(rustix::process::Signal::STOP);
    wait_until("a stopped process", || (process.state() == 'T').then_some(()));
    Situation::of(vec![(process.pid(), Box::new(process))])
}

fn tcp_and_udp() -> Situation {
    let udp = makers::udp(here(9200)).socket;
    Situation::of(vec![listener("python3", here(9200)), holding("python3", udp)])
}

/// A server, and four processes that it has started and that hold its socket too.
fn workers() -> Situation {
    let socket = makers::listening(everywhere(80)).socket;
    let mut nginx = Owner::named("nginx").playing_with("family", &["4"], socket);
    let line = nginx.line();
    let workers = line.split(' ').map(|pid| pid.parse().expect("a PID"));
    let pids = std::iter::once(nginx.pid()).chain(workers).collect();
    Situation { pids, ..Situation::default() }.keeping(nginx)
}

/// Closed connections, one to port 9000 of another program, and one of port 3000 here.
fn closed() -> Situation {
    close_first(here(59238), here(9000));
    close_first(here(3000), here(51784));
    Situation::default()
}

/// The client closes first: its side is the one in TIME_WAIT, and nothing else remains.
fn close_first(client: SocketAddr, server: SocketAddr) {
    let listener = TcpListener::bind(server).expect("bind");
    let socket = connected(client, server);
    let (accepted, _) = listener.accept().expect("accept");
    drop(socket);
    await_state(server, client, State::CLOSE_WAIT);
    drop(accepted);
    await_state(client, server, State::TIME_WAIT);
}

/// A connection from this port, which the test's own network namespace has free.
fn connected(from: SocketAddr, to: SocketAddr) -> OwnedFd {
    let socket = makers::bound(from).socket;
    connect(&socket, &to).expect("connect");
    socket
}

/// A server that reads to the end and does not close.
fn leak() -> Situation {
    let mut server = connections("app-server", here(8080));
    let clients: Vec<_> =
        (0..120).map(|_| TcpStream::connect(here(8080)).expect("connect")).collect();
    assert_eq!(server.tell("accept 120"), "done");
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 120);
    assert_eq!(server.tell("read"), "done");
    Situation::of(vec![(server.process.pid(), Box::new(server))])
}

/// A program that listens there, and accepts what it is told to.
fn connections(name: &str, at: SocketAddr) -> Actor {
    let mut server = Owner::named(name).playing("connections", &[&at.to_string()]);
    assert_eq!(server.line(), at.to_string());
    server
}

/// Five nginx, a postgres whose queue holds a connection, a named, a backup that does not listen, and
/// an app-server that does not close its connections.
/// The clients belong to this process.
fn machine() -> Situation {
    rustix::thread::set_name(c"client").expect("a name");
    let nginx = workers();
    let mut server = connections("app-server", (Ipv6Addr::UNSPECIFIED, 8080).into());
    let [orphaned, half_closed, open] =
        [33904, 33914, 33922].map(|port| connected(here(port), here(8080)));
    assert_eq!(server.tell("accept 3"), "done");
    drop(orphaned);
    shutdown(&half_closed, Shutdown::Write).expect("shutdown");
    await_count("tcp6", State::CLOSE_WAIT, 2);
    await_count("tcp", State::FIN_WAIT_2, 2);
    let postgres = makers::listening_with(here(5432), 200, |_| {}).socket;
    let not_accepted = connected(here(45572), here(5432));
    await_state(here(5432), here(45572), State::ESTABLISHED);
    close_first(here(59238), here(9000));
    let mut pids = nginx.pids.clone();
    let named = holding("named", makers::udp(here(53)).socket);
    let others = [
        (server.pid(), Box::new(server) as Box<dyn Any>),
        named,
        bound(),
        holding("postgres", postgres),
        (std::process::id(), Box::new([half_closed, open, not_accepted])),
    ];
    let others = Situation::of(others.into());
    pids.extend(&others.pids);
    Situation { pids, ..others }.keeping(nginx)
}
