//! The library, called by a program that is not `portwho`: its threads may differ.

use std::net::SocketAddr;

use portwho::model::{OwnedSocket, Scope};
use portwho::platform::{Sockets, ThisSystem};

use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::refuse;

/// The local ends of all TCP and UDP sockets, and the PIDs of their owners.
fn seen() -> Vec<(SocketAddr, Vec<u32>)> {
    let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
    let owned = ThisSystem::default().owners(table.sockets).expect("the owners").sockets;
    let ends = |owned: &OwnedSocket| {
        let local = owned.socket.local;
        let pids = owned.owner.pids().map(|pid| pid.0).collect();
        (SocketAddr::new(local.address, local.port), pids)
    };
    owned.iter().map(ends).collect()
}

/// A thread with a namespace of its own, beside one with another: netlink and /proc agree.
#[trial]
fn it_speaks_of_the_namespace_of_its_callers_thread() {
    let own = vec![std::process::id()];
    let outside = makers::listening(Loopback::V4.port(80));
    let expected_outside = [(outside.address, own.clone())];
    assert_eq!(seen(), expected_outside);
    in_netns(|| {
        assert_eq!(seen(), []);
        let inside = makers::listening(Loopback::V4.port(81));
        let expected = [(inside.address, own.clone())];
        assert_eq!(seen(), expected, "over netlink");
        refuse::netlink(1);
        assert_eq!(seen(), expected, "from /proc");
    });
    assert_eq!(seen(), expected_outside, "the other thread was not refused anything");
}
