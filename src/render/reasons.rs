//! Why a socket is as it is, where the tables have no name of a process to show for it: in words.

use std::collections::BTreeMap;

use super::{counted, who};
use crate::model::{
    KernelReason, OwnedSocket, Owner, Snapshot, Socket, StateSet, TcpState, Timer, TimerKind,
};
use crate::query::Row;

/// The listeners of a snapshot by their port: in their queues wait those that nobody accepted.
pub(super) struct Reasons<'a> {
    snapshot: &'a Snapshot,
    listeners: BTreeMap<u16, Vec<&'a OwnedSocket>>,
}

impl<'a> Reasons<'a> {
    pub(super) fn new(snapshot: &'a Snapshot) -> Self {
        let mut listeners: BTreeMap<u16, Vec<&OwnedSocket>> = BTreeMap::new();
        for row in snapshot.sockets.iter().chain(&snapshot.listeners) {
            if row.socket.state == Some(TcpState::Listening) {
                listeners.entry(row.socket.local.port).or_default().push(row);
            }
        }
        Self { snapshot, listeners }
    }

    /// The reason of one row; none where a process that can be named holds an ordinary socket.
    pub(super) fn of(&self, row: Row<'_>) -> Option<String> {
        let socket = &row.socket;
        match &row.owner {
            Owner::Kernel(reason) => Some(self.of_kernel(*reason, socket)),
            Owner::Hidden | Owner::Exited(_) => {
                Some(format!("held by {}", who::owner(row, self.snapshot)))
            }
            Owner::NotFound => Some(who::owner(row, self.snapshot)),
            Owner::Processes(_) if socket.state == Some(TcpState::Bound) => Some(BOUND.to_owned()),
            Owner::Processes(_) => None,
        }
    }

    fn of_kernel(&self, reason: KernelReason, socket: &Socket) -> String {
        match reason {
            KernelReason::TimeWait => match socket.timer {
                Some(timer) => format!("TIME_WAIT, {} left", seconds(timer.expires_ms)),
                None => "TIME_WAIT".to_owned(),
            },
            KernelReason::SynReceived => format!("{HALF_OPEN}{}", self.listener(socket)),
            KernelReason::NotAccepted => format!("accepted by nobody yet{}", self.queue(socket)),
            KernelReason::Orphaned => format!("{ORPHANED}{}", torn_down(socket.timer)),
        }
    }

    /// `: nginx's queue holds 12 of 511`, or nothing where no listener is seen.
    pub(super) fn queue(&self, socket: &Socket) -> String {
        let listeners = self.listeners_of(socket);
        let sum = |part: fn(&Socket) -> Option<u32>| {
            let parts = listeners.iter().map(|row| part(&row.socket));
            parts.sum::<Option<u32>>().filter(|_| !listeners.is_empty())
        };
        let waiting = sum(|listener| listener.queues.receive);
        let backlog = sum(|listener| listener.queues.send);
        let queue = match self.names(&listeners) {
            Some(names) => format!("{names}'s queue"),
            None => "its listener's queue".to_owned(),
        };
        match (waiting, backlog) {
            (Some(waiting), Some(backlog)) => format!(": {queue} holds {waiting} of {backlog}"),
            _ if listeners.is_empty() => String::new(),
            _ => format!(": in {queue}"),
        }
    }

    fn listener(&self, socket: &Socket) -> String {
        let names = self.names(&self.listeners_of(socket));
        names.map(|names| format!(", for {names}")).unwrap_or_default()
    }

    /// The names of those who listen, each once.
    fn names(&self, listeners: &[&OwnedSocket]) -> Option<String> {
        let pids = listeners.iter().flat_map(|row| row.owner.pids());
        let processes = pids.filter_map(|pid| self.snapshot.processes.get(&pid));
        let mut names: Vec<String> =
            processes.map(|process| super::escape::Escaped(&process.name).to_string()).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Who listens where this connection came in: those at its own address, or else those at
    /// every address.
    fn listeners_of(&self, socket: &Socket) -> Vec<&'a OwnedSocket> {
        let on_port = self.listeners.get(&socket.local.port).map(Vec::as_slice).unwrap_or_default();
        let there = |row: &&&OwnedSocket| {
            row.socket.netns == socket.netns && row.socket.covers(socket.local.address)
        };
        let covering: Vec<&OwnedSocket> = on_port.iter().filter(there).copied().collect();
        let exact = |row: &&OwnedSocket| row.socket.local.address == socket.local.address;
        let exactly: Vec<&OwnedSocket> = covering.iter().copied().filter(exact).collect();
        if exactly.is_empty() { covering } else { exactly }
    }
}

/// A port without a listener.
pub(super) const BOUND: &str =
    "bound without listening: nobody can connect, and it keeps the port from others";
const HALF_OPEN: &str = "half-open: the client has not completed the handshake";
const ORPHANED: &str = "closed by its process, still being torn down by the kernel";

/// `, FIN_WAIT_2 ends in 40 s`, `, sent again 3 times`, or nothing.
fn torn_down(timer: Option<Timer>) -> String {
    match timer {
        Some(Timer { retransmits, .. }) if retransmits > 0 => {
            format!(", sent again {}", counted(usize::from(retransmits), "time"))
        }
        Some(Timer { kind: TimerKind::Keepalive | TimerKind::TimeWait, expires_ms, .. }) => {
            format!(", {} left", seconds(expires_ms))
        }
        _ => String::new(),
    }
}

/// `42 s`, rounded up: what has not run out is never 0.
fn seconds(ms: u32) -> String {
    format!("{} s", ms.div_ceil(1000))
}

/// What is told together below the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Sort {
    /// One socket that holds a port, told by itself.
    Bound(String),
    /// Those that hold a port and whose owner is the same that cannot be named.
    Unnamed(String),
    /// Those that wait in the same queue.
    NotAccepted(String),
    /// Half-open ones, by who listens.
    HalfOpen(String),
    /// Those that their processes left behind, by state.
    Orphaned(TcpState),
    /// Those that are over.
    TimeWait,
}

/// What several rows have in common.
#[derive(Clone, Debug, Default)]
struct Alike {
    ends: Vec<String>,
    count: usize,
    longest_ms: Option<u32>,
}

/// How many ends are named before they are only counted.
const ENDS_NAMED: usize = 3;
/// How many lines there are at most.
const LINES: usize = 10;

/// A line for each kind of row that the tables cannot explain. `every_owner` also tells whose
/// the sockets are that only carry connections.
pub(super) fn lines(rows: &[Row<'_>], snapshot: &Snapshot, every_owner: bool) -> Vec<String> {
    let reasons = Reasons::new(snapshot);
    let mut groups: BTreeMap<Sort, Alike> = BTreeMap::new();
    for row in rows {
        let Some(sort) = sort(row, &reasons, every_owner) else { continue };
        let alike = groups.entry(sort).or_default();
        alike.count += 1;
        let end = super::local_end(&row.socket, snapshot);
        if alike.ends.len() <= ENDS_NAMED && !alike.ends.contains(&end) {
            alike.ends.push(end);
        }
        alike.longest_ms = alike.longest_ms.max(row.socket.timer.map(|timer| timer.expires_ms));
    }
    let left_out = groups.len().saturating_sub(LINES);
    let lines = groups.iter().take(LINES).map(|(sort, alike)| line(sort, alike));
    let more = (left_out > 0).then(|| format!("{left_out} more remarks: --json has them all"));
    lines.chain(more).collect()
}

fn sort(row: Row<'_>, reasons: &Reasons<'_>, every_owner: bool) -> Option<Sort> {
    let socket = &row.socket;
    match &row.owner {
        Owner::Processes(_) if socket.state == Some(TcpState::Bound) => {
            Some(Sort::Bound(who::owner(row, reasons.snapshot)))
        }
        Owner::Processes(_) | Owner::Exited(_) => None,
        Owner::Hidden | Owner::NotFound => {
            let is_told = every_owner || socket.holds_port();
            // Without more than the user there is nothing to add to the gap.
            reasons.snapshot.creator(socket).filter(|_| is_told)?;
            Some(Sort::Unnamed(reasons.of(row)?))
        }
        Owner::Kernel(KernelReason::TimeWait) => Some(Sort::TimeWait),
        Owner::Kernel(KernelReason::NotAccepted) => Some(Sort::NotAccepted(reasons.queue(socket))),
        Owner::Kernel(KernelReason::SynReceived) => Some(Sort::HalfOpen(reasons.listener(socket))),
        Owner::Kernel(KernelReason::Orphaned) => socket.state.map(Sort::Orphaned),
    }
}

fn line(sort: &Sort, alike: &Alike) -> String {
    let ends = alike.ends.join(", ");
    let few = alike.ends.len() <= ENDS_NAMED;
    let left = alike.longest_ms.map(|ms| {
        let most = if alike.count > 1 { " at most" } else { "" };
        format!(", {} left{most}", seconds(ms))
    });
    let left = left.unwrap_or_default();
    let connections = counted(alike.count, "connection");
    let (subject, words) = match sort {
        Sort::Bound(owner) => (String::new(), format!("held by {owner}, {BOUND}")),
        Sort::Unnamed(words) => (String::new(), words.clone()),
        Sort::NotAccepted(queue) => (connections, format!("accepted by nobody yet{queue}")),
        Sort::HalfOpen(listener) => (connections, format!("{HALF_OPEN}{listener}")),
        Sort::Orphaned(state) => {
            let timed = StateSet::of(&[TcpState::FinWait2]).contains(*state);
            let left = if timed { left } else { String::new() };
            (format!("{} {state}", alike.count), format!("{ORPHANED}{left}"))
        }
        Sort::TimeWait => (format!("{} TIME_WAIT", alike.count), format!("{OVER}{left}")),
    };
    match (few, subject.is_empty()) {
        (true, true) => format!("{ends}: {words}"),
        (true, false) => format!("{ends}: {subject}: {words}"),
        (false, true) => format!("{}: {words}", counted(alike.count, "socket")),
        (false, false) => format!("{subject}: {words}"),
    }
}

const OVER: &str = "over, and kept by the kernel for stray segments";
