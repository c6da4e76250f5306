//! What the tests of close share: the sentences that it says, and processes that hold sockets.

use std::ffi::OsStr;
use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use nix::sched::{CloneFlags, unshare};

use crate::kill::{identity, named};
use crate::support::process::{Owner, Process};
use crate::support::{Run, kernel_table, portwho};

/// `portwho close` with these words, seeing the test and its processes outside any systemd
/// unit, whatever started them.
pub fn close<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Run {
    unshare(CloneFlags::CLONE_NEWCGROUP).expect("a cgroup namespace");
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    portwho([OsStr::new("close").to_owned()].into_iter().chain(words))
}

/// A process called `app` that holds a socket, and does nothing.
pub fn app(socket: OwnedFd) -> Process {
    Owner::named("app").holding(socket)
}

/// The line that says what it is and whose.
pub fn is_of(sockets: &str, name: &str, pid: u32) -> String {
    format!("{sockets} of {}\n", identity(name, pid))
}

/// The verdict on a process's only socket.
pub fn closed_one(name: &str, pid: u32) -> String {
    format!("closed 1 socket; {} keeps its descriptor until it calls close()\n", named(name, pid))
}

/// All that is said when the only socket of `app` is closed.
pub fn closes(state: &str, app: &Process) -> String {
    is_of(&format!("1 {state}"), "app", app.pid()) + &closed_one("app", app.pid())
}

/// All that is said when one socket is closed that no process holds.
pub fn closes_kernels(state: &str, reason: &str) -> String {
    let closed = match reason {
        "time-wait" => "in TIME_WAIT",
        "syn-received" => "whose handshake was not complete",
        "not-accepted" => "that nobody had accepted",
        "orphaned" => "that no process held",
        other => panic!("{other} is no reason of the kernel's"),
    };
    format!("1 {state} of the kernel ({reason})\nclosed 1 connection {closed}\n")
}

/// The kernel no longer has a socket with these two ends.
#[track_caller]
pub fn assert_gone(local: SocketAddr, foreign: SocketAddr) {
    let found = kernel_table::find(local, foreign);
    assert!(found.is_none(), "{found:?}");
}

#[track_caller]
pub fn assert_there(local: SocketAddr, foreign: SocketAddr) {
    assert!(kernel_table::find(local, foreign).is_some(), "{local} -> {foreign} is gone");
}

/// How many sockets a process has as descriptors, connected or not.
pub fn sockets_held(pid: u32) -> usize {
    let descriptors = fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors");
    let is_socket = |path: std::path::PathBuf| {
        fs::read_link(path).is_ok_and(|target| target.to_string_lossy().starts_with("socket:"))
    };
    descriptors.filter(|entry| is_socket(entry.as_ref().expect("an entry").path())).count()
}
