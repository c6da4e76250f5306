//! Which of the processes that hold a port are related, so that a request for the port is one for all
//! of them.
//!
//! A descriptor can be passed to any process that takes it (SCM_RIGHTS in unix(7)), so holding the
//! same socket relates no processes by itself.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::ancestry::{Families, Members, numbered_keys};
use super::holdings::{Holdings, Place};
use super::sets::Sets;
use crate::model::{Pid, Process, Socket, Uid};

/// How many of its ancestors a holder is tried with that may not be in one set with it. Those beyond
/// stay unrelated, which ends nothing by mistake.
const REFUSALS: usize = 8;

/// The holders of the ports that were asked for, in sets of related ones.
#[derive(Debug, Default)]
pub(super) struct Relations {
    sets: Sets,
    /// What is known of each set, at the place of the member that stands for it.
    traits: Vec<Traits>,
}

/// What is known of related holders.
#[derive(Debug, Default)]
struct Traits {
    /// Their users.
    users: BTreeSet<Uid>,
    /// The users, root aside, whose sockets one of them holds as another user.
    foreign_to: BTreeSet<Uid>,
}

impl Traits {
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
    /// The relations among the holders. `processes` describes them and their ancestors, as far as
    /// they are known.
    pub(super) fn new(holdings: &Holdings<'_>, processes: &BTreeMap<Pid, Process>) -> Self {
        let user = |pid| processes.get(pid).and_then(|process| process.uid);
        let traits = holdings.pids().iter().map(|pid| Traits {
            users: user(pid).into_iter().collect(),
            foreign_to: BTreeSet::new(),
        });
        let sets = Sets::of(holdings.pids().len());
        let mut relations = Self { sets, traits: traits.collect() };
        relations.note_foreign(holdings, processes);
        relations.join_workers(holdings, processes);
        relations.join_families(holdings, processes);
        relations
    }

    fn note_foreign(&mut self, holdings: &Holdings<'_>, processes: &BTreeMap<Pid, Process>) {
        for (row, holders) in holdings.kinds() {
            for &place in holders {
                let process = holdings.pid(place).and_then(|pid| processes.get(&pid));
                let creator = row.socket.uid.filter(|_| is_foreign(&row.socket, process));
                if let Some(traits) = self.traits.get_mut(place) {
                    traits.foreign_to.extend(creator);
                }
            }
        }
    }

    /// Joins those that hold one socket as the same user, in the same session or unit, with the
    /// same program: workers whose parent has exited.
    fn join_workers(&mut self, holdings: &Holdings<'_>, processes: &BTreeMap<Pid, Process>) {
        let keys = numbered_keys(holdings, processes);
        let mut first: FxHashMap<usize, Place> = FxHashMap::default();
        for holders in holdings.lists() {
            first.clear();
            for &place in holders {
                for key in keys.get(place).into_iter().flatten() {
                    let worker = *first.entry(*key).or_insert(place);
                    self.join(worker, place);
                }
            }
        }
    }

    /// Joins those on one port of which one descends from the other. Where a common parent is among
    /// the holders, that joins its children too.
    fn join_families(&mut self, holdings: &Holdings<'_>, processes: &BTreeMap<Pid, Process>) {
        let mut on_port: BTreeMap<u16, BTreeSet<usize>> = BTreeMap::new();
        for (row, list) in holdings.rows() {
            on_port.entry(row.socket.local.port).or_default().insert(*list);
        }
        let families = Families::new(holdings, processes);
        let mut members = Members::none(holdings.pids().len());
        let ports: BTreeSet<BTreeSet<usize>> = on_port.into_values().collect();
        for lists in ports {
            let holders = lists.iter().flat_map(|list| holdings.list(*list)).copied();
            members.fill(holders);
            self.join_members(&families, &members);
        }
    }

    fn join_members(&mut self, families: &Families, members: &Members) {
        let mut families = families.among(members);
        for &place in members.places() {
            let mut ancestor = families.nearest(place);
            for _ in 0..REFUSALS {
                let Some(next) = ancestor.filter(|ancestor| *ancestor != place) else { break };
                // What descends from that one is joined when its turn comes.
                if self.join(next, place) {
                    break;
                }
                ancestor = families.nearest(next);
            }
        }
    }

    /// Makes one set of two, unless a member of one is foreign to a user of the other. Returns
    /// whether they are in one set then.
    fn join(&mut self, one: Place, other: Place) -> bool {
        let (one, other) = (self.sets.find(one), self.sets.find(other));
        if one == other {
            return true;
        }
        let both = self.traits.get(one).zip(self.traits.get(other));
        if !both.is_some_and(|(one, other)| !one.is_foreign_to(other) && !other.is_foreign_to(one))
        {
            return false;
        }
        let Some((kept, joined)) = self.sets.unite(one, other) else { return true };
        let joined = self.traits.get_mut(joined).map(std::mem::take).unwrap_or_default();
        if let Some(traits) = self.traits.get_mut(kept) {
            traits.users.extend(joined.users);
            traits.foreign_to.extend(joined.foreign_to);
        }
        true
    }

    /// The set that a holder is in, by a number.
    pub(super) fn set_of(&self, place: Place) -> usize {
        self.sets.find(place)
    }

    /// Divides `holders` into related ones, in their order.
    pub(super) fn divide(&self, holders: &[Place]) -> Vec<Vec<Place>> {
        let mut numbers: FxHashMap<usize, usize> = FxHashMap::default();
        let mut parts: Vec<Vec<Place>> = Vec::new();
        for &place in holders {
            let number = *numbers.entry(self.set_of(place)).or_insert(parts.len());
            match parts.get_mut(number) {
                Some(part) => part.push(place),
                None => parts.push(vec![place]),
            }
        }
        parts
    }
}

#[cfg(test)]
mod tests;
