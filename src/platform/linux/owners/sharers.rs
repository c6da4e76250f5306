//! Processes that share one table of descriptors (`CLONE_FILES` in clone(2)), named for what is found there.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::os::fd::OwnedFd;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::ffi;
use super::budgets::{Budgets, Kind, UNASKED};
use super::findings::{Findings, Sharer};
use super::search::user_of;
use crate::model::{Holder, LeftOut, Pid, Uid};

/// Processes by the one whose table they share.
pub(super) type Sharers = BTreeMap<Pid, Vec<Pid>>;

/// Who pays for what is named.
#[derive(Debug)]
pub(super) struct Payers<'a> {
    /// Where processes are asked whose they are.
    pub(super) proc: &'a OwnedFd,
    /// What each may spend.
    pub(super) budgets: &'a Budgets,
}

impl Payers<'_> {
    /// Takes so much off the budget that a process is named from. One that was not asked whose it is, is
    /// asked when nothing is left to those.
    fn take(&self, sharer: &Sharer, amount: u64) -> bool {
        let take = |user| self.budgets.take(user, Kind::Processes, amount);
        take(sharer.user) || (sharer.user == UNASKED && take(self.user(sharer)))
    }

    /// Notes so many descriptors that are not named, for the user whose process it is.
    pub(super) fn leave_out(&self, sharer: &Sharer, descriptors: usize) {
        let left_out = LeftOut { descriptors, ..LeftOut::default() };
        self.budgets.leave_out(self.user(sharer), left_out);
    }

    fn user(&self, sharer: &Sharer) -> Uid {
        match sharer.user {
            UNASKED => user_of(self.proc, sharer.pid, Uid(0)),
            user => user,
        }
    }
}

/// Names the processes that share a table for what was found there. That it was read to its end is
/// certain where both still share it; who shares with one that is gone stays in `unsettled`.
pub(super) fn name(
    findings: &mut Findings,
    unsettled: &mut Vec<Sharer>,
    sharers: &mut Sharers,
    payers: &Payers<'_>,
) {
    let shared: FxHashSet<Pid> = unsettled.iter().map(|sharer| sharer.with).collect();
    let mut held: FxHashMap<Pid, Vec<(u64, Option<u32>)>> = FxHashMap::default();
    for (inode, holder) in findings.held.iter().filter(|(_, holder)| shared.contains(&holder.pid)) {
        held.entry(holder.pid).or_default().push((*inode, holder.descriptor));
    }
    unsettled.retain(|sharer| {
        let Sharer { pid, with, .. } = *sharer;
        if !ffi::compare_tables(with.0, pid.0).is_ok_and(Ordering::is_eq) {
            return true;
        }
        sharers.entry(with).or_default().push(pid);
        let held = held.get(&with).map(Vec::as_slice).unwrap_or_default();
        if !payers.take(sharer, held.len() as u64) {
            payers.leave_out(sharer, held.len());
            return false;
        }
        let held = held.iter().copied();
        findings.held.extend(held.map(|(inode, descriptor)| (inode, Holder { pid, descriptor })));
        false
    });
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::super::bounds;
    use super::super::super::proc_dir::open_proc;
    use super::*;

    /// What is found at this process is named for a sharer, which is this process too.
    fn named(user: Uid, budgets: &Budgets) -> usize {
        let pid = Pid(std::process::id());
        let held = vec![(4711, Holder { pid, descriptor: Some(3) })];
        let mut findings = Findings { held, ..Findings::default() };
        let mut unsettled = vec![Sharer { pid, user, with: pid }];
        let proc = open_proc().unwrap();
        let payers = Payers { proc: &proc, budgets };
        name(&mut findings, &mut unsettled, &mut Sharers::new(), &payers);
        assert_eq!(unsettled, []);
        findings.held.len() - 1
    }

    #[test]
    fn a_sharer_is_asked_whose_it_is_where_those_who_were_not_asked_have_spent_all() {
        let budgets = Budgets::default();
        assert_eq!(named(UNASKED, &budgets), 1);
        budgets.note_time(UNASKED, bounds::SEARCH_TIME_UNASKED * 2);
        assert_eq!(named(UNASKED, &budgets), 1);
        assert_eq!(budgets.left_out(), BTreeMap::new());
    }

    #[test]
    fn what_is_left_out_is_that_of_a_user() {
        let budgets = Budgets::default();
        let pid = Pid(std::process::id());
        let proc = open_proc().unwrap();
        let sharer = Sharer { pid, user: UNASKED, with: pid };
        Payers { proc: &proc, budgets: &budgets }.leave_out(&sharer, 1);
        let own = Uid(rustix::process::getuid().as_raw());
        assert_eq!(budgets.left_out().into_keys().collect::<Vec<_>>(), [own]);
    }

    #[test]
    fn what_a_user_cannot_pay_is_left_out() {
        let budgets = Budgets::default();
        budgets.note_time(Uid(4000), Duration::from_mins(1));
        assert_eq!(named(Uid(4000), &budgets), 0);
        let left_out = LeftOut { descriptors: 1, ..LeftOut::default() };
        assert_eq!(budgets.left_out(), BTreeMap::from([(Uid(4000), left_out)]));
    }
}
