//! Two programs of which one gives its socket to the other (SCM_RIGHTS in unix(7)).

use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{env, thread};

use super::say;
use crate::support::flight;
use crate::support::process::ROLE;

/// `hand-over ADDRESS`: listens there, sends the listener through the socket on stdin and keeps it
/// too; prints the address, and waits for its end.
pub(super) fn hand_over(words: &[String]) {
    let listener = TcpListener::bind(words[0].as_str()).expect("bind");
    let address = listener.local_addr().expect("local address");
    let listener = OwnedFd::from(listener);
    flight::send(io::stdin(), &listener);
    say(&address.to_string());
    wait();
}

/// `keep`: takes what it is sent through the socket on stdin, says `kept`, and waits for its end.
pub(super) fn keep(_words: &[String]) {
    let _kept = flight::receive(io::stdin());
    say("kept");
    wait();
}

/// `employ USER ADDRESS`: starts a child that hands its listener over, as this user, keeps what it
/// is sent, prints the child's PID, and waits for its end.
pub(super) fn employ(words: &[String]) {
    let (theirs, ours) = flight::pair();
    let user: u32 = words[0].parse().expect("a number");
    let mut child = Command::new(env::args_os().next().expect("own name"));
    child.arg(&words[1]).env(ROLE, "hand-over").uid(user).gid(user);
    let mut child = child.stdin(theirs).stdout(Stdio::piped()).spawn().expect("spawn");
    let _kept = flight::receive(&ours);
    let mut line = String::new();
    let stdout = child.stdout.as_mut().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("read");
    say(&child.id().to_string());
    child.wait().expect("wait");
    wait();
}

fn wait() -> ! {
    loop {
        thread::park();
    }
}
