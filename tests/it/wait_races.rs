//! wait, raced against servers that start, stop and reopen their ports.

use std::process::{Child, Stdio};

use crate::support::process::Owner;
use crate::support::{Output, portwho, rounds};
use crate::wait::{later, says};

const RACES: usize = 40;

/// A wait that has been started, and may have looked or not.
fn started(words: &[&str]) -> Child {
    let words = ["wait", "--timeout", "none"].iter().chain(words);
    let mut command = portwho(words).command();
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command.spawn().expect("start the program")
}

#[track_caller]
fn ends(wait: Child, line: &str) {
    let output = wait.wait_with_output().expect("wait");
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("UTF-8");
    let output = Output {
        command_line: "portwho wait".to_owned(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
        code: output.status.code(),
    };
    output.without_wait().is(0, line, "");
}

/// Before its first look, during it or after it: the answer is the same.
#[trial]
fn a_server_that_starts_and_one_that_stops_at_any_moment() {
    for _ in rounds(RACES) {
        let mut server = later("server", "127.0.0.1:80");
        let (open, both) = (started(&["80"]), started(&["80", "--name", "server"]));
        server.tell("listen");
        let line = format!("port 80 is open after N: server (PID {})\n", server.pid());
        ends(open, &line);
        ends(both, &line);
        let free = started(&["--free", "80"]);
        assert_eq!(server.tell("close"), "closed");
        ends(free, "port 80 is free after N\n");
        let free = started(&["--free", "80"]);
        drop(server);
        ends(free, "port 80 is free after N\n");
    }
}

/// A port that is held at every moment, though each socket lives for a few milliseconds, is not free.
#[trial]
fn a_port_that_changes_hands_is_not_free() {
    let mut server = Owner::named("server")
        .playing("reopen", &["listening", "overlapping", "3000", "127.0.0.1:80"]);
    assert_eq!(server.line(), "ready");
    for _ in rounds(RACES / 4) {
        let output = portwho(["wait", "--free", "--timeout", "300ms", "80"]).run().without_wait();
        assert_eq!((output.code, output.stderr.as_str()), (Some(1), ""), "{output:?}");
        assert!(output.stdout.starts_with("port 80 is still in use after N"), "{output:?}");
        let output = portwho(["wait", "80"]).run().without_wait();
        assert_eq!((output.code, output.stderr.as_str()), (Some(0), ""), "{output:?}");
        assert!(output.stdout.starts_with("port 80 is open after N: server (PID "), "{output:?}");
    }
    drop(server);
    says(&["--free", "80"], 0, "port 80 is free after N\n", "");
}
