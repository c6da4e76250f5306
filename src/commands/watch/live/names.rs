//! What is known of the processes on the screen. A look names the owners of all sockets once; what else
//! the columns show is asked only for what is visible, and again while it stays visible.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustc_hash::FxHashMap;

use super::super::seen::Look;
use super::mode::Mode;
use super::rows::Item;
use super::state::State;
use crate::model::{About, Pid, Process, Snapshot, Uid, Untrusted};
use crate::platform::System;
use crate::query::Row;

/// How long a description holds: a process may execute another program.
const FRESH: Duration = Duration::from_secs(10);
/// How soon one may be asked for again.
const AGAIN: Duration = Duration::from_secs(1);
/// How long one is kept that is not on the screen.
const KEPT: Duration = Duration::from_mins(1);

/// Processes and users that are to be described.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Asked {
    /// The processes.
    pub(super) pids: BTreeSet<Pid>,
    /// The users whose names are shown.
    pub(super) uids: BTreeSet<Uid>,
    /// How much is shown of processes.
    pub(super) about: About,
}

impl Asked {
    /// Asks the system.
    pub(super) fn answer(&self, system: &impl System) -> Described {
        let mut found = system.processes(&self.pids, self.about);
        let processes = self.pids.iter().map(|pid| (*pid, found.remove(pid)));
        let users = self.uids.iter().map(|uid| (*uid, system.user_name(*uid)));
        Described { processes: processes.collect(), users: users.collect(), about: self.about }
    }
}

/// The answer.
#[derive(Clone, Debug)]
pub(super) struct Described {
    /// The processes that were asked for, as far as they exist.
    pub(super) processes: BTreeMap<Pid, Option<Process>>,
    /// The users, by name if they have one.
    pub(super) users: BTreeMap<Uid, Option<Untrusted>>,
    /// How much was asked for.
    pub(super) about: About,
}

/// A process as it was described; none if it did not exist.
#[derive(Debug)]
struct Known {
    process: Option<Process>,
    about: About,
    at: Duration,
}

impl State {
    /// The lines that are on the screen, where it has room for so many.
    pub(super) fn visible(&self, room: usize) -> &[Item] {
        let rest = self.table.items.get(self.top..).unwrap_or_default();
        rest.get(..room).unwrap_or(rest)
    }

    /// Takes note of what is on the screen: keys are about that. Returns what is not described yet.
    pub(super) fn note_drawn(&mut self) -> Option<Asked> {
        if matches!(self.mode, Mode::Table) {
            self.drawn = self.current().cloned();
        }
        let rows = self.table.there(self.visible(self.room));
        let look = self.table.look.as_ref()?;
        let asked = self.table.names.missing(&rows, look, self.settings.about, self.now)?;
        self.table.names.is_asked = true;
        Some(asked)
    }
}

/// The descriptions.
#[derive(Debug, Default)]
pub(super) struct Names {
    processes: FxHashMap<Pid, Known>,
    users: BTreeMap<Uid, Option<Untrusted>>,
    /// Whether an answer is awaited.
    is_asked: bool,
}

impl Names {
    /// What has to be asked for these rows to be whole, unless an answer is awaited: the screen is drawn
    /// again when that has come.
    fn missing(&self, rows: &[Row<'_>], look: &Look, about: About, now: Duration) -> Option<Asked> {
        if self.is_asked {
            return None;
        }
        let look = &look.snapshot;
        let is_old = |pid: &Pid| !self.holds(*pid, look, about, now);
        let pids = rows.iter().flat_map(|row| row.owner.pids()).filter(is_old).collect();
        let named = |uid: &Uid| look.users.contains_key(uid) || self.users.contains_key(uid);
        let uids = rows.iter().filter(|_| about != About::Table);
        let uids = uids.filter_map(|row| row.socket.uid).filter(|uid| !named(uid)).collect();
        let asked = Asked { pids, uids, about };
        (!asked.pids.is_empty() || !asked.uids.is_empty()).then_some(asked)
    }

    /// Whether a description still holds. One of a process that had this PID before does not, and is asked
    /// again; not at each drawing, where the look itself is what is old.
    fn holds(&self, pid: Pid, look: &Snapshot, about: About, now: Duration) -> bool {
        self.processes.get(&pid).is_some_and(|known| {
            let age = now.saturating_sub(known.at);
            let is_same = age < AGAIN || known.is_of(look.processes.get(&pid));
            age < FRESH && known.about >= about && is_same
        })
    }

    /// Takes an answer.
    pub(super) fn note(&mut self, described: Described, now: Duration) {
        self.is_asked = false;
        self.processes.retain(|_, known| now.saturating_sub(known.at) < KEPT);
        let Described { processes, users, about } = described;
        let known = |(pid, process)| (pid, Known { process, about, at: now });
        self.processes.extend(processes.into_iter().map(known));
        self.users.extend(users);
    }

    /// What is known of these rows, and no sockets.
    pub(super) fn of(&self, rows: &[Row<'_>], look: &Look) -> Snapshot {
        let (about, look) = (look.about, &look.snapshot);
        let mut snapshot =
            Snapshot { privileged: look.privileged, ..Snapshot::empty(look.capabilities) };
        for row in rows {
            for pid in row.owner.pids() {
                let seen = look.processes.get(&pid);
                let own = self.processes.get(&pid);
                let own = own.filter(|known| known.about >= about && known.is_of(seen));
                let process = own.and_then(|known| known.process.as_ref()).or(seen);
                snapshot.processes.extend(process.map(|process| (pid, process.clone())));
            }
            let socket = &row.socket;
            let user = socket.uid.and_then(|uid| Some((uid, self.user(uid, look)?.clone())));
            snapshot.users.extend(user);
            snapshot.interfaces.extend(known(&look.interfaces, socket.interface));
            snapshot.creators.extend(known(&look.creators, socket.cgroup));
            snapshot.namespaces.extend(known(&look.namespaces, socket.netns));
        }
        snapshot
    }

    fn user<'a>(&'a self, uid: Uid, look: &'a Snapshot) -> Option<&'a Untrusted> {
        look.users.get(&uid).or_else(|| self.users.get(&uid)?.as_ref())
    }
}

impl Known {
    /// Whether it is of the process that the look has seen, as far as that can be told.
    fn is_of(&self, seen: Option<&Process>) -> bool {
        let birth = |process: Option<&Process>| process.and_then(|process| process.birth);
        birth(self.process.as_ref()).zip(birth(seen)).is_none_or(|(own, other)| own == other)
    }
}

fn known<K: Ord + Copy, V: Clone>(all: &BTreeMap<K, V>, key: Option<K>) -> Option<(K, V)> {
    key.and_then(|key| Some((key, all.get(&key)?.clone())))
}
