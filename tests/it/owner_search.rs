//! The two ways to search for owners, in /proc and by the kernel: the same answers, and what is said
//! where the kernel does not search.

mod complete;
mod refused;

use std::collections::BTreeSet;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::OwnedFd;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, ipproto};
use serde_json::{Value, json};

use crate::support::ffi::loaded_programs;
use crate::support::json::only_socket;
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::{Output, features, portwho, refuse, skip, wait_until};

const AT: &str = "127.0.0.1:8080";

/// What `--lsof` prints of port 8080, each process and descriptor, and the owner in JSON.
fn told(way: &str) -> (String, Value) {
    let lsof = portwho(["--lsof", "--owners", way, "8080"]).run();
    // Where the kernel lists no BOUND sockets, the search for these may have said that it was cut.
    lsof.is(0, &lsof.stdout, &lsof.stderr);
    (lsof.stdout, owner(way))
}

/// The owner of port 8080 in JSON.
#[track_caller]
fn owner(way: &str) -> Value {
    let output = portwho(["--json", "--owners", way, "8080"]).run();
    let answer = output.json(0, &output.stderr);
    assert_eq!(answer["owners_from"], way, "{answer:#}");
    only_socket(&answer)["owner"].clone()
}

/// Both ways name these processes, and the same descriptors of them.
#[track_caller]
fn both_ways_name(pids: &[u32]) {
    if !features::searches_by_kernel() {
        return;
    }
    let (in_proc, mut by_kernel) = (told("proc"), told("bpf"));
    // Only the kernel's count proves that there are no others (`complete`).
    by_kernel.1.as_object_mut().expect("an owner").remove("complete");
    assert_eq!(by_kernel, in_proc);
    assert_eq!(by_kernel.1, json!({"kind": "processes", "pids": pids}));
}

fn playing(role: &str, words: &[&str]) -> Option<(Actor, String)> {
    let mut actor = Owner::named("holder").playing(role, words);
    let line = actor.line();
    if line.starts_with("refused: ") {
        skip(&line);
        return None;
    }
    Some((actor, line))
}

fn own() -> u32 {
    std::process::id()
}

#[trial]
fn several_processes_and_descriptors() {
    let held = makers::listening(AT.parse().expect("an address")).socket;
    let _twice = held.try_clone().expect("dup");
    let mut parent =
        Owner::named("nginx").playing_with("family", &["3"], held.try_clone().expect("dup"));
    let line = parent.line();
    let children = line.split(' ').map(|pid| pid.parse().expect("a PID"));
    let mut pids: Vec<u32> = children.chain([parent.pid(), own()]).collect();
    pids.sort_unstable();
    both_ways_name(&pids);
}

/// A path to a socket that another process holds keeps it from nothing: when that one ends, it is closed.
#[trial]
fn not_who_has_a_path_to_it() {
    let held = makers::listening(AT.parse().expect("an address")).socket;
    let mut server = Owner::named("server").holding(held);
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let link = format!("/proc/{}/fd/0", server.pid());
    let path = match rustix::fs::open(&link, flags, Mode::empty()) {
        Ok(path) => path,
        Err(error) => return skip(&format!("{link}: {error}")),
    };
    // Children that other tests start may have the socket until they execute.
    let alone = json!({"kind": "processes", "pids": [server.pid()]});
    wait_until("the server to be the owner", || (owner("proc") == alone).then_some(()));
    both_ways_name(&[server.pid()]);
    server.signal(rustix::process::Signal::KILL);
    server.reap();
    refuse::other_namespaces();
    let after = portwho(["-q", "8080"]).run();
    // Where BOUND sockets are not listed, a slow machine cannot examine all descriptors in time.
    let free = if features::lists_bound() { "portwho: port 8080 is free\n" } else { &after.stderr };
    after.is(1, "", free);
    drop(path);
}

#[trial]
fn a_socket_of_udp() {
    let _held = UdpSocket::bind(AT).expect("bind");
    both_ways_name(&[own()]);
}

#[trial]
fn a_socket_that_is_bound_and_no_more() {
    if features::lists_bound() {
        let _held = makers::bound(AT.parse().expect("an address"));
        both_ways_name(&[own()]);
    }
}

/// Its row is that of the subflow, whose cookie is not that of the file.
#[trial]
fn a_listener_of_mptcp() {
    let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
    let protocol = Some(ipproto::MPTCP);
    let held: OwnedFd = match rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, protocol)
    {
        Ok(held) => held,
        Err(error) => return skip(&format!("no MPTCP: {error}")),
    };
    let at: SocketAddr = AT.parse().expect("an address");
    rustix::net::bind(&held, &at).expect("bind");
    rustix::net::listen(&held, 8).expect("listen");
    both_ways_name(&[own()]);
}

#[trial(alone)]
fn a_thread_with_a_table_of_its_own() {
    let Some((actor, _)) = playing("own-table", &[AT]) else { return };
    both_ways_name(&[actor.pid()]);
}

#[trial(alone)]
fn a_process_without_its_first_thread() {
    for role in ["own-table-alone", "zombie-leader"] {
        let held = makers::listening(Loopback::V4.port(8081)).socket;
        let mut actor = if role == "zombie-leader" {
            let held = makers::listening(AT.parse().expect("an address")).socket;
            Owner::named("holder").playing_with(role, &[], held)
        } else {
            Owner::named("holder").playing(role, &[AT])
        };
        drop(held);
        actor.line();
        wait_until("the first thread to end", || (actor.process.state() == 'Z').then_some(()));
        both_ways_name(&[actor.pid()]);
    }
}

// Other tests have io_urings, which may be in use.
#[trial(alone)]
fn a_listener_in_an_io_uring() {
    if features::names_registered_sockets() {
        let Some((actor, _)) = playing("ring", &[AT]) else { return };
        both_ways_name(&[actor.pid()]);
    }
}

#[trial]
fn everybody_who_shares_a_large_table() {
    let Some((actor, line)) = playing("shared-table", &["40", "3000", AT]) else { return };
    let others = line.split(' ').map(|pid| pid.parse().expect("a PID"));
    let pids: BTreeSet<u32> = others.chain([actor.pid()]).collect();
    both_ways_name(&pids.into_iter().collect::<Vec<_>>());
}

/// Nobody asks for the kernel, and it searches where there is much to read.
#[trial]
fn the_kernel_searches_where_that_is_faster() {
    if !features::searches_by_kernel() {
        return;
    }
    let Some(_large) = playing("large-table", &["12000"]) else { return };
    let _held = makers::listening(AT.parse().expect("an address"));
    let from = |output: Output| output.json(0, &output.stderr)["owners_from"].clone();
    assert_eq!(from(portwho(["--json", "8080"]).env("PORTWHO_OWNERS", "auto").run()), "bpf");
    let asked = portwho(["--json", "8080"]).env("PORTWHO_OWNERS", "proc");
    assert_eq!(from(asked.run()), "proc");
}

// Where the kernel lists no BOUND sockets, the tables of other tests are searched for these.
#[trial(alone)]
fn a_process_found_by_the_kernel_is_terminated_like_any_other() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = makers::listening(AT.parse().expect("an address")).socket;
    let mut server = Owner::named("server").holding(held);
    let output = portwho(["kill", "--owners", "bpf", "8080"]).run();
    output.is(0, &output.stdout, &output.stderr);
    assert_eq!(server.reap(), Some(15));
    refuse::other_namespaces();
    let after = portwho(["-q", "8080"]).env("PORTWHO_OWNERS", "bpf").run();
    after.is(1, "", "portwho: port 8080 is free\n");
}

#[trial(alone)]
fn nothing_stays_in_the_kernel() {
    if !features::searches_by_kernel() {
        return;
    }
    let before = match loaded_programs() {
        Ok(before) => before,
        Err(error) => return skip(&format!("the kernel does not list programs: {error}")),
    };
    let _held = makers::listening(AT.parse().expect("an address"));
    told("bpf");
    wait_until("the programs to be gone", || {
        loaded_programs().expect("programs").is_subset(&before).then_some(())
    });
}
