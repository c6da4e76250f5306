//! What wait may not do: bind a port, connect to it, hide what it cannot see, or leave its line of
//! progress on a terminal; and how it is called wrongly.

use std::fs;
use std::io;

use crate::support::features;
use crate::support::makers::{self, Loopback};
use crate::support::mounts;
use crate::support::process::{Owner, can_become, server};
use crate::support::programs::can_strace;
use crate::support::terminal::Terminal;
use crate::support::{Run, Scratch, portwho, skip};
use crate::wait::{ends, says, waited, waiting};

const NOBODY: u32 = 65534;

#[trial]
fn ctrl_c_ends_it_and_clears_its_line() {
    let server = server(80);
    for words in [&["81", "--timeout", "none"][..], &["--free", "80"], &["--json", "81"]] {
        let wait = waiting(words);
        wait.interrupt();
        let output = wait.finish();
        assert_eq!(output.code, Some(130), "{output:?}");
        let (stdout, screen) = output.stdout.split_once('\r').expect("a line of progress");
        assert_eq!(stdout, "", "{output:?}");
        let cleared = format!("\r{:60}\r", "");
        assert!(screen.ends_with(&cleared), "{screen:?}");
    }
    drop(server);
}

/// What was reached is told on a clear line.
#[trial]
fn its_line_is_cleared_before_the_answer() {
    let wait = waiting(&["--timeout", "0.3", "80"]);
    let output = wait.finish();
    let (_, screen) = output.stdout.split_once('\r').expect("a line of progress");
    assert!(screen.contains("portwho: waiting for port 80 to open, 0s"), "{screen:?}");
    assert!(screen.ends_with(&format!("\r{:60}\r", "")), "{screen:?}");
}

/// No line of progress is in a pipe.
#[trial]
fn progress_is_for_a_terminal() {
    says(&["--timeout", "0.2", "80"], 1, "nothing listens on port 80 after N\n", "");
}

/// What bind(2) and its like are asked, by strace.
struct Calls(Scratch);

impl Calls {
    fn new() -> Self {
        Self(Scratch::new())
    }

    fn log(&self) -> String {
        self.0.path().join("log").to_str().expect("UTF-8").to_owned()
    }

    /// A wait that is watched.
    fn of(&self, words: &[&str]) -> Run {
        let kinds = "trace=bind,connect,listen,sendto";
        let strace = ["strace", "-f", "-e", kinds, "-o", &self.log()];
        portwho(["wait"].iter().chain(words)).through(strace)
    }

    /// The calls for sockets of the internet.
    #[track_caller]
    fn of_the_internet(&self) -> Vec<String> {
        let log = fs::read_to_string(self.log()).expect("the log");
        assert!(log.contains("exited with"), "strace saw nothing: {log}");
        let is_it = |call: &&str| call.contains("AF_INET") && !call.contains("AF_NETLINK");
        log.lines().filter(is_it).map(str::to_owned).collect()
    }
}

#[track_caller]
fn calls(words: &[&str], code: i32) -> Vec<String> {
    let calls = Calls::new();
    let output = calls.of(words).run();
    assert_eq!(output.code, Some(code), "{output:?}");
    calls.of_the_internet()
}

/// Whether the kernel lists BOUND sockets is tried with a port of the kernel's choice, once, at the
/// start; and only where a bind is the question.
#[trial]
fn nothing_is_bound_and_nothing_is_connected() {
    if !can_strace() {
        return;
    }
    let _server = server(80);
    for (words, code) in [
        (&["80"][..], 0),
        (&["--timeout", "0.5", "81"], 1),
        (&["--timeout", "0.5", "81", "--name", "server"], 1),
        (&["-u", "--timeout", "0", "53"], 1),
    ] {
        assert_eq!(calls(words, code), [""; 0], "{words:?}");
    }
    for (words, code) in [(&["--free", "81"][..], 0), (&["--free", "--timeout", "0.7", "80"], 1)] {
        let calls = calls(words, code);
        let is_probe = |call: &&String| call.contains("bind(") && call.contains("htons(0)");
        let probes = calls.iter().filter(is_probe).count();
        assert_eq!((probes, calls.len()), (1, 1), "{words:?}: {calls:?}");
    }
}

/// Whether they are listed is tried in the first table that is asked for, and not again.
#[trial]
fn a_bound_socket_is_awaited_without_another_one_each_time() {
    if !can_strace() || !features::lists_bound() {
        return;
    }
    let backup = Owner::named("backup").holding(makers::bound(Loopback::V4.port(80)).socket);
    let calls = Calls::new();
    let mut wait = Terminal::watched(&calls.of(&["--free", "80"]));
    wait.await_text("portwho: waiting for ");
    drop(backup);
    ends(wait, 0, "port 80 is free after N\n");
    assert_eq!(calls.of_the_internet().len(), 1);
}

/// Who cannot see the owner cannot tell whether it is the one: no time makes that better.
#[trial]
fn an_owner_that_is_hidden() {
    if !can_become(NOBODY) {
        return skip("another user is needed");
    }
    mounts::hide_cgroups().expect("mounts");
    let server = server(80);
    let gap = "portwho: the owners of 1 socket are hidden (root): run with sudo to see the owners of \
               other users' sockets\n";
    let asked = |words: &[&str]| {
        let words = ["wait", "--timeout", "none"].iter().chain(words);
        portwho(words).user(NOBODY).run().without_wait()
    };
    let unknown = "portwho: cannot tell whether the owner of port 80 matches the filters\n";
    for filter in [["--name", "server"], ["--name", "other"], ["--pid", "4194305"]] {
        asked(&[filter[0], filter[1], "80"]).is(2, "", &format!("{unknown}{gap}"));
    }
    asked(&["--json", "--name", "server", "80"]).is(2, "", &format!("{unknown}{gap}"));
    // The user of the socket is no secret.
    let line = "port 80 is open after N: a process of root\n";
    asked(&["--user", "root", "80"]).is(0, line, gap);
    asked(&["80"]).is(0, line, gap);
    drop(server);
}

/// Another may have the rights that this user lacks.
#[trial]
fn a_privileged_port_is_free_and_takes_rights() {
    if !can_become(NOBODY) {
        return skip("another user is needed");
    }
    let output = portwho(["wait", "--free", "80", "8080"]).user(NOBODY).run().without_wait();
    let line = "portwho: port 80: ports below 1024 require root or CAP_NET_BIND_SERVICE \
                (net.ipv4.ip_unprivileged_port_start)\n";
    output.is(0, "ports 80, 8080 are free after N\n", line);
}

/// A reader that has left does not open the port.
#[trial]
fn a_reader_who_was_never_there() {
    let server = server(80);
    for (port, code) in [("80", 0), ("81", 1)] {
        let (reader, writer) = io::pipe().expect("pipe");
        drop(reader);
        portwho(["wait", "--timeout", "0", port]).stdout(writer).run().is(code, "", "");
    }
    drop(server);
}

#[trial]
fn wrong_usage() {
    let help = "to see all options, run: portwho wait --help";
    let time = "not a time of a day at most; examples: 30, 0.5, 500ms, 2m, none";
    for (words, line) in [
        (&[][..], format!("wait needs a PORT; {help}")),
        (&["--free", "--name", "x", "80"], "--free: cannot be used with --name".to_owned()),
        (&["--free", "--pid", "1", "80"], "--free: cannot be used with --pid".to_owned()),
        (&["--user", "x", "--free", "80"], "--user: cannot be used with --free".to_owned()),
        (&["--timeout", "soon", "80"], format!("--timeout 'soon': {time}")),
        (&["--timeout", "2d", "80"], format!("--timeout '2d': {time}")),
        (&["--timeout=-1", "80"], format!("--timeout '-1': {time}")),
        (&["-l", "80"], format!("-l: unknown option; {help}")),
        (&["-t", "53/udp"], "port '53/udp': cannot be used with --tcp".to_owned()),
        (&["70000"], "port '70000': ports are 1 to 65535".to_owned()),
        (
            &["nosuchservice"],
            "port 'nosuchservice': unknown service or command; use a number from 1 to 65535; to find \
             processes by name, run: portwho --name nosuchservice"
                .to_owned(),
        ),
    ] {
        says(words, 2, "", &format!("portwho: {line}\n"));
    }
    let line = "portwho: 'wait' is a command and must come first; run: portwho wait 80\n";
    portwho(["80", "wait"]).run().is(2, "", line);
    assert_eq!(waited(&["--timeout", "0", "80"]).code, Some(1));
}

/// The one that began last may end first.
#[trial]
fn several_wait_for_the_same_port() {
    let mut server = crate::wait::later("server", "127.0.0.1:80");
    let waits = [waiting(&["80"]), waiting(&["80", "--name", "server"])];
    server.tell("listen");
    for wait in waits {
        ends(wait, 0, &format!("port 80 is open after N: server (PID {})\n", server.pid()));
    }
}
