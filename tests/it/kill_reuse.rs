//! The PID of the process that was asked about is another's by the time of the answer. The
//! newcomer lives.

use std::fs;

use crate::kill::{
    as_first_process, assert_free, assert_held, assert_lives, held_here, listener, server,
};
use crate::kill_races::{already_exited, asked, meanwhile, taken_again};
use crate::support::flight::Flight;
use crate::support::process::{Owner, Process};
use crate::support::{Output, skip};

/// Inside of a PID namespace, where the next PID can be chosen; false if it cannot.
pub fn in_namespace() -> bool {
    as_first_process() && {
        let can = fs::OpenOptions::new().write(true).open(LAST_PID).is_ok();
        if !can {
            skip("ns_last_pid cannot be written");
        }
        can
    }
}

const LAST_PID: &str = "/proc/sys/kernel/ns_last_pid";

/// Ends and reaps the process, and gives its PID to the next one that is started.
fn free_pid(process: Process) {
    let pid = process.pid();
    drop(process);
    fs::write(LAST_PID, (pid - 1).to_string()).expect("ns_last_pid");
}

/// Asks about the owner of port 80, lets a listener on `port` have its PID before the answer,
/// and returns that newcomer and what was said.
fn succeeded_by(port: u16) -> (Process, Output) {
    let web = server("web", 80);
    let pid = web.pid();
    let mut newcomer = None;
    let output = meanwhile(|| {
        free_pid(web);
        newcomer = Some(server("web", port));
    });
    let newcomer = newcomer.expect("the newcomer");
    assert_eq!(newcomer.pid(), pid);
    (newcomer, output)
}

/// The newcomer has nothing to do with the port.
#[trial]
pub fn by_a_stranger() {
    if !in_namespace() {
        return;
    }
    let (newcomer, output) = succeeded_by(8080);
    output.is(0, &already_exited(newcomer.pid()), &asked(newcomer.pid()));
    assert_lives(&newcomer);
    assert_free(80);
    assert_held(8080);
}

/// The newcomer listens on the port, with a socket of its own.
#[trial]
fn by_a_holder_of_the_port() {
    if !in_namespace() {
        return;
    }
    let (newcomer, output) = succeeded_by(80);
    let pid = newcomer.pid();
    output.is(2, &held_here(80, "web", pid), &taken_again(pid, pid));
    assert_lives(&newcomer);
}

/// The same PID, the same name and the same socket: all that tells them apart is that the
/// process is another one.
#[trial]
pub fn by_a_holder_of_the_very_socket() {
    if !in_namespace() {
        return;
    }
    let socket = listener(80);
    let flight = Flight::of(&socket);
    let web = Owner::named("web").holding(socket);
    let pid = web.pid();
    let mut newcomer = None;
    let output = meanwhile(|| {
        free_pid(web);
        newcomer = Some(Owner::named("web").holding(flight.land()));
    });
    let newcomer = newcomer.expect("the newcomer");
    assert_eq!(newcomer.pid(), pid);
    output.is(2, &held_here(80, "web", pid), &taken_again(pid, pid));
    assert_lives(&newcomer);
    assert_held(80);
}
