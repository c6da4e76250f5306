//! Network namespaces: each test has one to itself, in which it may bind what it likes.

use std::env;
use std::fs::File;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::{CloneFlags, unshare};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::wait_until;

/// What those are told who may not look into other network namespaces.
pub const NOT_SEARCHED: &str = "portwho: other network namespaces were not searched: run with sudo and \
    --all-netns to see the sockets of containers and other network \
    namespaces\n";

/// Set once the harness has made itself root of a user namespace, so that it tries only once.
const UNSHARED: &str = "PORTWHO_TEST_UNSHARED";

/// Without root, starts this program again as root of a user namespace of its own; where that is
/// refused too, goes on, and the tests skip themselves one by one.
pub fn become_root() {
    if rustix::process::geteuid().is_root() || env::var_os(UNSHARED).is_some() {
        return;
    }
    let mut probe = Command::new("unshare");
    probe.args(["-Urn", "true"]).stderr(Stdio::null());
    if probe.status().is_ok_and(|status| status.success()) {
        let mut again = Command::new("unshare");
        again.arg("-Urn").arg(env::current_exe().expect("own path")).args(env::args_os().skip(1));
        let error = again.env(UNSHARED, "1").exec();
        panic!("exec unshare: {error}");
    }
}

/// Lets the next process be 1001 where a PID namespace is so young that a PID could be taken for
/// another number of an answer. It may be refused, and then they are taken as they come.
pub fn with_large_pids() {
    if std::process::id() < 1000 {
        let _ = std::fs::write("/proc/sys/kernel/ns_last_pid", "1000");
    }
}

/// Moves the calling thread, and the children that it spawns from now on, into a new network
/// namespace with only a loopback interface, which is up.
pub fn enter() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET)?;
    bring_loopback_up()
}

/// Runs the function in a namespace other than the test's own. Returns when the thread that did so is
/// gone: a little longer than it can be joined it still counts as living there.
pub fn in_netns<T: Send>(run: impl FnOnce() -> T + Send) -> T {
    let inside = || {
        enter().expect("enter a network namespace");
        (rustix::thread::gettid(), run())
    };
    let joined = thread::scope(|scope| scope.spawn(inside).join());
    let (thread, result) = joined.unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    let place = format!("/proc/self/task/{thread}");
    wait_until("a thread to be gone", || (!Path::new(&place).exists()).then_some(()));
    result
}

/// The namespace that the tests were started in: that of the harness, this process' parent.
pub fn of_the_machine() -> File {
    File::open(path_of_the_machines()).expect("the harness' namespace")
}

/// Where programs find it.
pub fn path_of_the_machines() -> String {
    let harness = rustix::process::getppid().expect("the harness");
    format!("/proc/{harness}/ns/net")
}

/// Asks rtnetlink, as `ip link set lo up` would: a fresh machine may lack that program.
/// NETLINK_ROUTE is protocol 0, which rustix calls none.
fn bring_loopback_up() -> io::Result<()> {
    const ROUTE: Option<rustix::net::Protocol> = None;
    let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
    let socket = rustix::net::socket_with(family, kind, SocketFlags::CLOEXEC, ROUTE)?;
    rustix::net::send(&socket, &link_up_request(), SendFlags::empty())?;
    let mut answer = [0; 128];
    let (length, _) = rustix::net::recv(&socket, &mut answer, RecvFlags::empty())?;
    match acknowledgement(&answer[..length]) {
        Some(0) => Ok(()),
        Some(negated) => Err(io::Error::from_raw_os_error(-negated)),
        None => Err(io::Error::other("rtnetlink answered with something else")),
    }
}

/// An nlmsghdr and an ifinfomsg that set IFF_UP on interface 1, which always is `lo`.
fn link_up_request() -> Vec<u8> {
    const RTM_NEWLINK: u16 = 16;
    const NLM_F_REQUEST_ACK: u16 = 5;
    const IFF_UP: u32 = 1;
    let mut message = Vec::new();
    message.extend(32_u32.to_ne_bytes());
    message.extend(RTM_NEWLINK.to_ne_bytes());
    message.extend(NLM_F_REQUEST_ACK.to_ne_bytes());
    message.extend([0; 8]);
    message.extend([0; 4]);
    message.extend(1_i32.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message.extend(IFF_UP.to_ne_bytes());
    message
}

/// The error number of an NLMSG_ERROR message: 0 is success, others are negated.
fn acknowledgement(message: &[u8]) -> Option<i32> {
    const NLMSG_ERROR: [u8; 2] = 2_u16.to_ne_bytes();
    let kind = message.get(4..6)?;
    let error = message.get(16..20)?;
    (kind == NLMSG_ERROR).then(|| i32::from_ne_bytes(error.try_into().expect("four bytes")))
}
