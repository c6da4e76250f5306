//! Sockets that close, and ports that change hands, between the dump and the search for owners.

use std::cell::RefCell;
use std::net::SocketAddr;

use portwho::model::{Gap, OwnedSocket, Owner, Pid, Scope, Socket};
use portwho::platform::{OwnerTable, Sockets, ThisSystem};

use crate::support::features::lists_bound;
use crate::support::flight::Flight;
use crate::support::makers::Loopback;
use crate::support::refuse;
use crate::support::reopen::open;

/// The kinds of sockets that the kernel lists.
fn kinds() -> &'static [&'static str] {
    if lists_bound() { &["listening", "bound", "udp"] } else { &["listening", "udp"] }
}

fn address() -> SocketAddr {
    Loopback::V4.port(80)
}

/// The owners of what was dumped, after something has happened in between.
fn owners_after(happens: impl FnOnce(), wanted: &dyn Fn(&Socket) -> bool) -> OwnerTable {
    let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
    assert!(!table.sockets.is_empty());
    happens();
    ThisSystem::default().owners_now(table.sockets, wanted).expect("the owners")
}

#[track_caller]
fn assert_is_own(table: &OwnerTable, count: usize) {
    assert_eq!(table.sockets.len(), count, "{table:?}");
    for row in &table.sockets {
        let pids: Vec<Pid> = row.owner.pids().collect();
        assert_eq!(pids, [Pid(std::process::id())], "{row:?}");
    }
    assert_eq!(table.gaps, []);
}

#[trial]
fn what_closed_leaves_no_row() {
    for &kind in kinds() {
        let socket = open(kind, address());
        let table = owners_after(|| drop(socket), &|_| true);
        assert_eq!(table.sockets, [], "{kind}");
        assert_eq!(table.gaps, [], "{kind}");
    }
}

#[trial]
fn what_closed_leaves_no_row_without_netlink() {
    refuse::netlink(1);
    for kind in ["listening", "udp"] {
        let socket = open(kind, address());
        let table = owners_after(|| drop(socket), &|_| true);
        assert_eq!(table.sockets, [], "{kind}");
        assert_eq!(table.gaps, [], "{kind}");
    }
}

#[trial]
fn what_took_the_port_is_found_with_its_owner() {
    for &kind in kinds() {
        for &next in kinds() {
            let socket = open(kind, address());
            let mut later = None;
            let replace = || {
                drop(socket);
                later = Some(open(next, address()));
            };
            let table = owners_after(replace, &|_| true);
            // The successor of a TCP socket is one of TCP.
            let expected = usize::from((kind == "udp") == (next == "udp"));
            assert_is_own(&table, expected);
        }
    }
}

#[trial]
fn only_what_is_wanted_joins() {
    let socket = open("listening", address());
    let mut later = None;
    let replace = || {
        drop(socket);
        later = Some(open("listening", address()));
    };
    let table = owners_after(replace, &|socket| !socket.is_listening());
    assert_eq!((table.sockets, table.gaps), (Vec::new(), Vec::new()));
}

/// Hidden, where even root may not look into every process.
fn is_unknown(row: &OwnedSocket) -> bool {
    matches!(row.owner, Owner::NotFound | Owner::Hidden)
}

/// One row without an owner, and the gap that says why.
#[track_caller]
fn assert_unknown(table: &OwnerTable, gap: &str) {
    assert_eq!(table.sockets.iter().filter(|row| is_unknown(row)).count(), 1, "{table:?}");
    let is_hidden = table.sockets.iter().any(|row| row.owner == Owner::Hidden);
    let expected = match (gap, is_hidden) {
        ("changing-hands", true) => vec!["owners-hidden", gap],
        (_, true) => vec!["owners-hidden"],
        _ => vec![gap],
    };
    // Where every process of the machine was searched, there is none.
    let of_whole = |kind| if kind == "no-process" { "owners-not-found" } else { kind };
    let gaps: Vec<&str> = table.gaps.iter().map(Gap::kind).map(of_whole).collect();
    assert_eq!(gaps, expected);
}

#[trial]
fn what_is_in_flight_stays_without_an_owner() {
    for &kind in kinds() {
        let socket = open(kind, address());
        let _in_flight = Flight::of(&socket);
        let table = owners_after(|| drop(socket), &|_| true);
        assert_unknown(&table, "owners-not-found");
    }
}

#[trial]
fn a_successor_in_flight_is_not_found() {
    let socket = open("listening", address());
    let mut later = None;
    let replace = || {
        drop(socket);
        later = Some(Flight::of(&open("listening", address())));
    };
    let table = owners_after(replace, &|_| true);
    assert_unknown(&table, "owners-not-found");
}

/// The same socket in another state is still a row: it is no port that is free.
#[trial]
fn a_listener_that_is_connected_now_is_a_connection() {
    if !lists_bound() {
        return;
    }
    let other = open("listening", Loopback::V4.port(81));
    let socket = open("bound", address());
    let in_flight = Flight::of(&socket);
    drop(socket);
    let mut connected = None;
    let connect = || {
        let socket = in_flight.land();
        rustix::net::connect(&socket, &Loopback::V4.port(81)).expect("connect");
        connected = Some(Flight::of(&socket));
    };
    let at_port = |row: &&OwnedSocket| row.socket.local.port == 80;
    let table = owners_after(connect, &|_| true);
    let rows: Vec<_> = table.sockets.iter().filter(at_port).collect();
    assert_eq!(rows.len(), 1, "{table:?}");
    assert!(rows[0].socket.foreign.is_some(), "{rows:?}");
    drop(other);
}

/// Each successor closes before it is searched, because what asks whether it is wanted replaces it.
#[trial]
fn what_always_changes_stands_with_its_gap() {
    let current = RefCell::new(Some(open("listening", address())));
    let replace = || {
        let next = open("listening", address());
        *current.borrow_mut() = Some(next);
    };
    let wanted = |_: &Socket| {
        replace();
        true
    };
    let table = owners_after(replace, &wanted);
    assert_unknown(&table, "changing-hands");
}

/// A successor that closes in its turn, without another one.
#[trial]
fn what_is_left_of_a_change_is_free() {
    let current = RefCell::new(Some(open("listening", address())));
    let replace = || *current.borrow_mut() = Some(open("listening", address()));
    let wanted = |_: &Socket| {
        current.borrow_mut().take();
        true
    };
    let table = owners_after(replace, &wanted);
    assert_eq!((table.sockets, table.gaps), (Vec::new(), Vec::new()));
}
