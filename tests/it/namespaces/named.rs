//! Those with a name that is bound to them, and a cable between two.

use std::fs::{self, File};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::linux::fs::MetadataExt;
use std::process::Command;

use nix::sched::{CloneFlags, setns};
use serde_json::{Value, json};

use super::{in_json, left_open, name, port, server_elsewhere, shows};
use crate::support::cgroup::unique;
use crate::support::json::{socket, sockets};
use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::netns::in_netns;
use crate::support::process::{Owner, is_machines_root};
use crate::support::programs::find_in_path;
use crate::support::{portwho, skip};

/// By several processes, and by a name too.
#[trial]
fn each_is_listed_once() {
    if !is_machines_root() {
        return;
    }
    let port = port();
    let mut server = server_elsewhere(&name(), port);
    server.tell("fork");
    let Some(bound) = Bound::to(server.pid()) else { return };
    let answer = in_json(port);
    assert_eq!(sockets(&answer).len(), 1, "{answer:#}");
    assert_eq!(sockets(&answer)[0]["netns"]["name"], bound.name, "a name that it was given");
}

/// A namespace with a name, as `ip netns` makes them: a file in /run/netns, for the whole machine.
struct Bound {
    name: String,
}

impl Bound {
    /// A new one.
    fn new() -> Option<Self> {
        Self::by(&["add"], &unique("netns"), &[])
    }

    /// A name for the one that a process lives in.
    fn to(pid: u32) -> Option<Self> {
        Self::by(&["attach"], &unique("netns"), &[&pid.to_string()])
    }

    fn by(verb: &[&str], name: &str, words: &[&str]) -> Option<Self> {
        if find_in_path("ip").is_none() {
            skip("no ip");
            return None;
        }
        ip(&[&["netns"], verb, &[name], words].concat());
        Some(Self { name: name.to_owned() })
    }

    /// Runs this there, in a thread of its own.
    fn inside<T: Send>(&self, run: impl FnOnce() -> T + Send) -> T {
        let file = File::open(format!("/run/netns/{}", self.name)).expect("a namespace");
        in_netns(move || {
            setns(file, CloneFlags::CLONE_NEWNET).expect("enter it");
            run()
        })
    }

    fn inode(&self) -> u64 {
        fs::metadata(format!("/run/netns/{}", self.name)).expect("a namespace").st_ino()
    }
}

impl Drop for Bound {
    fn drop(&mut self) {
        ip(&["netns", "delete", &self.name]);
    }
}

#[track_caller]
fn ip(words: &[&str]) {
    let status = Command::new("ip").args(words).status().expect("run ip");
    assert!(status.success(), "ip {}", words.join(" "));
}

/// The sockets of one in which no process lives: its name is in the file system alone. A process
/// that lives elsewhere holds them.
#[trial]
fn a_name_bound_to_one_without_a_process() {
    if !is_machines_root() {
        return;
    }
    let Some(bound) = Bound::new() else { return };
    let local = Loopback::V4.port(port());
    let socket = bound.inside(|| {
        ip(&["link", "set", "lo", "up"]);
        makers::listening(local).socket
    });
    let server = Owner::named(name()).holding(socket);
    let answer = in_json(local.port());
    let found = self::socket(&answer, local, None);
    assert_eq!(found["netns"], json!({"name": bound.name, "inode": bound.inode()}));
    let output = portwho(["--all-netns", &local.port().to_string()]).run();
    let local = local.to_string();
    shows(&output, &[(&local, "0.0.0.0:0", "LISTENING", server.pid(), &bound.name)]);
}

/// One end of a connection here, and the other one there.
#[trial]
fn a_cable_between_two() {
    if !is_machines_root() {
        return;
    }
    let Some(bound) = Bound::new() else { return };
    let cable = ["link", "add", "left", "type", "veth", "peer", "name", "right", "netns"];
    ip(&[&cable[..], &[&bound.name]].concat());
    ip(&["addr", "add", "10.9.8.1/24", "dev", "left"]);
    ip(&["link", "set", "left", "up"]);
    let far = SocketAddr::new(Ipv4Addr::new(10, 9, 8, 2).into(), port());
    let listener = bound.inside(|| {
        ip(&["addr", "add", "10.9.8.2/24", "dev", "right"]);
        ip(&["link", "set", "right", "up"]);
        TcpListener::bind(far).expect("bind")
    });
    let client = TcpStream::connect(far).expect("connect through the cable");
    let near = client.local_addr().expect("local address");
    let (server, _) = listener.accept().expect("accept");
    await_state(near, far, State::ESTABLISHED);
    let name = name();
    let client = Owner::named(&name).holding(client.into());
    let server = Owner::named(&name).holding(server.into());
    let here = portwho(["--all-netns", "--json", "--foreign-port", &far.port().to_string()]);
    let answer = here.run();
    let answer = answer.json(0, &left_open(&answer));
    let here = socket(&answer, near, Some(far));
    assert_eq!(here["netns"], Value::Null);
    assert_eq!(here["owner"], json!({"kind": "processes", "pids": [client.pid()]}));
    let answer = in_json(far.port());
    let there = socket(&answer, far, Some(near));
    assert_eq!(there["netns"], json!({"name": bound.name, "inode": bound.inode()}));
    assert_eq!(there["owner"], json!({"kind": "processes", "pids": [server.pid()]}));
}
