//! Which of the processes that hold a port are related, so that a request for the port is one for all
//! of them.
//!
//! A descriptor can be passed to any process that takes it (SCM_RIGHTS in unix(7)), so holding the
//! same socket relates no processes by itself.

use std::collections::{BTreeMap, BTreeSet};

use super::ancestry::{WorkerKey, ancestors, worker_keys};
use crate::model::{Pid, Process, Socket, Uid};
use crate::query::Row;

/// The holders of the ports that were asked for, in sets of related ones.
#[derive(Debug, Default)]
pub(super) struct Relations {
    /// The set of each holder, by its number.
    set_of: BTreeMap<Pid, usize>,
    sets: BTreeMap<usize, Set>,
}

/// Related holders.
#[derive(Debug, Default)]
struct Set {
    members: BTreeSet<Pid>,
    /// Their users.
    users: BTreeSet<Uid>,
    /// The users, root aside, whose sockets one of them holds as another user.
    foreign_to: BTreeSet<Uid>,
}

impl Set {
    fn is_foreign_to(&self, other: &Self) -> bool {
        !self.foreign_to.is_disjoint(&other.users)
    }
}

/// Whether a process holds a socket that another user, who is not root, has created: the uid of a
/// socket stays its creator's when it is passed on. A process whose user is unknown is foreign to every socket but root's.
pub(super) fn is_foreign(socket: &Socket, holder: Option<&Process>) -> bool {
    let user = holder.and_then(|process| process.uid);
    socket.uid.is_some_and(|creator| creator != Uid(0) && user != Some(creator))
}

impl Relations {
    /// The relations among the holders of `rows`. `processes` describes them and their ancestors,
    /// as far as they are known.
    pub(super) fn new(rows: &[Row<'_>], processes: &BTreeMap<Pid, Process>) -> Self {
        let mut relations = Self::default();
        for row in rows {
            for pid in row.owner.pids() {
                relations.add(pid, &row.socket, processes);
            }
        }
        for row in rows {
            relations.join_workers(row, processes);
        }
        let mut on_port: BTreeMap<u16, BTreeSet<Pid>> = BTreeMap::new();
        for row in rows {
            on_port.entry(row.socket.local.port).or_default().extend(row.owner.pids());
        }
        for holders in on_port.values() {
            relations.join_families(holders, processes);
        }
        relations
    }

    fn add(&mut self, pid: Pid, socket: &Socket, processes: &BTreeMap<Pid, Process>) {
        let number = self.sets.len();
        let number = *self.set_of.entry(pid).or_insert(number);
        let process = processes.get(&pid);
        let set = self.sets.entry(number).or_default();
        set.members.insert(pid);
        set.users.extend(process.and_then(|process| process.uid));
        set.foreign_to.extend(socket.uid.filter(|_| is_foreign(socket, process)));
    }

    /// Joins those that hold one socket as the same user, in the same session or unit, with the
    /// same program: workers whose parent has exited.
    fn join_workers(&mut self, row: Row<'_>, processes: &BTreeMap<Pid, Process>) {
        let mut first: BTreeMap<WorkerKey<'_>, Pid> = BTreeMap::new();
        for pid in row.owner.pids() {
            for key in processes.get(&pid).map(worker_keys).unwrap_or_default() {
                let worker = *first.entry(key).or_insert(pid);
                self.join(worker, pid);
            }
        }
    }

    /// Joins those of which one descends from the other. Where a common parent is among the
    /// holders, that joins its children too.
    fn join_families(&mut self, holders: &BTreeSet<Pid>, processes: &BTreeMap<Pid, Process>) {
        for &pid in holders {
            for ancestor in ancestors(pid, processes).filter(|pid| holders.contains(pid)) {
                self.join(ancestor, pid);
            }
        }
    }

    /// Makes one set of two, unless a member of one is foreign to a user of the other.
    fn join(&mut self, one: Pid, other: Pid) {
        let (Some(&kept), Some(&dissolved)) = (self.set_of.get(&one), self.set_of.get(&other))
        else {
            return;
        };
        let may_join = |kept: &Set, dissolved: &Set| {
            !kept.is_foreign_to(dissolved) && !dissolved.is_foreign_to(kept)
        };
        let sets = self.sets.get(&kept).zip(self.sets.get(&dissolved));
        if kept == dissolved || !sets.is_some_and(|(a, b)| may_join(a, b)) {
            return;
        }
        let Some(dissolved) = self.sets.remove(&dissolved) else { return };
        self.set_of.extend(dissolved.members.iter().map(|pid| (*pid, kept)));
        let set = self.sets.entry(kept).or_default();
        set.members.extend(dissolved.members);
        set.users.extend(dissolved.users);
        set.foreign_to.extend(dissolved.foreign_to);
    }

    /// The set that a holder is in.
    pub(super) fn set_of(&self, pid: Pid) -> Option<usize> {
        self.set_of.get(&pid).copied()
    }

    /// Divides `holders` into related ones, in the order of their PIDs.
    pub(super) fn divide(&self, holders: &BTreeSet<Pid>) -> Vec<BTreeSet<Pid>> {
        let mut parts: Vec<(Option<usize>, BTreeSet<Pid>)> = Vec::new();
        for &pid in holders {
            let set = self.set_of(pid);
            match parts.iter_mut().find(|(number, _)| *number == set) {
                Some((_, part)) => drop(part.insert(pid)),
                None => parts.push((set, BTreeSet::from([pid]))),
            }
        }
        parts.into_iter().map(|(_, part)| part).collect()
    }
}

#[cfg(test)]
mod tests;
