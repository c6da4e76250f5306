//! What the tests of kill share: the sentences that it says, and how the world is afterwards.

use std::env;
use std::ffi::OsStr;
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::Once;

use nix::sched::{CloneFlags, unshare};
use rustix::net::sockopt::set_socket_reuseport;

use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, Process};
use crate::support::{Output, Run, mounts, portwho, refuse, skip};

pub const NOBODY: u32 = 65534;
pub const TERM: Option<i32> = Some(15);
pub const KILL: Option<i32> = Some(9);

/// `portwho kill` with these words, seeing the test and its processes outside any systemd
/// unit, whatever started them.
pub fn kill<W: AsRef<OsStr>>(words: impl IntoIterator<Item = W>) -> Run {
    static ALONE: Once = Once::new();
    unshare(CloneFlags::CLONE_NEWCGROUP).expect("a cgroup namespace");
    mounts::hide_cgroups().expect("no groups of sockets either");
    // What nothing holds here may be held in the namespace of a test that runs at the same time.
    ALONE.call_once(refuse::other_namespaces);
    let words = words.into_iter().map(|word| word.as_ref().to_owned());
    portwho([OsStr::new("kill").to_owned()].into_iter().chain(words))
}

/// A listener on 127.0.0.1.
pub fn listener(port: u16) -> OwnedFd {
    makers::listening(Loopback::V4.port(port)).socket
}

/// A process that does nothing but listen on this port of 127.0.0.1.
pub fn server(name: &str, port: u16) -> Process {
    Owner::named(name).holding(listener(port))
}

/// Two listeners side by side, in the order of their inodes, which is that of their rows. The
/// kernel numbers them in lots for each processor, not in the order of their making.
pub fn shared_listeners(address: SocketAddr) -> [OwnedFd; 2] {
    let share = |socket: &OwnedFd| set_socket_reuseport(socket, true).expect("SO_REUSEPORT");
    let mut both = [(); 2].map(|()| makers::listening_with(address, 16, share).socket);
    both.sort_by_key(|socket| rustix::fs::fstat(socket).expect("fstat").st_ino);
    both
}

/// `web (PID 812)`.
pub fn named(name: &str, pid: u32) -> String {
    format!("{name} (PID {pid})")
}

/// `web (PID 812, user root)`.
pub fn identity(name: &str, pid: u32) -> String {
    format!("{name} (PID {pid}, user root)")
}

/// The line that says who it is.
pub fn held(end: &str, name: &str, pid: u32) -> String {
    format!("{end} is held by {}\n", identity(name, pid))
}

/// The line for a port of 127.0.0.1.
pub fn held_here(port: u16, name: &str, pid: u32) -> String {
    held(&Loopback::V4.port(port).to_string(), name, pid)
}

/// The best of all verdicts; `remains` is what follows in parentheses.
pub fn freed(pid: u32, port: u16, remains: &str) -> String {
    format!("PID {pid} exited after T; port {port} is free{remains}\n")
}

/// It did not end within the seconds of `--timeout`; what to run next.
pub fn survives(name: &str, pid: u32, seconds: &str) -> String {
    let waited = match seconds.strip_prefix("0.") {
        Some(tenths) => format!("{tenths}00ms"),
        None => format!("{seconds}s"),
    };
    format!(
        "portwho: {} is still running after {waited} and holds port 80; run: portwho kill --force \
         --timeout {seconds} 80\n",
        named(name, pid)
    )
}

/// What is said when the question about a process is not answered with yes.
pub fn declined(name: &str, pid: u32) -> String {
    format!("portwho: port 80: not confirmed; nothing was sent to {}\n", named(name, pid))
}

/// All that is said when it is called with `port` and ends what `server` made.
pub fn ended(server: &Process, name: &str, port: u16) -> String {
    held_here(port, name, server.pid()) + &freed(server.pid(), port, "")
}

/// With `T` for the durations that differ from run to run.
pub fn timeless(mut output: Output) -> Output {
    for stream in [&mut output.stdout, &mut output.stderr] {
        *stream = without_durations(stream, "exited after ");
        *stream = without_timers(stream);
    }
    output
}

/// With `T` for every duration that follows `before`: `250ms`, `1.2s`, `1m 5s`.
pub fn without_durations(text: &str, before: &str) -> String {
    let mut pieces = text.split(before);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |whole, piece| {
        let end = piece.find([';', ',', '\n']).expect("something follows the duration");
        let (time, rest) = piece.split_at(end);
        let is_duration = time.ends_with('s') && time.starts_with(|c: char| c.is_ascii_digit());
        assert!(is_duration, "{text}");
        whole + before + "T" + rest
    })
}

/// With `T` for the seconds of the kernel's timers.
fn without_timers(text: &str) -> String {
    const BEFORE: &str = "TIME_WAIT, ";
    let mut pieces = text.split(BEFORE);
    let first = pieces.next().unwrap_or_default().to_owned();
    pieces.fold(first, |whole, piece| {
        let (time, rest) = piece.split_once(" left").expect("a time");
        let seconds = time.strip_suffix('s').and_then(|number| number.parse().ok());
        assert!(time == "1m" || seconds.is_some_and(|left: u32| left < 60), "{text}");
        whole + BEFORE + "T left" + rest
    })
}

/// Runs it, and gives what it said without the times.
pub fn run(run: Run) -> Output {
    timeless(run.run())
}

#[track_caller]
pub fn assert_lives(process: &Process) {
    assert!(!process.has_exited(), "ended by {:?}", process.ended_by());
}

/// No socket holds the port on 127.0.0.1; what only remains there does not hinder std's
/// SO_REUSEADDR.
#[track_caller]
pub fn assert_free(port: u16) {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    assert!(bound.is_ok(), "port {port}: {bound:?}");
}

#[track_caller]
pub fn assert_held(port: u16) {
    let bound = TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    assert!(bound.is_err(), "port {port} is free");
}

/// Whether a process runs that need not be a child of the test.
pub fn runs(pid: u32) -> bool {
    let Ok(stat) = fs::read(format!("/proc/{pid}/stat")) else { return false };
    let after_name = stat.iter().rposition(|byte| *byte == b')').expect("a name") + 2;
    stat[after_name] != b'Z'
}

/// The image name of the test's process.
pub fn own_name() -> String {
    let path = env::current_exe().expect("own path");
    path.file_name().expect("a name").to_str().expect("UTF-8").to_owned()
}

/// Runs this test once more as the first process of a PID namespace, with a /proc of its own.
/// Only there it is true, and the test shall go on.
pub fn as_first_process() -> bool {
    const ALONE: [&str; 3] = ["-pf", "--kill-child", "--mount-proc"];
    if std::process::id() == 1 {
        return true;
    }
    let probe = Command::new("unshare").args(ALONE).arg("true").stderr(Stdio::null()).status();
    if !probe.is_ok_and(|status| status.success()) {
        skip("unshare -pf --mount-proc is refused");
        return false;
    }
    let again = env::current_exe().expect("own path");
    let status = Command::new("unshare").args(ALONE).arg(again).status().expect("unshare");
    assert!(status.success(), "inside of the PID namespace: {status}");
    false
}
