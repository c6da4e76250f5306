//! What looks like a fault and is none: doctor says nothing.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::net::sockopt;
use serde_json::json;

use crate::doctor::{await_count, findings};
use crate::support::kernel_table::{self, Row, State};
use crate::support::limits::allow_descriptors;
use crate::support::makers;
use crate::support::process::Owner;
use crate::support::terminal::Terminal;
use crate::support::{Output, is_healthy, portwho, wait_until};

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

/// The clients have nothing more to ask, and wait for the answer. The server has read the end of some.
#[trial]
fn a_half_close_that_waits_for_the_answer() {
    let connections = pairs(120);
    for (number, (client, server)) in connections.iter().enumerate() {
        (&*client).write_all(b"GET /next").expect("write");
        (&*server).read_exact(&mut [0; 9]).expect("read");
        client.shutdown(Shutdown::Write).expect("shutdown");
        if number % 2 == 0 {
            assert_eq!((&*server).read(&mut [0]).expect("read"), 0);
        }
    }
    await_count("tcp", State::CLOSE_WAIT, 120);
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    let own = std::process::id();
    assert_eq!(
        json!([finding["kind"], finding["severity"], finding["pid"], finding["count"]]),
        json!(["close-wait-leak", "note", own, 120])
    );
    let evidence = &finding["evidence"];
    assert_eq!(evidence["unanswered"], 120);
    assert_eq!(evidence["causes"], json!({"not-closed": 60, "end-not-read": 60}));
    let port = connections[0].1.local_addr().expect("address").port();
    assert_eq!(finding["now"], format!("portwho -v --state CLOSE_WAIT --pid {own} {port}"));
    let text = portwho(["doctor"]).run();
    text.is(0, &text.stdout, "");
    let text = text.stdout.replace("\n             ", " ");
    let words = "120 have still to answer, were closed within the last minute, and may be in use";
    assert!(text.contains(words), "{text}");
    // The clients give up: nobody waits any more.
    let _servers: Vec<TcpStream> = connections.into_iter().map(|(_, server)| server).collect();
    wait_until("the orphans", || {
        let rows = kernel_table::rows("tcp");
        let is_orphan = |row: &&Row| row.state == State::FIN_WAIT_2 && row.inode == 0;
        (rows.iter().filter(is_orphan).count() == 120).then_some(())
    });
    let found = findings();
    let [finding] = &found[..] else { panic!("{found:#?}") };
    assert_eq!(
        json!([finding["kind"], finding["severity"], finding["count"]]),
        json!(["close-wait-leak", "warning", 120])
    );
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

/// More than half of the backlog, which the server accepts in a moment.
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
    let listener = makers::deferring(makers::Loopback::V4, 256);
    let clients: Vec<OwnedFd> = (0..130).map(|_| makers::begin(listener.address)).collect();
    await_count("tcp", State::SYN_RECEIVED, 130);
    let output = portwho(["doctor"]).run();
    is_healthy_screen(&output);
    drop(clients);
}

/// Its hosts have closed their connections, which it notices at their next use.
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
