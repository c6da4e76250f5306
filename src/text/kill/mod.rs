//! What `portwho kill` says. Processes and sockets come here as they are named elsewhere.

pub mod no_target;
pub mod parents;
pub mod refusals;
pub mod servers;
pub mod verdicts;

use super::advice::{Remedy, listed, run, run_to};
use super::counted;
use super::names::Names;
use crate::model::Signal;

/// A signal was asked for on a system without signals.
pub const NO_SIGNALS: &str = "--signal: Windows has no signals; omit it, or use --force";

/// The question about `first` and this many others was not answered with yes.
#[must_use]
pub fn not_confirmed(first: &str, others: usize) -> String {
    let others = match others {
        0 => String::new(),
        others => format!(" and {}", counted(others, "other")),
    };
    format!("not confirmed; nothing was sent to {first}{others}")
}

/// Whatever is said of a group of ports: `port 80: refused: ...`.
#[must_use]
pub fn about(ports: &str, text: &str) -> String {
    format!("{ports}: {text}")
}

/// `0.0.0.0:80, [::]:80 are held by nginx (PID 812, user root)`.
#[must_use]
pub fn held_by(addresses: &[String], holders: &Names) -> String {
    let verb = if addresses.len() == 1 { "is" } else { "are" };
    format!("{} {verb} held by {holders}", listed(addresses))
}

/// Other holders, which follow those that are named first.
#[must_use]
pub fn also_held(holders: &Names) -> String {
    format!("  also held by {holders}")
}

/// Other holders, which the filters exclude.
#[must_use]
pub fn also_held_unmatched(holders: &Names) -> String {
    format!("  also held by {holders}, which the filters exclude")
}

/// Other holders, each of which is a group of its own.
#[must_use]
pub fn also_held_unrelated(holders: &Names) -> String {
    let verb = if holders.count() == 1 { "is" } else { "are" };
    format!("  also held by {holders}, which {verb} unrelated")
}

/// `port 80 is also held by nginx (PID 813)`: by sockets that were not asked for.
#[must_use]
pub fn port_also_held(named: &str, ports: usize, holders: &Names) -> String {
    let verb = if ports == 1 { "is" } else { "are" };
    format!("{named} {verb} also held by {holders}")
}

/// Groups beyond those that are asked about one by one share one question.
pub const CROWD: &str =
    "  these processes are unrelated; there are too many groups to ask about one by one";

/// The users who created the sockets, and are not those of their holders.
#[must_use]
pub fn created_by(users: &[String]) -> String {
    format!("  its socket belongs to user {}", listed(users))
}

/// `  it also holds ports 80, 443`.
#[must_use]
pub fn also_holds(ports: &str) -> String {
    format!("  it also holds {ports}")
}

/// `  2 clients are connected to it`.
#[must_use]
pub fn clients(count: usize) -> String {
    let verb = if count == 1 { "is" } else { "are" };
    format!("  {} {verb} connected to it", counted(count, "client"))
}

/// What restarts a process, or what it runs in.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Restarter {
    /// Its container, which this command stops.
    Container(Remedy),
    /// Its service.
    Service {
        /// What stops it.
        stop: Remedy,
        /// When the system restarts it, as its unit says; none where it does not, or that is unknown.
        policy: Option<String>,
    },
    /// Its parent, a supervisor, as it is named.
    Supervisor(String),
}

/// `  its service restarts it (Restart=always); run: systemctl stop nginx.service`.
#[must_use]
pub fn restarts(restarter: &Restarter) -> String {
    match restarter {
        Restarter::Container(stop) => {
            run_to("to stop the container", "  it runs in a container", stop)
        }
        Restarter::Service { stop, policy: Some(policy) } => {
            run(&format!("  its service restarts it (Restart={policy})"), stop)
        }
        Restarter::Service { stop, policy: None } => {
            run_to("to stop the service", "  it runs as a service", stop)
        }
        Restarter::Supervisor(parent) => format!("  {parent}, its parent, restarts it"),
    }
}

/// Unrelated processes hold a port, and there is no terminal to ask which of them are meant.
#[must_use]
pub fn contested(port: u16, holders: &Names, all: &Remedy) -> String {
    let held = format!(
        "port {port}: unrelated processes hold it: {holders}; choose with --pid, --name or --user"
    );
    run_to("to terminate all of them", &held, all)
}

/// How many more such ports there are.
#[must_use]
pub fn more_contested(count: usize) -> String {
    let them = if count == 1 { "it" } else { "them" };
    let ports = counted(count, "more port");
    format!("{ports}: unrelated processes hold {them}; choose with --pid, --name or --user")
}

/// How many more sockets have a holder that cannot be named.
#[must_use]
pub fn more_unseen(count: usize) -> String {
    format!("{}: held by processes that cannot be named", counted(count, "more socket"))
}

/// How a process is ended, as far as a sentence differs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Method {
    /// By a signal.
    Signal(Signal),
    /// By closing its windows.
    CloseWindow,
    /// By TerminateProcess.
    Terminate,
}

/// `Terminate nginx (PID 812)?` `parent` is ended before them, and `followers` too, if they still hold the
/// port.
#[must_use]
pub fn question(method: Method, parent: Option<&str>, named: &Names, followers: &Names) -> String {
    let (named, then) = (first(parent, named), then(followers));
    match method {
        Method::Signal(Signal::Term) => format!("Terminate {named}{then}?"),
        Method::Signal(Signal::Kill) => format!("Kill {named} with SIGKILL{then}?"),
        Method::Signal(other) => format!("Send {other} to {named}{then}?"),
        Method::CloseWindow => format!("Terminate {named} by closing its windows{then}?"),
        Method::Terminate => {
            format!("Terminate {named} immediately (unsaved data will be lost){then}?")
        }
    }
}

/// `would send SIGTERM to nginx (PID 812)`.
#[must_use]
pub fn intention(method: Method, parent: Option<&str>, named: &Names, followers: &Names) -> String {
    let (named, then) = (first(parent, named), then(followers));
    match method {
        Method::Signal(signal) => format!("would send {signal} to {named}{then}"),
        Method::CloseWindow => format!("would ask {named} to close its windows{then}"),
        Method::Terminate => format!("would terminate {named} immediately{then}"),
    }
}

/// `bash (PID 3), its parent, then python3 (PID 5)`.
fn first(parent: Option<&str>, named: &Names) -> String {
    match parent {
        Some(parent) => format!("{parent}, then {named}"),
        None => named.to_string(),
    }
}

/// How many followers are named.
const FOLLOWERS_NAMED: usize = 3;

/// `, then nginx (PID 813) if it still holds the port`.
fn then(followers: &Names) -> String {
    let named = match followers.count() {
        0 => return String::new(),
        1..=FOLLOWERS_NAMED => followers.to_string(),
        count => format!("{count} others that share the socket,"),
    };
    let verb = if followers.count() == 1 { "it still holds" } else { "they still hold" };
    format!(", then {named} if {verb} the port")
}
