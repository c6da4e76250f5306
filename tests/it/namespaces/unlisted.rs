//! Sockets that are in no table, and namespaces that only these keep.

use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::linux::fs::MetadataExt;
use std::time::Duration;

use rustix::net::{AddressFamily, SocketType, sockopt};
use serde_json::json;

use super::{in_json, name, nothing_in_any_of_them, port, shows};
use crate::support::json::socket;
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::portwho;
use crate::support::process::{Owner, is_machines_root};

/// Made by a thread that has gone back: its socket alone keeps it.
#[trial(alone)]
fn one_that_only_a_socket_keeps() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let (socket, inode) = in_netns(|| {
        let link = fs::metadata("/proc/thread-self/ns/net").expect("a namespace");
        (makers::listening(local).socket, link.st_ino())
    });
    let server = Owner::named(name()).holding(socket);
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let (end, namespace) = (local.to_string(), format!("net:[{inode}]"));
    shows(&output, &[(&end, "0.0.0.0:0", "LISTENING", server.pid(), &namespace)]);
    let answer = in_json(local.port());
    let found = self::socket(&answer, local, None);
    assert_eq!(found["netns"], json!({"name": null, "inode": inode}));
    assert_eq!(found["owner"], json!({"kind": "processes", "pids": [server.pid()]}));
    // Nothing is searched for it where other namespaces were not asked for.
    let free = format!("portwho: port {} is free\n", local.port());
    portwho([local.port().to_string()]).run().is(1, "", &free);
}

/// One that is bound to nothing, and one whose connection was reset: no namespace is missing.
#[trial(alone)]
fn sockets_in_no_table_of_a_known_one() {
    if !is_machines_root() {
        return;
    }
    let unbound = rustix::net::socket(AddressFamily::INET, SocketType::STREAM, None);
    let _unbound = Owner::named(name()).holding(unbound.expect("socket"));
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let reset = TcpStream::connect(listener.local_addr().expect("address")).expect("connect");
    let (server, _) = listener.accept().expect("accept");
    sockopt::set_socket_linger(&server, Some(Duration::ZERO)).expect("linger");
    drop(server);
    let _reset = Owner::named(name()).holding(reset.into());
    nothing_in_any_of_them();
}

/// An unbound UDP socket is in no table, and leads to a namespace that is known.
#[trial(alone)]
fn a_socket_in_no_table_doubles_no_row() {
    if !is_machines_root() {
        return;
    }
    let local = Loopback::V4.port(port());
    let (server, unbound) = in_netns(|| {
        let unbound = rustix::net::socket(AddressFamily::INET, SocketType::DGRAM, None);
        let listener = makers::listening(local).socket;
        (Owner::named(name()).holding(listener), unbound.expect("socket"))
    });
    let _unbound = Owner::named(name()).holding(unbound);
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let end = local.to_string();
    let by_process = format!("pid:{}", server.pid());
    shows(&output, &[(&end, "0.0.0.0:0", "LISTENING", server.pid(), &by_process)]);
}
