//! Owners that were asked for and that do not exist: most often a word that was misspelt.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{About, Pid, Process, Shell, Snapshot};
use crate::platform::System;
use crate::query::{Filter, NamePattern, UserTerm};
use crate::text::absent as text;

/// An owner that was asked for and that does not exist.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(in crate::commands) enum AbsentOwner {
    /// A PID.
    Pid(Pid),
    /// A name, or a pattern of names.
    Name {
        /// As it was typed.
        pattern: String,
        /// Whether a process has a name that contains it.
        is_part: bool,
    },
    /// A user.
    User(String),
}

impl AbsentOwner {
    /// What is said of it.
    pub(in crate::commands) fn sentence(&self, shell: Shell) -> String {
        match self {
            Self::Pid(pid) => text::pid(*pid),
            Self::Name { pattern, is_part } => text::name(pattern, *is_part, shell),
            Self::User(word) => text::user(word),
        }
    }
}

/// The PIDs, names and users of `filter` that do not exist.
pub(in crate::commands) fn ask(
    filter: &Filter,
    snapshot: &Snapshot,
    system: &impl System,
) -> Vec<AbsentOwner> {
    let pids = filter.pids.iter().copied().filter(|pid| is_absent(*pid, snapshot, system));
    let names = names(filter, snapshot, system).into_iter();
    let users = filter.users.iter().filter(|user| !is_seen(user, snapshot));
    let users = users.map(UserTerm::word);
    let users = users.filter(|user| system.has_user(user) == Some(false)).map(str::to_owned);
    pids.map(AbsentOwner::Pid).chain(names).chain(users.map(AbsentOwner::User)).collect()
}

fn is_absent(pid: Pid, snapshot: &Snapshot, system: &impl System) -> bool {
    let is_seen = snapshot.processes.contains_key(&pid) || snapshot.is_kernel(pid);
    !is_seen && system.is_absent(pid)
}

/// Whether a socket or a process is the user's: a container's users need no name here.
fn is_seen(user: &UserTerm, snapshot: &Snapshot) -> bool {
    let of_sockets = snapshot.sockets.iter().filter_map(|row| row.socket.uid);
    let of_processes = snapshot.processes.values();
    of_sockets
        .chain(of_processes.clone().filter_map(|process| process.uid))
        .any(|uid| user.is_number(uid))
        || of_processes.filter_map(|process| process.user.as_ref()).any(|name| user.is_name(name))
}

/// The names that no process has. The processes of the machine are read only where none of those
/// with sockets has it.
fn names(filter: &Filter, snapshot: &Snapshot, system: &impl System) -> Vec<AbsentOwner> {
    let mut missing: Vec<&NamePattern> =
        filter.names.iter().filter(|name| !matches_any(name, &snapshot.processes)).collect();
    if missing.is_empty() {
        return Vec::new();
    }
    let Some(pids) = system.all_processes() else { return Vec::new() };
    let others: BTreeSet<Pid> =
        pids.into_iter().filter(|pid| !snapshot.processes.contains_key(pid)).collect();
    let others = system.processes(&others, About::Table);
    missing.retain(|name| !matches_any(name, &others));
    let is_part = |name: &NamePattern| {
        let wider = NamePattern::new(&format!("*{}*", name.text()));
        let is_word = !name.text().contains('*');
        is_word && [&snapshot.processes, &others].iter().any(|them| matches_any(&wider, them))
    };
    let absent = missing
        .into_iter()
        .map(|name| AbsentOwner::Name { pattern: name.text(), is_part: is_part(name) });
    absent.collect()
}

fn matches_any(name: &NamePattern, processes: &BTreeMap<Pid, Process>) -> bool {
    processes.values().any(|process| name.matches(process))
}
