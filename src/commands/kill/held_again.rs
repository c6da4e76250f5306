//! Who holds a port after the exits, and whether that is a newcomer.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::context::Context;
use super::watch::WatchResult;
use crate::model::{Endpoint, OwnedSocket, Pid, Process, Snapshot};
use crate::text::advice::Remedy;
use crate::text::kill::verdicts::{self as text, HeldAgain};
use crate::text::{owners, remedies};

/// How many holders of freed ports are reported.
const HOLDERS_TOLD: usize = 10;

/// Who holds the ports after the exits.
pub(super) fn reasons(
    exited: &BTreeSet<Pid>,
    context: &Context<'_>,
    watched: &WatchResult,
) -> BTreeSet<HeldAgain> {
    let mut rows = watched.on(context.group).peekable();
    let mut reasons = BTreeSet::new();
    let before = rows.peek().map(|_| Before::new(context.before)).unwrap_or_default();
    while let Some(row) = rows.next_if(|_| reasons.len() < HOLDERS_TOLD) {
        reasons.insert(held_again(row, exited, context, watched, &before));
    }
    let others: BTreeSet<u16> = rows.map(|row| row.socket.local.port).collect();
    if !others.is_empty() {
        reasons.insert(text::more_held(others.len()));
    }
    reasons
}

/// The sockets that were seen before, by what stays the same.
#[derive(Default)]
struct Before<'a>(FxHashMap<(Endpoint, Option<u64>), Vec<&'a OwnedSocket>>);

impl<'a> Before<'a> {
    fn new(snapshot: &'a Snapshot) -> Self {
        let mut before = Self::default();
        for row in &snapshot.sockets {
            before.0.entry((row.socket.local, row.socket.inode)).or_default().push(row);
        }
        before
    }

    /// Whether a process that was not ended held this very socket. A PID of one that has exited is
    /// a newcomer's by now.
    fn was_held_by_others(&self, row: &OwnedSocket, exited: &BTreeSet<Pid>) -> bool {
        let now: BTreeSet<Pid> = row.owner.pids().collect();
        let alike = self.0.get(&(row.socket.local, row.socket.inode));
        alike.into_iter().flatten().any(|before| {
            let others: BTreeSet<Pid> =
                before.owner.pids().filter(|pid| !exited.contains(pid)).collect();
            before.socket.is_same(&row.socket) && now.is_subset(&others)
        })
    }
}

/// Who holds a port after the exits: `port 80 was taken again by web (PID 900)`. A socket of another
/// group was there before.
fn held_again(
    row: &OwnedSocket,
    exited: &BTreeSet<Pid>,
    context: &Context<'_>,
    watched: &WatchResult,
    before: &Before<'_>,
) -> HeldAgain {
    let port = row.socket.local.port;
    let after = &watched.holders;
    let owner = owners::owner(row, after);
    if before.was_held_by_others(row, exited) {
        return text::still_held(port, &owner);
    }
    let first = row.owner.pids().next();
    let newcomer = first.and_then(|pid| after.processes.get(&pid));
    let stop = newcomer
        .and_then(|process| remedies::stop_service(after.capabilities.service_manager, process));
    let supervisor = newcomer
        .filter(|process| !is_known(process, context.before))
        .and_then(|process| process.parent)
        .filter(|parent| context.is_supervisor(*parent) && can_be_asked_again(exited, context));
    let supervisor = supervisor.map(|parent| owners::process(parent, context.before));
    let shell = after.capabilities.shell;
    let kill = || context.request.command(shell, &["--parent"], &context.typed()).into();
    let parent = supervisor.as_deref().map(|name| (name, kill()));
    text::taken_again(port, &owner, stop.map(Remedy::from), parent)
}

/// Whether this very process was there before: then nobody has started it again.
fn is_known(process: &Process, before: &Snapshot) -> bool {
    before.processes.get(&process.pid).is_some_and(|known| known.birth == process.birth)
}

/// Whether the same command finds something again: by the PID of one that has exited it finds nothing.
fn can_be_asked_again(exited: &BTreeSet<Pid>, context: &Context<'_>) -> bool {
    let pids = &context.request.selection.pids;
    pids.is_empty() || pids.iter().any(|pid| !exited.contains(pid))
}
