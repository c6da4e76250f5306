//! Why a socket is as it is, where the tables have no name of a process to show for it: in words.

use std::collections::BTreeMap;

use super::durations::left;
use super::escape::brief;
use super::{counted, owners};
use crate::model::{
    KernelReason, OwnedSocket, Owner, Snapshot, Socket, TcpState, Timer, TimerKind,
};
use crate::query::Row;

/// The listeners of a snapshot by their port: connections wait in their queues.
pub struct Reasons<'a> {
    pub(super) snapshot: &'a Snapshot,
    listeners: BTreeMap<u16, Vec<&'a OwnedSocket>>,
}

impl<'a> Reasons<'a> {
    /// The listeners of this snapshot.
    #[must_use]
    pub fn new(snapshot: &'a Snapshot) -> Self {
        let mut listeners: BTreeMap<u16, Vec<&OwnedSocket>> = BTreeMap::new();
        for row in snapshot.sockets.iter().chain(&snapshot.listeners) {
            if row.socket.state == Some(TcpState::Listening) {
                listeners.entry(row.socket.local.port).or_default().push(row);
            }
        }
        Self { snapshot, listeners }
    }

    /// The reason of one row; none where a process that can be named holds an ordinary socket.
    #[must_use]
    pub fn of(&self, row: Row<'_>) -> Option<String> {
        let socket = &row.socket;
        match &row.owner {
            Owner::Kernel(reason) => Some(self.of_kernel(*reason, socket)),
            Owner::Hidden | Owner::NotFound | Owner::Exited(_) => {
                let is_bound = socket.state == Some(TcpState::Bound);
                let bound = if is_bound { format!(", {BOUND}") } else { String::new() };
                Some(format!("held by {}{bound}", owners::owner(row, self.snapshot)))
            }
            Owner::Processes(_) if socket.state == Some(TcpState::Bound) => Some(BOUND.to_owned()),
            Owner::Processes(_) => None,
        }
    }

    fn of_kernel(&self, reason: KernelReason, socket: &Socket) -> String {
        match reason {
            KernelReason::TimeWait => match socket.timer {
                Some(timer) => format!("TIME_WAIT, {} left", left(timer.expires_ms)),
                None => "TIME_WAIT".to_owned(),
            },
            KernelReason::SynReceived => format!("{HALF_OPEN}{}", self.listener(socket)),
            KernelReason::NotAccepted => format!("{NOT_ACCEPTED}{}", self.queue(socket)),
            KernelReason::Orphaned => format!("{ORPHANED}{}", torn_down(socket.timer)),
        }
    }

    /// `: nginx's queue holds 12 of 511`, or nothing where no listener is seen.
    pub(super) fn queue(&self, socket: &Socket) -> String {
        let listeners = self.listeners_of(socket);
        let queues = || listeners.iter().map(|row| row.socket.queues);
        let waiting: Option<u32> = queues().map(|queue| queue.receive).sum();
        let backlog: Option<u32> = queues().map(|queue| queue.send).sum();
        let queue = match self.names(&listeners) {
            Some(names) => format!("{names}'s queue"),
            None => "its listener's queue".to_owned(),
        };
        match (waiting, backlog) {
            _ if listeners.is_empty() => String::new(),
            (Some(waiting), Some(backlog)) => format!(": {queue} holds {waiting} of {backlog}"),
            _ => format!(": in {queue}"),
        }
    }

    /// `, for nginx`, or nothing where no listener is seen.
    pub(super) fn listener(&self, socket: &Socket) -> String {
        let names = self.names(&self.listeners_of(socket));
        names.map(|names| format!(", for {names}")).unwrap_or_default()
    }

    /// The names of those who listen, each once.
    fn names(&self, listeners: &[&OwnedSocket]) -> Option<String> {
        let pids = listeners.iter().flat_map(|row| row.owner.pids());
        let processes = pids.filter_map(|pid| self.snapshot.processes.get(&pid));
        let mut names: Vec<String> = processes.map(|process| brief(&process.name)).collect();
        names.sort_unstable();
        names.dedup();
        (!names.is_empty()).then(|| names.join(", "))
    }

    /// Who listens where this connection came in: those at its own address, or else those at
    /// every address.
    fn listeners_of(&self, socket: &Socket) -> Vec<&'a OwnedSocket> {
        let on_port = self.listeners.get(&socket.local.port).map(Vec::as_slice).unwrap_or_default();
        let here = on_port.iter().copied().filter(|row| row.socket.netns == socket.netns);
        let covering: Vec<&OwnedSocket> =
            here.filter(|row| row.socket.covers(socket.local.address)).collect();
        let exact = |row: &&OwnedSocket| row.socket.local.address == socket.local.address;
        let exactly: Vec<&OwnedSocket> = covering.iter().copied().filter(exact).collect();
        if exactly.is_empty() { covering } else { exactly }
    }
}

/// A port without a listener.
pub(super) const BOUND: &str =
    "bound without listening: nobody can connect, and it blocks the port";
/// No process has accepted it.
pub(super) const NOT_ACCEPTED: &str = "waiting for accept()";
/// The handshake is not complete.
pub(super) const HALF_OPEN: &str = "half-open: the client has not completed the handshake";
/// Its process has closed it.
const ORPHANED: &str = "closed by its process, and the kernel has not finished closing it";

/// `, FIN_WAIT_2 ends in 40s`, `, retransmitted 3 times`, or nothing.
fn torn_down(timer: Option<Timer>) -> String {
    match timer {
        Some(Timer { retransmits, .. }) if retransmits > 0 => {
            format!(", retransmitted {}", counted(usize::from(retransmits), "time"))
        }
        Some(Timer { kind: TimerKind::Keepalive | TimerKind::TimeWait, expires_ms, .. }) => {
            format!(", {} left", left(expires_ms))
        }
        _ => String::new(),
    }
}
