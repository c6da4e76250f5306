//! Two programs of which one gives its sockets to the other: over a socket (SCM_RIGHTS in unix(7)), or
//! as its parent.

use std::io::{self, BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::{env, thread};

use rustix::io::{FdFlags, fcntl_setfd};

use super::{say, worker};
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

/// Starts a child that inherits these sockets and does nothing, and returns its PID.
pub(super) fn share(listener: Option<&TcpListener>, connections: &[TcpStream]) -> u32 {
    let listener = listener.into_iter().map(AsFd::as_fd);
    for socket in listener.chain(connections.iter().map(AsFd::as_fd)) {
        fcntl_setfd(socket, FdFlags::empty()).expect("fcntl");
    }
    worker(Stdio::null())
}

fn wait() -> ! {
    loop {
        thread::park();
    }
}
