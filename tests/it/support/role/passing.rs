//! Two programs of which one gives its socket to the other (SCM_RIGHTS in unix(7)).

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::{io, thread};

use super::say;
use crate::support::flight;

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

fn wait() -> ! {
    loop {
        thread::park();
    }
}
