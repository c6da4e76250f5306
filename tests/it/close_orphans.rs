//! close and orphans: FIN_WAIT_1, CLOSING and LAST_ACK that no process holds. Linux ends
//! them since 6.11; before, it would keep them forever, and they are left alone.

use std::net::SocketAddr;

use crate::close::{assert_gone, assert_there, close, closes_kernels};
use crate::support::makers::{self, Connection, Loopback};
use crate::support::programs::find_in_path;
use crate::support::{Run, features, skip};

/// Three orphans, by their states and addresses, and what keeps their peers.
fn orphans(at: Loopback) -> ([(&'static str, SocketAddr, SocketAddr); 3], impl Sized) {
    let near_client = |made: Connection, state| {
        drop(made.client);
        ((state, made.client_address, made.server_address), (made.server, made.listener))
    };
    let (fin_wait_1, first) = near_client(makers::fin_wait_1(at), "FIN_WAIT_1");
    let (closing, second) = near_client(makers::closing(at), "CLOSING");
    let made = makers::last_ack(at);
    drop(made.server);
    let last_ack = ("LAST_ACK", made.server_address, made.client_address);
    ([fin_wait_1, closing, last_ack], (first, second, made.client, made.listener))
}

fn close_orphan(state: &str, local: SocketAddr) -> Run {
    close(["-y", "-s", state, &local.port().to_string()])
}

#[track_caller]
fn is_left_alone(run: Run, state: &str, local: SocketAddr, foreign: SocketAddr) {
    let line = format!(
        "portwho: 1 {state} of the kernel (orphaned): refused: sockets without a process end on \
         their own (tcp_orphan_retries); before Linux 6.11, closing one would keep it forever\n"
    );
    run.run().is(2, "", &line);
    assert_there(local, foreign);
}

#[trial]
fn orphans_are_closed_or_left_alone() {
    for at in Loopback::BOTH {
        let (orphans, _peers) = orphans(at);
        for (state, local, foreign) in orphans {
            let run = close_orphan(state, local);
            if features::ends_orphans() {
                run.run().is(0, &closes_kernels(state, "orphaned"), "");
                assert_gone(local, foreign);
            } else {
                is_left_alone(run, state, local, foreign);
            }
        }
    }
}

/// personality(2) with UNAME26: uname(2) tells of a Linux 2.6, whatever runs.
#[trial]
fn orphans_are_left_alone_by_the_version_of_the_kernel() {
    if find_in_path("setarch").is_none() {
        return skip("there is no setarch");
    }
    let (orphans, _peers) = orphans(Loopback::V4);
    for (state, local, foreign) in orphans {
        let old = close_orphan(state, local).through(["setarch", "--uname-2.6"]);
        is_left_alone(old, state, local, foreign);
        let dry = close(["-n", "-s", state, &local.port().to_string()]);
        is_left_alone(dry.through(["setarch", "--uname-2.6"]), state, local, foreign);
    }
}
