//! Roles of the test binary: a server that comes back, and who brings it back.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::thread;
use std::time::Duration;

use super::process::ROLE;
use super::role::{listen, say};

/// `supervise MILLISECONDS ADDRESS`: keeps a child that listens there, prints its PID in a line when
/// it does and the next one waits, and lets that one listen so long after its end.
pub fn supervise(words: &[String]) {
    let pause = Duration::from_millis(words[0].parse().expect("milliseconds"));
    let mut next = successor(&words[1]);
    loop {
        let (mut server, mut stdout) = next;
        // Dropping this would close the pipe that the server is spoken to through, and it would exit.
        let mut stdin = server.stdin.take().expect("a pipe");
        writeln!(stdin, "listen").expect("tell");
        next_line(&mut stdout);
        next = successor(&words[1]);
        say(&server.id().to_string());
        server.wait().expect("wait");
        thread::sleep(pause);
    }
}

/// A child that waits to be told to listen there: what takes long on a slow machine is done.
fn successor(address: &str) -> (Child, BufReader<ChildStdout>) {
    let mut server = Command::new(env::args_os().next().expect("own name"));
    server.arg(address).env(ROLE, "listen-later").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut server = server.spawn().expect("spawn a server");
    let mut stdout = BufReader::new(server.stdout.take().expect("a pipe"));
    next_line(&mut stdout);
    (server, stdout)
}

fn next_line(stdout: &mut BufReader<ChildStdout>) {
    stdout.read_line(&mut String::new()).expect("read");
}

/// `listen-later ADDRESS...`: says `ready`, and plays `listen` when it is told something.
pub fn listen_later(words: &[String]) {
    say("ready");
    if io::stdin().read_line(&mut String::new()).is_ok_and(|length| length > 0) {
        listen(words);
    }
}

/// `employer ROLE WORD...`: the parent of a process that plays this role. Prints its PID in the place of
/// its first line, and passes on what it is told and what it says.
pub fn employer(words: &[String]) {
    let mut child = Command::new(env::args_os().next().expect("own name"));
    child.args(&words[1..]).env(ROLE, &words[0]).stdout(Stdio::piped());
    let mut child = child.spawn().expect("spawn");
    let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
    next_line(&mut stdout);
    say(&child.id().to_string());
    io::copy(&mut stdout, &mut io::stdout()).expect("pass on");
    child.wait().expect("wait");
}
