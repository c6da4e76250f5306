//! Processes that are ended together.

use std::collections::BTreeSet;

use super::refusal::{Refusal, refusal};
use super::relations::Relations;
use crate::commands::shared::installed::Programs;
use crate::model::{Pid, Process, Snapshot};
use crate::query::Row;

/// Related processes that hold sockets together: one cannot be ended without the others' socket
/// staying held.
#[derive(Clone, Debug, Default)]
pub(super) struct Group<'a> {
    /// The sockets they hold.
    pub(super) sockets: Vec<Row<'a>>,
    /// Those of the holders that were asked for, and no others.
    pub(super) holders: BTreeSet<Pid>,
    /// Others that hold these sockets and were asked for, but are unrelated: a group of their own.
    pub(super) unrelated: BTreeSet<Pid>,
    /// Why none of them is ended, if so.
    pub(super) refusal: Option<(Pid, Refusal)>,
}

impl<'a> Group<'a> {
    /// A group for each set of related holders. A refused one stays whole: one refused holder saves
    /// all.
    pub(super) fn divide(self, relations: &Relations) -> Vec<Self> {
        let parts = relations.divide(&self.holders);
        if self.refusal.is_some() || parts.len() < 2 {
            return vec![self];
        }
        parts.into_iter().map(|part| self.part(part)).collect()
    }

    fn part(&self, holders: BTreeSet<Pid>) -> Self {
        let is_held = |row: &Row<'_>| row.owner.pids().any(|pid| holders.contains(&pid));
        let sockets: Vec<Row<'a>> = self.sockets.iter().copied().filter(is_held).collect();
        let sharing: BTreeSet<Pid> = sockets.iter().flat_map(|row| row.owner.pids()).collect();
        let others = self.holders.difference(&holders).copied();
        let unrelated = others.filter(|pid| sharing.contains(pid)).collect();
        Self { sockets, holders, unrelated, refusal: None }
    }

    /// The ports they hold, of those asked for.
    pub(super) fn ports(&self) -> BTreeSet<u16> {
        self.sockets.iter().map(|row| row.socket.local.port).collect()
    }

    /// Everybody who holds one of the sockets, asked for or not.
    pub(super) fn all_holders(&self) -> BTreeSet<Pid> {
        self.sockets.iter().flat_map(|row| row.owner.pids()).collect()
    }

    pub(super) fn is_held_by(&self, pid: Pid) -> bool {
        self.sockets.iter().any(|row| row.owner.pids().any(|owner| owner == pid))
    }

    /// The first reason not to end the group; one refused holder saves all.
    pub(super) fn find_refusal(
        &self,
        snapshot: &Snapshot,
        own_ancestors: &[Pid],
        programs: &Programs,
    ) -> Option<(Pid, Refusal)> {
        let all_holders = self.all_holders();
        all_holders.iter().find_map(|&pid| {
            let others = all_holders.iter().filter(|other| **other != pid);
            let others: Vec<&Process> =
                others.filter_map(|other| snapshot.processes.get(other)).collect();
            let process = snapshot.processes.get(&pid);
            Some((
                pid,
                refusal(pid, process, &others, own_ancestors, programs, snapshot.capabilities)?,
            ))
        })
    }
}
