//! Sockets with the same owner, which are told of and closed together.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use crate::model::{KernelReason, OwnedSocket, Owner, Pid, Uid};
use crate::query::Row;

/// How many groups are reported and asked about one by one: a user may give each of many sockets other
/// holders.
pub(super) const GROUPS_TOLD: usize = 16;

/// Sockets with the same owner.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The sockets; one at least.
    pub(super) sockets: Vec<Row<'a>>,
    /// How many more owners the sockets have: where there are too many groups to report each, the last
    /// one has several.
    pub(super) more_owners: usize,
    /// The processes that hold them.
    holders: BTreeSet<Pid>,
}

impl Group<'_> {
    /// Their owner; of several the first.
    pub(super) fn owner(&self) -> Option<&Owner> {
        self.sockets.first().map(|row| &row.owner)
    }

    /// The processes that hold them.
    pub(super) const fn pids(&self) -> &BTreeSet<Pid> {
        &self.holders
    }
}

/// What sockets with the same owner have in common.
#[derive(PartialEq, Eq, Hash)]
enum OwnerKey {
    Processes(Vec<Pid>),
    Kernel(KernelReason),
    Hidden(Option<Uid>),
    NotFound,
    Exited(Pid),
}

impl OwnerKey {
    fn of(row: &OwnedSocket) -> Self {
        match row.owner {
            Owner::Processes(_) => Self::Processes(row.owner.pids().collect()),
            Owner::Kernel(reason) => Self::Kernel(reason),
            Owner::Hidden => Self::Hidden(row.socket.uid),
            Owner::NotFound => Self::NotFound,
            Owner::Exited(pid) => Self::Exited(pid),
        }
    }
}

/// Sockets by owner, in the order of their first ones.
#[derive(Default)]
pub(super) struct Groups<'a> {
    numbers: FxHashMap<OwnerKey, usize>,
    sockets: Vec<Vec<Row<'a>>>,
}

impl<'a> Groups<'a> {
    /// Adds a row to the group of its owner.
    pub(super) fn add(&mut self, row: Row<'a>) {
        let next = self.sockets.len();
        let number = *self.numbers.entry(OwnerKey::of(row)).or_insert(next);
        match self.sockets.get_mut(number) {
            Some(sockets) => sockets.push(row),
            None => self.sockets.push(vec![row]),
        }
    }

    /// As many groups as are reported one by one. Of those beyond, those with processes are one group
    /// more, and all others one.
    pub(super) fn bounded(self) -> Vec<Group<'a>> {
        let mut told = self.sockets;
        let rest =
            if told.len() > GROUPS_TOLD + 1 { told.split_off(GROUPS_TOLD) } else { Vec::new() };
        let mut groups: Vec<Group<'a>> = told.into_iter().map(|rows| group(vec![rows])).collect();
        let (of_processes, of_others): (Vec<_>, Vec<_>) =
            rest.into_iter().partition(|rows| has_process(rows));
        let crowds = [of_processes, of_others].into_iter().filter(|crowd| !crowd.is_empty());
        groups.extend(crowds.map(group));
        groups
    }
}

fn has_process(rows: &[Row<'_>]) -> bool {
    rows.first().is_some_and(|row| !row.owner.holders().is_empty())
}

/// Where the first socket of a group stands among the `rows`.
pub(super) fn place(group: &Group<'_>, rows: &[Row<'_>]) -> Option<usize> {
    let first = group.sockets.first()?;
    rows.iter().position(|row| std::ptr::eq(*row, *first))
}

/// A group of sockets that have these owners.
fn group(owners: Vec<Vec<Row<'_>>>) -> Group<'_> {
    // All sockets of an owner have the same holders.
    let firsts = owners.iter().filter_map(|rows| rows.first());
    let holders = firsts.flat_map(|row| row.owner.pids()).collect();
    let more_owners = owners.len().saturating_sub(1);
    Group { sockets: owners.into_iter().flatten().collect(), more_owners, holders }
}
