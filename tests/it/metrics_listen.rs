//! Metrics over HTTP: what is answered, what is shared, what is bounded, and how it ends.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, ChildStderr, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::metrics_hostile::{HOSTILE, hoarder, tcp};
use crate::support::makers::{self, Loopback};
use crate::support::metrics::{samples, value};
use crate::support::process::{Owner, can_become};
use crate::support::programs::can_strace;
use crate::support::{portwho, skip, wait_until};

/// A portwho that serves, killed when dropped.
struct Exporter {
    child: Child,
    stderr: BufReader<ChildStderr>,
    address: SocketAddr,
}

impl Exporter {
    fn start() -> Self {
        Self::through(&[])
    }

    /// Its first look takes five seconds longer, in the first listing of a directory.
    fn slow() -> Self {
        let delay = "inject=getdents64:delay_enter=5s:when=1";
        Self::through(&["strace", "-f", "-o", "/dev/null", "-e", "trace=getdents64", "-e", delay])
    }

    fn through(wrapper: &[&str]) -> Self {
        let run = portwho(["metrics", "--listen", "0"]).through(wrapper);
        let mut command = run.command();
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("start");
        let mut stderr = BufReader::new(child.stderr.take().expect("a pipe"));
        let mut line = String::new();
        stderr.read_line(&mut line).expect("read");
        let address = line.trim_end().strip_prefix("portwho: serving metrics on http://");
        let address = address.and_then(|rest| rest.strip_suffix("/metrics")).expect("an address");
        Self { child, stderr, address: address.parse().expect("an address") }
    }

    fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).expect("connect")
    }

    /// Sends a request, whose answer is still to be read.
    fn ask(&self, method: &str, path: &str, headers: &str) -> TcpStream {
        let mut stream = self.connect();
        write!(stream, "{method} {path} HTTP/1.1\r\nHost: x\r\n{headers}\r\n").expect("write");
        stream
    }

    fn get(&self) -> String {
        answer(self.ask("GET", "/metrics", ""))
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(mut stream: TcpStream) -> String {
    let mut text = String::new();
    stream.read_to_string(&mut text).expect("read");
    text
}

fn body(answer: &str) -> &str {
    answer.split_once("\r\n\r\n").expect("a body").1
}

#[trial]
fn get_is_a_look() {
    let _server = Owner::named("web").holding(makers::listening(Loopback::V4.port(80)).socket);
    let exporter = Exporter::start();
    for _ in 0..2 {
        let answer = exporter.get();
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(
            answer.contains("\r\ncontent-type: text/plain; version=0.0.4; charset=utf-8\r\n"),
            "{answer}"
        );
        let text = body(&answer);
        assert!(text.starts_with("# HELP portwho_build_info ") && text.ends_with('\n'), "{text}");
        // Its own listener and connections are left out; those of its clients are not.
        let listeners = samples(text, "portwho_listener_info");
        assert_eq!(listeners.len(), 1, "{text}");
        assert!(listeners[0].contains("port=\"80\""), "{text}");
    }
}

/// What a user has shown is remembered while it serves.
#[trial]
fn a_user_who_moves_from_port_to_port_has_eight() {
    if !can_become(HOSTILE) {
        return skip("there is no other user here");
    }
    let exporter = Exporter::start();
    let mut ports = BTreeSet::new();
    for look in 0..10 {
        let _hoarder = hoarder((1024 + 5 * look..1029 + 5 * look).map(tcp).collect());
        let answer = exporter.get();
        let port =
            |sample: &str| Some(sample.split_once("port=\"")?.1.split('"').next()?.to_owned());
        ports.extend(samples(body(&answer), "portwho_listener_info").into_iter().filter_map(port));
    }
    let numbers = (1024..1032).map(|port| port.to_string());
    let words = ["ephemeral".to_owned(), "other".to_owned()];
    assert_eq!(ports, numbers.chain(words).collect());
}

#[trial]
fn anything_else_is_refused() {
    let exporter = Exporter::start();
    for (method, path, status) in [
        ("GET", "/", "404 Not Found"),
        ("GET", "/metrics/", "404 Not Found"),
        ("POST", "/metrics", "405 Method Not Allowed"),
        ("HEAD", "/metrics", "405 Method Not Allowed"),
        ("DELETE", "/", "404 Not Found"),
    ] {
        let answer = answer(exporter.ask(method, path, "content-length: 0\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{method} {path}: {answer}");
        assert_eq!(answer.contains("\r\nallow: GET\r\n"), status.starts_with("405"), "{answer}");
    }
    let mut stream = exporter.connect();
    stream.write_all(b"\x16\x03\x01 nonsense\r\n\r\n").expect("write");
    assert!(answer(stream).starts_with("HTTP/1.1 400 "));
    let answer = exporter.get();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

#[trial]
fn a_scrape_that_does_not_wait_is_told() {
    if !can_strace() {
        return;
    }
    let exporter = Exporter::slow();
    let timeout = |seconds: &str| format!("X-Prometheus-Scrape-Timeout-Seconds: {seconds}\r\n");
    let answered = answer(exporter.ask("GET", "/metrics", &timeout("0.6")));
    assert!(answered.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answered}");
    assert_eq!(body(&answered), "the look takes longer than the scrape waits\n");
    let answered = answer(exporter.ask("GET", "/metrics", &timeout("100")));
    assert!(answered.starts_with("HTTP/1.1 200 OK\r\n"), "{answered}");
}

#[trial]
fn scrapes_that_come_meanwhile_share_a_look() {
    if !can_strace() {
        return;
    }
    let exporter = Exporter::slow();
    let asked: Vec<TcpStream> = (0..3).map(|_| exporter.ask("GET", "/metrics", "")).collect();
    let time =
        |answer: &str| value(body(answer), "portwho_look_timestamp_seconds").map(str::to_owned);
    let times: Vec<_> = asked.into_iter().map(|stream| time(&answer(stream))).collect();
    assert!(times[0].is_some() && times.iter().all(|one| *one == times[0]), "{times:?}");
    assert_ne!(time(&exporter.get()), times[0], "the next look is another one");
}

#[trial]
fn connections_are_bounded() {
    let exporter = Exporter::start();
    let mut idle: Vec<TcpStream> = (0..16).map(|_| exporter.connect()).collect();
    wait_until("the idle connections to be accepted", || (waiting(&exporter) == 0).then_some(()));
    let asked = exporter.ask("GET", "/metrics", "");
    assert_eq!(waiting(&exporter), 1);
    idle.pop();
    let answer = answer(asked);
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
}

/// How many connections wait to be accepted.
fn waiting(exporter: &Exporter) -> usize {
    let port = exporter.address.port().to_string();
    let answer = portwho(["--json", "-t", &port]).run().json(0, "");
    let rows = answer["sockets"].as_array().expect("sockets");
    rows.iter().filter(|row| row["owner"]["reason"] == "not-accepted").count()
}

#[trial]
fn sigterm_ends_it() {
    let mut exporter = Exporter::start();
    exporter.get();
    let _idle = exporter.connect();
    kill_process(Pid::from_child(&exporter.child), Signal::TERM).expect("kill");
    let status = exporter.child.wait().expect("wait");
    assert_eq!(status.code(), Some(0), "{status:?}");
    let mut rest = String::new();
    exporter.stderr.read_to_string(&mut rest).expect("read");
    assert_eq!(rest, "");
}

#[trial]
fn an_address_that_is_taken_is_a_failure() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("bind");
    let address = taken.local_addr().expect("address").to_string();
    let why =
        format!("portwho: cannot listen on {address}: Address already in use (os error 98)\n");
    portwho(["metrics", "--listen", &address]).run().is(2, "", &why);
    for words in [["--output", "a.prom"], ["--interval", "1s"]] {
        let output = portwho([&["metrics", "--listen", "0"][..], &words].concat()).run();
        output.is(2, "", &output.stderr);
        assert!(output.stderr.contains(words[0]), "{output:?}");
    }
}
