//! wait: until something listens on the ports, or until time is up.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner, server};
use crate::support::terminal::Terminal;
use crate::support::{Output, portwho};

/// A wait that has looked once, and found that it has to wait.
#[track_caller]
pub fn waiting(words: &[&str]) -> Terminal {
    let words = ["wait"].iter().chain(words);
    let mut wait = Terminal::watched(&portwho(words));
    wait.await_text("portwho: waiting for ");
    wait
}

/// It ends so, and says this on stdout.
#[track_caller]
pub fn ends(wait: Terminal, code: i32, line: &str) {
    let output = wait.finish();
    // What is on the terminal begins with the line of progress.
    let stdout = output.stdout.split('\r').next().unwrap_or_default().to_owned();
    Output { stdout, ..output }.without_wait().is(code, line, "");
}

/// A wait to the end of its time, with what it says on stdout and stderr.
#[track_caller]
pub fn says(words: &[&str], code: i32, stdout: &str, stderr: &str) {
    waited(words).is(code, stdout, stderr);
}

pub fn waited(words: &[&str]) -> Output {
    portwho(["wait"].iter().chain(words)).run().without_wait()
}

/// A process of this name that listens there when it is told to.
pub fn later(name: &str, address: &str) -> Actor {
    let mut actor = Owner::named(name).playing("listen-later", &[address]);
    assert_eq!(actor.line(), "ready");
    actor
}

pub fn wildcard(address: impl Into<std::net::IpAddr>, port: u16) -> SocketAddr {
    SocketAddr::new(address.into(), port)
}

#[trial]
fn a_server_that_listens_already() {
    let server = server(80);
    let line = format!("port 80 is open after N: server (PID {})\n", server.pid());
    says(&["80"], 0, &line, "");
    says(&["--timeout", "0", "80"], 0, &line, "");
    says(&["-t", "--timeout", "none", "http"], 0, &line, "");
}

#[trial]
fn a_server_that_starts_later() {
    let mut server = later("server", "127.0.0.1:80");
    let wait = waiting(&["80"]);
    server.tell("listen");
    ends(wait, 0, &format!("port 80 is open after N: server (PID {})\n", server.pid()));
}

/// A socket that is bound takes no connection.
#[trial]
fn bound_is_not_open() {
    let _backup = Owner::named("backup").holding(makers::bound(Loopback::V4.port(80)).socket);
    says(&["--timeout", "0", "80"], 1, "nothing listens on port 80\n", "");
}

#[trial]
fn time_is_up_and_nothing_listens() {
    says(&["--timeout", "0", "80"], 1, "nothing listens on port 80\n", "");
    says(&["--timeout", "250ms", "80"], 1, "nothing listens on port 80 after N\n", "");
    let both = "nothing listens on ports 80-82, UDP port 53, localhost:3000, [::1]:80\n";
    says(&["--timeout", "0", "80,81,82,53/udp", "localhost:3000", "[::1]:80"], 1, both, "");
}

#[trial]
fn every_port_of_a_range() {
    let (first, third) = (server(8000), server(8002));
    let mut second = later("late", "127.0.0.1:8001");
    says(&["--timeout", "0", "8000-8002"], 1, "nothing listens on port 8001\n", "");
    let wait = waiting(&["8000-8002"]);
    second.tell("listen");
    let mut pids = [first.pid(), third.pid()];
    pids.sort_unstable();
    let mut owners = pids.map(|pid| (pid, format!("server (PID {pid})"))).to_vec();
    owners.push((second.pid(), format!("late (PID {})", second.pid())));
    owners.sort();
    let owners: Vec<String> = owners.into_iter().map(|(_, owner)| owner).collect();
    ends(wait, 0, &format!("ports 8000-8002 are open after N: {}\n", owners.join(", ")));
}

/// One that has been open does not count when the other opens.
#[trial]
fn all_at_the_same_time() {
    let mut first = later("server", "127.0.0.1:8000");
    let mut second = later("late", "127.0.0.1:8001");
    first.tell("listen");
    let wait = waiting(&["--timeout", "1", "8000", "8001"]);
    assert_eq!(first.tell("close"), "closed");
    second.tell("listen");
    ends(wait, 1, "nothing listens on port 8000 after N\n");
}

#[trial]
fn localhost_is_either_address() {
    for at in Loopback::BOTH {
        let owner = Owner::named("server").holding(makers::listening(at.port(80)).socket);
        let line = format!("localhost:80 is open after N: server (PID {})\n", owner.pid());
        says(&["--timeout", "0", "localhost:80"], 0, &line, "");
        says(&["--timeout", "0", "http://localhost:80/"], 0, &line, "");
    }
    says(&["--timeout", "0", "localhost:80"], 1, "nothing listens on localhost:80\n", "");
}

#[trial]
fn an_address_is_served_by_what_covers_it() {
    let open = |address: &str, pid| {
        let line = format!("{address} is open after N: server (PID {pid})\n");
        says(&["--timeout", "0", address], 0, &line, "");
    };
    let shut = |address: &str, pid, there: &str| {
        let line = format!(
            "nothing that matches listens on {address}; server (PID {pid}) listens on {there}\n"
        );
        says(&["--timeout", "0", address], 1, &line, "");
    };
    let listen = |at| Owner::named("server").holding(makers::listening(at).socket);
    let here = listen(Loopback::V4.port(80));
    open("127.0.0.1:80", here.pid());
    shut("127.0.0.2:80", here.pid(), "127.0.0.1:80");
    shut("0.0.0.0:80", here.pid(), "127.0.0.1:80");
    shut("[::1]:80", here.pid(), "127.0.0.1:80");
    let of_ipv4 = listen(wildcard(Ipv4Addr::UNSPECIFIED, 81));
    open("127.0.0.1:81", of_ipv4.pid());
    shut("[::1]:81", of_ipv4.pid(), "0.0.0.0:81");
    let dual = listen(wildcard(Ipv6Addr::UNSPECIFIED, 82));
    open("127.0.0.1:82", dual.pid());
    open("[::1]:82", dual.pid());
    let line = format!("port 82 is open after N: server (PID {})\n", dual.pid());
    says(&["--timeout", "0", "-4", "82"], 0, &line, "");
    let line = "nothing listens on port 81\n";
    says(&["--timeout", "0", "-6", "81"], 1, line, "");
}

#[trial]
fn udp_where_it_is_asked_for() {
    let name = Owner::named("named").holding(makers::udp(Loopback::V4.port(53)).socket);
    let server = server(80);
    let udp = format!("UDP port 53 is open after N: named (PID {})\n", name.pid());
    says(&["--timeout", "0", "-u", "53"], 0, &udp, "");
    says(&["--timeout", "0", "53/udp"], 0, &udp, "");
    says(&["--timeout", "0", "53"], 1, "nothing listens on port 53\n", "");
    says(&["--timeout", "0", "-u", "80"], 1, "nothing listens on UDP port 80\n", "");
    says(&["--timeout", "0", "-tu", "80"], 1, "nothing listens on UDP port 80\n", "");
    let mut owners = [(server.pid(), "server"), (name.pid(), "named")];
    owners.sort_unstable();
    let owners = owners.map(|(pid, name)| format!("{name} (PID {pid})")).join(", ");
    let line = format!("port 80, UDP port 53 are open after N: {owners}\n");
    says(&["--timeout", "0", "80", "53/udp"], 0, &line, "");
    // A connected one takes nothing from others.
    let connected = makers::udp_connected(Loopback::V4.port(53));
    let port = connected.address.port().to_string();
    let line = format!("nothing listens on UDP port {port}\n");
    says(&["--timeout", "0", "-u", &port], 1, &line, "");
}

/// Nobody of that name runs yet, and somebody else has the port.
#[trial]
fn an_owner_that_does_not_exist_yet() {
    let name = format!("late{}", std::process::id());
    let mut other = Owner::named("server").playing("listen", &["127.0.0.1:80"]);
    other.line();
    let there = format!("server (PID {}) listens on 127.0.0.1:80", other.pid());
    let line = format!("nothing that matches listens on port 80; {there}\n");
    let absent = format!("portwho: no process is named '{name}'\n");
    says(&["--timeout", "0", "--name", &name, "80"], 1, &line, &absent);
    let nobody = "portwho: no process has PID 4194305\n";
    says(&["--timeout", "0", "--pid", "4194305", "80"], 1, &line, nobody);
    let nobody = "portwho: no user is named 'nosuchuser'\n";
    says(&["--timeout", "0", "--user", "nosuchuser", "80"], 1, &line, nobody);
    let wait = waiting(&["--name", &name, "80"]);
    let mut late = later(&name, "127.0.0.1:80");
    assert_eq!(other.tell("close"), "closed");
    late.tell("listen");
    ends(wait, 0, &format!("port 80 is open after N: {name} (PID {})\n", late.pid()));
}

#[trial]
fn an_owner_that_has_the_port() {
    let server = server(80);
    let line = format!("port 80 is open after N: server (PID {})\n", server.pid());
    let pid = server.pid().to_string();
    for filter in [["--name", "serv*"], ["--pid", &pid], ["--user", "root"]] {
        says(&[filter[0], filter[1], "--timeout", "0", "80"], 0, &line, "");
    }
}
