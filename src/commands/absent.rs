//! Owners that were asked for and that do not exist: most often a word that was misspelt.

use std::collections::BTreeSet;

use crate::model::{About, Pid, Snapshot};
use crate::platform::System;
use crate::query::{Filter, NamePattern};
use crate::text::absent as text;

/// A line for each PID, name and user of `filter` that nobody has.
pub(super) fn lines(filter: &Filter, snapshot: &Snapshot, system: &impl System) -> Vec<String> {
    let pids = filter.pids.iter().filter(|pid| is_absent(**pid, snapshot, system));
    let mut lines: Vec<String> = pids.map(|pid| text::pid(*pid)).collect();
    let names = names(filter, snapshot, system).into_iter();
    lines.extend(names.map(|name| text::name(&name.text())));
    let users = filter.users.iter().filter(|user| system.has_user(user.word()) == Some(false));
    lines.extend(users.map(|user| text::user(user.word())));
    lines
}

fn is_absent(pid: Pid, snapshot: &Snapshot, system: &impl System) -> bool {
    let is_seen =
        snapshot.processes.contains_key(&pid) || snapshot.capabilities.kernel_pids.contains(&pid);
    !is_seen && system.is_absent(pid)
}

/// The names that no process has. The processes of the machine are read only where none of those
/// with sockets has it.
fn names<'a>(
    filter: &'a Filter,
    snapshot: &Snapshot,
    system: &impl System,
) -> Vec<&'a NamePattern> {
    let is_seen =
        |name: &&NamePattern| snapshot.processes.values().any(|process| name.matches(process));
    let mut missing: Vec<&NamePattern> =
        filter.names.iter().filter(|name| !is_seen(name)).collect();
    if missing.is_empty() {
        return missing;
    }
    let Some(pids) = system.all_processes() else { return Vec::new() };
    let others: BTreeSet<Pid> =
        pids.into_iter().filter(|pid| !snapshot.processes.contains_key(pid)).collect();
    let others = system.processes(&others, About::Table);
    missing.retain(|name| !others.values().any(|process| name.matches(process)));
    missing
}
