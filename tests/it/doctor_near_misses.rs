//! What looks like a fault and is none: doctor says nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;

use crate::doctor::{await_count, server};
use crate::support::kernel_table::{self, State};
use crate::support::limits::allow_descriptors;
use crate::support::makers;
use crate::support::process::Owner;
use crate::support::terminal::Terminal;
use crate::support::{Output, is_healthy, portwho};

/// Connections whose both sides are this process'.
fn pairs(count: usize) -> Vec<(TcpStream, TcpStream)> {
    allow_descriptors(4096).expect("descriptors");
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let address = listener.local_addr().expect("address");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connect");
        (client, listener.accept().expect("accept").0)
    };
    (0..count).map(connect).collect()
}

/// How many sockets there are, as doctor says it.
fn sockets(processes: &str) -> String {
    format!("{} sockets of {processes}", kernel_table::rows("tcp").len())
}

/// Does this between the two snapshots of a run, and returns what it says. They are further apart than
/// by default, for a slow machine.
fn between_snapshots(act: impl FnOnce()) -> Output {
    let mut terminal = Terminal::whole(&portwho(["doctor", "--interval", "3"]));
    terminal.await_text("for snapshot 2 of 2");
    act();
    let output = terminal.finish();
    let answer = output.stdout.rsplit('\r').next().unwrap_or_default().to_owned();
    Output { stdout: answer, ..output }
}

/// The clients have nothing more to say, and the server answers them still.
#[trial]
fn a_half_close_that_streams() {
    let connections = pairs(120);
    for (client, _) in &connections {
        client.shutdown(Shutdown::Write).expect("shutdown");
    }
    await_count("tcp", State::CLOSE_WAIT, 120);
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            while !is_over.load(Ordering::Relaxed) {
                for (client, server) in &connections {
                    (&*server).write_all(b"more").expect("write");
                    (&*client).read_exact(&mut [0; 4]).expect("read");
                }
                thread::sleep(Duration::from_millis(20));
            }
        });
        let plain = portwho(["doctor"]).run();
        let later = portwho(["doctor", "--interval", "2.5"]).run();
        is_over.store(true, Ordering::Relaxed);
        is_healthy(&plain, &sockets("1 process"));
        is_healthy(&later, &sockets("1 process"));
    });
}

/// A load test closes all at once, and the server reads the end of each in turn.
#[trial]
fn a_server_that_drains() {
    let mut connections = pairs(500);
    for (client, _) in &connections {
        client.shutdown(Shutdown::Both).expect("shutdown");
    }
    await_count("tcp", State::CLOSE_WAIT, 500);
    let output = between_snapshots(|| connections.clear());
    output.is(0, &output.stdout, "");
    assert!(output.stdout.starts_with("no problems found in "), "{output:?}");
}

/// The pool's servers have closed what it did not use, which it notices at the next use.
#[trial]
fn a_connection_pool() {
    let mut pool = Owner::named("pool").playing("connections", &[]);
    pool.line();
    let backends: Vec<TcpListener> =
        (0..3).map(|_| TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind")).collect();
    for backend in &backends {
        let address = backend.local_addr().expect("address");
        thread::scope(|scope| {
            scope.spawn(|| (0..30).for_each(|_| drop(backend.accept().expect("accept"))));
            pool.tell(&format!("connect {address} 30"));
        });
    }
    await_count("tcp", State::CLOSE_WAIT, 90);
    is_healthy(&portwho(["doctor"]).run(), &sockets("2 processes"));
}

#[trial]
fn keepalive_connections() {
    let connections = pairs(300);
    for (client, server) in &connections {
        sockopt::set_socket_keepalive(client, true).expect("SO_KEEPALIVE");
        sockopt::set_socket_keepalive(server, true).expect("SO_KEEPALIVE");
    }
    is_healthy(&portwho(["doctor"]).run(), &sockets("1 process"));
}

/// It answers when it has something to say, and reads the whole request before.
#[trial]
fn a_long_poll() {
    let connections = pairs(200);
    for (client, server) in &connections {
        (&*client).write_all(b"GET /next").expect("write");
        (&*server).read_exact(&mut [0; 9]).expect("read");
    }
    is_healthy(&portwho(["doctor"]).run(), &sockets("1 process"));
    is_healthy(&portwho(["doctor", "--interval", "0.5"]).run(), &sockets("1 process"));
}

#[trial]
fn a_busy_proxy() {
    let backend = TcpListener::bind((Ipv4Addr::LOCALHOST, 9000)).expect("bind");
    let mut proxy = Owner::named("proxy").playing("connections", &[]);
    proxy.line();
    thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..5000 {
                let (mut connection, _) = backend.accept().expect("accept");
                assert_eq!(connection.read(&mut [0]).expect("read"), 0);
            }
        });
        proxy.tell("churn 127.0.0.1:9000 5000");
    });
    let output = portwho(["doctor"]).run();
    output.is(0, &output.stdout, "");
    assert!(output.stdout.starts_with("no problems found in "), "{output:?}");
}

/// It asks many hosts at once, and their answers are on the way.
#[trial]
fn a_burst_that_is_accepted() {
    let listener = makers::listening_with(([127, 0, 0, 1], 0).into(), 40, |_| {});
    let clients: Vec<OwnedFd> = (0..30).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::ESTABLISHED, 60);
    let accept = || {
        let accepted: Vec<OwnedFd> =
            (0..30).map(|_| rustix::net::accept(&listener.socket).expect("accept")).collect();
        std::mem::forget(accepted);
    };
    let output = between_snapshots(accept);
    is_healthy_screen(&output);
    drop(clients);
}

fn is_healthy_screen(output: &Output) {
    output.is(0, &output.stdout, "");
    assert!(output.stdout.starts_with("no problems found in "), "{output:?}");
}

/// Fewer than the backlog, however many.
#[trial]
fn handshakes_within_the_backlog() {
    let (mut quiet, address) = server("quiet");
    quiet.tell("read");
    let _ = address;
    let listener = makers::deferring(makers::Loopback::V4, 256);
    let clients: Vec<OwnedFd> = (0..130).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::SYN_RECEIVED, 130);
    let output = portwho(["doctor"]).run();
    is_healthy_screen(&output);
    drop(clients);
}

/// The crawler connects to each host in a moment.
#[trial]
fn a_crawler() {
    let hosts: Vec<TcpListener> = (1..=120)
        .map(|host| TcpListener::bind(SocketAddr::from(([127, 0, 1, host], 8080))).expect("bind"))
        .collect();
    let mut crawler = Owner::named("crawler").playing("connections", &[]);
    crawler.line();
    for host in hosts.iter().take(90) {
        let address = host.local_addr().expect("address");
        crawler.tell(&format!("connect {address} 1"));
        drop(host.accept().expect("accept"));
    }
    await_count("tcp", State::CLOSE_WAIT, 90);
    is_healthy(&portwho(["doctor"]).run(), &sockets("2 processes"));
}
