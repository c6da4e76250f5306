//! Whether the owners that are named are all: the kernel's own count of references proves it.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;

use serde_json::{Value, json};

use super::{AT, own, owner, playing};
use crate::support::flight::Flight;
use crate::support::process::Owner;
use crate::support::{features, makers, wait_until};

fn listener() -> OwnedFd {
    makers::listening(AT.parse().expect("an address")).socket
}

/// The search by the kernel, as often as children of other tests still have the socket.
#[track_caller]
fn becomes_complete(pids: &[u32]) {
    let all = json!({"kind": "processes", "pids": pids, "complete": true});
    wait_until("the owners to be all", || (owner("bpf") == all).then_some(()));
}

#[trial]
fn each_descriptor_of_each_process() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = listener();
    becomes_complete(&[own()]);
    let _twice = held.try_clone().expect("dup");
    let other = Owner::named("other").holding(held.try_clone().expect("dup"));
    let mut pids = [own(), other.pid()];
    pids.sort_unstable();
    becomes_complete(&pids);
    // What /proc shows proves nothing of what it does not show.
    assert_eq!(owner("proc"), json!({"kind": "processes", "pids": pids}));
}

/// A process whose children share its table has one descriptor together with them.
#[trial]
fn a_shared_table() {
    if !features::searches_by_kernel() {
        return;
    }
    let Some((actor, line)) = playing("shared-table", &["2", "10", AT]) else { return };
    let others = line.split(' ').map(|pid| pid.parse().expect("a PID"));
    let pids: BTreeSet<u32> = others.chain([actor.pid()]).collect();
    becomes_complete(&pids.into_iter().collect::<Vec<_>>());
}

/// Of a thread's own table nobody is named where a process itself holds the socket.
#[trial]
fn not_with_another_in_a_thread_that_is_not_named() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = listener();
    let mut other =
        Owner::named("other").playing_with("zombie-leader", &[], held.try_clone().expect("dup"));
    other.line();
    wait_until("the first thread to end", || (other.process.state() == 'Z').then_some(()));
    for _ in 0..3 {
        assert_eq!(owner("bpf"), json!({"kind": "processes", "pids": [own()]}));
    }
}

/// What is on its way to a process will be one more descriptor there.
#[trial]
fn not_with_another_in_flight() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = listener();
    let flight = Flight::of(&held);
    assert_eq!(owner("bpf"), json!({"kind": "processes", "pids": [own()]}));
    let landed = flight.land();
    becomes_complete(&[own()]);
    drop(landed);
}

/// In flight alone it has no owner, and neither way invents one.
#[trial(alone)]
fn in_flight_alone() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = listener();
    let _flight = Flight::of(&held);
    drop(held);
    let (in_proc, by_kernel) = (owner("proc"), owner("bpf"));
    assert_eq!(by_kernel, in_proc);
    // Hidden, where something keeps other processes even from root.
    assert_ne!(by_kernel["kind"], "processes", "{by_kernel:#}");
}

/// The kernel counts what is registered, and no descriptor is there to be named.
#[trial(alone)]
fn not_with_another_in_an_io_uring() {
    if !features::searches_by_kernel() || !features::names_registered_sockets() {
        return;
    }
    let held = listener();
    let ring = io_uring::IoUring::new(8).expect("a ring");
    let descriptor = std::os::fd::AsRawFd::as_raw_fd(&held);
    ring.submitter().register_files(&[descriptor]).expect("register");
    assert_eq!(owner("bpf"), json!({"kind": "processes", "pids": [own()]}));
    ring.submitter().unregister_files().expect("unregister");
    becomes_complete(&[own()]);
}

/// Children that come and go hold it for a moment: both ways always name the one that stays, and what is
/// said to be complete is.
#[trial(alone)]
fn while_others_come_and_go() {
    if !features::searches_by_kernel() {
        return;
    }
    let held = listener();
    let (shared, steady) = (held.try_clone().expect("dup"), Owner::named("steady").holding(held));
    let told: Vec<Value> = thread::scope(|scope| {
        let runs = || (0..20).flat_map(|_| [owner("proc"), owner("bpf")]).collect();
        let runs = scope.spawn(runs);
        while !runs.is_finished() {
            let stdin = Stdio::from(shared.try_clone().expect("dup"));
            let child = Command::new("true").stdin(stdin).spawn();
            child.and_then(|mut child| child.wait()).expect("true");
        }
        runs.join().expect("the runs")
    });
    for owner in told {
        let pids = owner["pids"].as_array().expect("processes");
        for pid in [steady.pid(), own()] {
            assert!(pids.contains(&json!(pid)), "{pid}: {owner:#}");
        }
    }
}
