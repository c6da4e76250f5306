//! What `portwho close` says. Processes and sockets come here as they are named elsewhere.

use super::advice::{Remedy, run, run_to};
use super::{api, counted};
use crate::model::{Api, KernelReason, Pid};

/// The question was not answered with yes.
pub const NOT_CONFIRMED: &str = "not confirmed; nothing was closed";

/// There is no terminal to ask on, and neither a PORT nor a PID says which sockets are meant.
#[must_use]
pub fn requires_yes(close: &Remedy) -> String {
    let required = "nothing was closed: without a terminal, close requires a PORT, --pid or --yes";
    run_to("to close all of them", required, close)
}

/// No row, and a table that could not be read.
pub const UNKNOWN: &str = "cannot tell whether any socket matches";

/// `2 CLOSE_WAIT of app-server (PID 812)`.
#[must_use]
pub fn sockets_of(kinds: &str, owner: &str) -> String {
    format!("{kinds} of {owner}")
}

/// `nginx (PID 812), nginx (PID 813) and 2 more`.
#[must_use]
pub fn owners(named: &[String], more: usize) -> String {
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("{}{more}", named.join(", "))
}

/// The process that created the sockets has left them to others.
#[must_use]
pub fn exited_owner(pid: Pid) -> String {
    format!("PID {pid}, which has exited")
}

/// A sentence about some sockets: `2 CLOSE_WAIT of app-server (PID 812): ...`.
#[must_use]
pub fn about(sockets: &str, text: &str) -> String {
    format!("{sockets}: {text}")
}

/// `Close 12 sockets of app-server (PID 812)?`
#[must_use]
pub fn question(count: usize, owner: &str) -> String {
    format!("Close {}?", counted_of(count, owner))
}

/// `Close 1 listener of app-server (PID 812), so that no new connections come to it?`: what listens serves
/// everybody, where a connection has one peer.
#[must_use]
pub fn question_of_listeners(tcp: usize, udp: usize, owner: &str) -> String {
    let what = match (tcp, udp) {
        (_, 0) => "no new connections come",
        (0, _) => "nothing more comes",
        _ => "no new connections and nothing more come",
    };
    let to = if tcp + udp == 1 { "it" } else { "them" };
    format!("Close {} of {owner}, so that {what} to {to}?", listeners(tcp, udp))
}

/// `2 listeners and 1 unconnected UDP socket`.
fn listeners(tcp: usize, udp: usize) -> String {
    let part = |count, noun| (count > 0).then(|| counted(count, noun));
    let parts = [part(tcp, "listener"), part(udp, "unconnected UDP socket")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(" and ")
}

/// `would close 12 sockets of app-server (PID 812)`. `udp` of them are unconnected UDP sockets.
#[must_use]
pub fn intention(count: usize, udp: usize, owner: &str) -> String {
    format!("would close {}{}", counted_of(count, owner), unless_explicit(count, udp))
}

/// What closing does not do: udp_abort() of the kernel leaves a port with its process that
/// was bound by number, and no table tells whether one was.
const fn unless_explicit(count: usize, udp: usize) -> &'static str {
    match (count, udp) {
        (_, 0) => "",
        (1, _) => ", unless its port was bound explicitly (bind() with a port other than 0)",
        _ => ", except at UDP ports that were bound explicitly (bind() with a port other than 0)",
    }
}

fn counted_of(count: usize, owner: &str) -> String {
    format!("{} of {owner}", counted(count, "socket"))
}

/// `1 listener not closed; to close it, run: portwho close -l 80`; nothing where there is none.
#[must_use]
pub fn listeners_not_closed(tcp: usize, udp: usize, close: &Remedy) -> Option<String> {
    let purpose = if tcp + udp == 1 { "to close it" } else { "to close them" };
    let purpose = format!("{purpose}{}", unless_explicit(tcp + udp, udp));
    let not_closed = format!("{} not closed", listeners(tcp, udp));
    (tcp + udp > 0).then(|| run_to(&purpose, &not_closed, close))
}

/// Why sockets are not closed, with all that the sentence needs.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// They are bound and nothing more; this command frees the port.
    Bound(Remedy),
    /// portwho itself holds them.
    Itself,
    /// An ancestor of portwho does.
    Ancestor,
    /// Their owner is hidden, from every user.
    Unseen,
    /// Their owner was not found, whatever the reason.
    NotFound,
    /// Their owner is hidden; this command has more privileges.
    UnseenByUser(Remedy),
    /// They end by themselves, and this system would keep them forever.
    Orphan,
    /// They take connections for a container: its name, and what stops it, where it is known.
    Forwarder(Option<(String, Remedy)>),
    /// Windows has no call for IPv6.
    OnlyIpv4,
    /// Windows has no call for UDP.
    OnlyTcp,
}

/// `refused: portwho itself holds it`.
#[must_use]
pub fn refused(why: &Refused) -> String {
    format!("refused: {}", refusal(why))
}

fn refusal(why: &Refused) -> String {
    let session = "the owner is hidden, and may be your own session";
    match why {
        Refused::Bound(kill) => run_to("to free the port", "there is no connection to close", kill),
        Refused::Itself => "portwho itself holds it".to_owned(),
        Refused::Ancestor => {
            "an ancestor of portwho holds it: the shell or session it runs in".to_owned()
        }
        Refused::Unseen => format!("{session}; no further privileges would reveal it"),
        Refused::NotFound => {
            "the owner was not found, and may be your own session; run portwho again".to_owned()
        }
        Refused::UnseenByUser(privileged) => run(session, privileged),
        Refused::Orphan => {
            "sockets without a process end on their own (tcp_orphan_retries); before Linux 6.11, \
             closing one would keep it forever"
                .to_owned()
        }
        Refused::Forwarder(Some((name, stop))) => run(&serves(name), stop),
        Refused::Forwarder(None) => {
            format!("{}; stop the container instead", serves("a container"))
        }
        Refused::OnlyIpv4 => {
            "Windows closes TCP connections over IPv4 only; it has no call for IPv6".to_owned()
        }
        Refused::OnlyTcp => {
            "Windows closes TCP connections only; it has no call for UDP".to_owned()
        }
    }
}

fn serves(container: &str) -> String {
    format!("it serves {container}, which would keep running without its port")
}

/// Who had the sockets that were closed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Owner {
    /// Processes, which keep their descriptors.
    Processes {
        /// As they are named.
        name: String,
        /// Whether they are several.
        several: bool,
        /// The ports that stay bound: `port 80`.
        ports: Option<String>,
    },
    /// Only the kernel.
    Kernel(KernelReason),
    /// Others, as they are named.
    Other(String),
}

/// How many sockets of a group have gone.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Counts {
    /// Those that were closed.
    pub closed: usize,
    /// Those that had already closed.
    pub already: usize,
    /// All that were to be closed.
    pub all: usize,
}

/// `3 sockets of app (PID 812) had already closed`.
#[must_use]
pub fn already_closed(counts: Counts, owner: &str) -> String {
    let of = if counts.already == counts.all {
        String::new()
    } else {
        format!("{} of ", counts.already)
    };
    format!("{of}{} had already closed", counted_of(counts.all, owner))
}

/// `closed 12 sockets; app-server (PID 812) keeps their descriptors until it calls close()`.
#[must_use]
pub fn closed(counts: Counts, owner: &Owner, api: Api) -> String {
    let noun = if matches!(owner, Owner::Kernel(_)) { "connection" } else { "socket" };
    let of =
        if counts.closed == counts.all { String::new() } else { format!("{} of ", counts.closed) };
    let what = format!("closed {of}{}", counted(counts.all, noun));
    let already = match counts.already {
        0 => String::new(),
        count => format!(", {count} had already closed"),
    };
    match owner {
        Owner::Processes { name, several, ports } => {
            let keeps = descriptors_kept(counts.closed, name, *several, ports.as_deref(), api);
            format!("{what}{already}; {keeps}")
        }
        Owner::Kernel(reason) => format!("{what} {}{already}", without_process(*reason)),
        Owner::Other(name) => format!("{what} of {name}{already}"),
    }
}

const fn without_process(reason: KernelReason) -> &'static str {
    match reason {
        KernelReason::TimeWait => "in TIME_WAIT",
        KernelReason::SynReceived => "whose handshake was not complete",
        KernelReason::NotAccepted => "that nobody had accepted",
        KernelReason::Orphaned => "that no process held",
    }
}

/// `app (PID 812) keeps its descriptor and port 80 until it calls close()`.
fn descriptors_kept(
    closed: usize,
    name: &str,
    several: bool,
    ports: Option<&str>,
    api: Api,
) -> String {
    let (descriptors, call) = (api::descriptors(api, closed), api::close_call(api));
    let (keep, until) = if several { ("keep", "they call") } else { ("keeps", "it calls") };
    let whose = if closed == 1 { "its" } else { "their" };
    let ports = ports.map(|ports| format!(" and {ports}")).unwrap_or_default();
    format!("{name} {keep} {whose} {descriptors}{ports} until {until} {call}")
}

/// Why a socket is still there.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NotClosed {
    /// It is no longer what was asked for.
    Changed,
    /// Not even all privileges suffice, for this reason.
    BeyondRights(&'static str),
    /// This command has more privileges.
    NotPermitted(Remedy),
    /// The kernel cannot close sockets, in its own words; whether a process has this one.
    NoDestroy(String, bool),
    /// The system closes sockets, but not of this kind, in its own words.
    OtherKind(String),
    /// Any other reason.
    Other(String),
    /// The port was bound by number; this command ends its process.
    PortStays(Remedy),
    /// The system accepted the request, and it is still there.
    Survived,
}

/// `not closed: permission denied; run: sudo portwho close 80`.
#[must_use]
pub fn not_closed(why: &NotClosed) -> String {
    format!("not closed: {}", reason(why))
}

fn reason(why: &NotClosed) -> String {
    match why {
        NotClosed::Changed => "changed since it was listed".to_owned(),
        NotClosed::BeyondRights(text) => (*text).to_owned(),
        NotClosed::NotPermitted(privileged) => run("permission denied", privileged),
        NotClosed::NoDestroy(text, true) => {
            format!("{text}; terminating their process closes them")
        }
        NotClosed::NoDestroy(text, false) | NotClosed::Other(text) => text.clone(),
        NotClosed::OtherKind(text) => format!(
            "{text} (Linux can close UDP sockets from 4.9 on, and TIME_WAIT and FIN_WAIT_2 \
             without a process from 6.0 on)"
        ),
        NotClosed::PortStays(kill) => {
            run("its port was bound explicitly and stays with its process", kill)
        }
        NotClosed::Survived => "still there, although the system accepted the request".to_owned(),
    }
}

/// The closing could not be checked.
#[must_use]
pub fn unknown(error: &str) -> String {
    format!("cannot tell which sockets were closed: {error}")
}
