//! Leaks that no single port has, that end soon, or that only lasts show.

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

use crate::doctor::{await_count, is, server};
use crate::support::kernel_table::{self, State};
use crate::support::process::{Actor, Owner};
use crate::support::terminal::Terminal;
use crate::support::{is_healthy, portwho};

/// A client with a connection to each of this many hosts, which the hosts have closed.
fn forgetful(name: &str, hosts: u8) -> (Actor, Vec<TcpListener>) {
    let listen = |host| TcpListener::bind(SocketAddr::from(([127, 0, 1, host], 80))).expect("bind");
    let hosts: Vec<TcpListener> = (1..=hosts).map(listen).collect();
    let mut client = Owner::named(name).playing("connections", &[]);
    client.line();
    for host in &hosts {
        client.tell(&format!("connect {} 1", host.local_addr().expect("address")));
        drop(host.accept().expect("accept"));
    }
    (client, hosts)
}

/// They are young; whether they will be used again cannot be told, so it is a note.
#[trial]
fn a_client_of_many_hosts() {
    let (client, hosts) = forgetful("crawler", 150);
    await_count("tcp", State::CLOSE_WAIT, 150);
    let answer = portwho(["doctor", "--json"]).run().json(0, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    is(finding, "close-wait-leak", "note", Some((client.pid(), "crawler")), 150);
    assert_eq!(finding["evidence"]["foreign_addresses"], 150);
    // What may be used again is not to be closed.
    assert_eq!(finding["now"], format!("portwho -v --state CLOSE_WAIT --pid {}", client.pid()));
    let text = portwho(["doctor"]).run();
    text.is(0, &text.stdout, "");
    assert!(text.stdout.contains("\nwhat         150 CLOSE_WAIT with 150 addresses: "), "{text:?}");
    drop(hosts);
}

/// Fewer, and it has nothing to say.
#[trial]
fn a_client_of_some_hosts() {
    let (_client, hosts) = forgetful("crawler", 99);
    await_count("tcp", State::CLOSE_WAIT, 99);
    let sockets = kernel_table::rows("tcp").len();
    is_healthy(&portwho(["doctor"]).run(), &format!("{sockets} sockets of 2 processes"));
    drop(hosts);
}

/// It has fewer than a hundred, all of them young, and soon no descriptor is left.
#[trial]
fn a_leak_that_ends_soon() {
    let (mut leaky, address) = server("leaky");
    leaky.tell("descriptors 20 200");
    for _ in 0..10 {
        drop(TcpStream::connect(address).expect("connect"));
        leaky.tell("accept 1");
    }
    let (stop, stopped) = mpsc::channel::<()>();
    let leak = thread::spawn(move || {
        while stopped.try_recv() == Err(mpsc::TryRecvError::Empty) {
            drop(TcpStream::connect(address).expect("connect"));
            leaky.tell("accept 1");
            thread::sleep(Duration::from_millis(100));
        }
        leaky
    });
    let answer = portwho(["doctor", "--json", "--interval", "5"]).run();
    stop.send(()).expect("stop");
    let leaky = leak.join().expect("join");
    let answer = answer.json(1, "");
    let [finding] = answer["findings"].as_array().expect("findings").as_slice() else {
        panic!("not one finding: {answer:#}")
    };
    let count = finding["count"].as_u64().expect("a count");
    let number = usize::try_from(count).expect("a number");
    is(finding, "close-wait-leak", "critical", Some((leaky.pid(), "leaky")), number);
    assert!(count < 100, "{finding:#}");
    let evidence = &finding["evidence"];
    assert!(evidence["exhausted_in_ms"].as_u64().is_some_and(|left| left < 600_000), "{finding:#}");
    assert_eq!((&evidence["descriptor_limit"], &evidence["in_use"]), (&json!(200), &json!(0)));
    // At rest they are too few.
    let later = portwho(["doctor", "--json", "--interval", "0.1"]).run();
    let later: Value = serde_json::from_str(&later.stdout).expect("JSON");
    assert_eq!(later["findings"], json!([]));
}

/// The answer is that of the last snapshot.
#[trial]
fn until_it_is_interrupted() {
    let (mut leaky, address) = server("leaky");
    let clients: Vec<TcpStream> =
        (0..100).map(|_| TcpStream::connect(address).expect("connect")).collect();
    leaky.tell("accept 100");
    drop(clients);
    await_count("tcp", State::CLOSE_WAIT, 100);
    let mut terminal = Terminal::whole(&portwho(["doctor", "--count", "0", "--interval", "0.2"]));
    terminal.await_text("snapshot 3\n");
    terminal.await_text("waiting 200ms for snapshot 4");
    terminal.interrupt();
    let output = terminal.finish();
    assert_eq!(output.code, Some(1), "{output:?}");
    assert!(output.stdout.contains("close-wait-leak"), "{output:?}");
}
