//! What the threads of a search have in common.

use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::proc_dir::read_file;
use super::budgets::Budgets;
use super::sharing::{Known, Settled};
use crate::model::{Pid, Uid};
use crate::platform::decode::proc_status;
use rustc_hash::FxHashSet;

/// Inode numbers of sockets.
pub(in crate::platform::linux) type Inodes = FxHashSet<u64>;

/// What all threads of a search share.
#[derive(Debug)]
pub(super) struct Search<'a> {
    /// The inodes to search for.
    pub(super) wanted: &'a Inodes,
    /// What may still be spent on each user's processes.
    pub(super) budgets: &'a Budgets,
    /// See [`descriptors::can_be_named`](super::descriptors::can_be_named).
    pub(super) can_be_named: bool,
    /// The processes that share the table of another one, by that one.
    pub(super) sharers: BTreeMap<Pid, Vec<Pid>>,
    /// The processes whose large tables are read, by user: one user's tell nothing of another's.
    large: Mutex<BTreeMap<Uid, Known<u32>>>,
    /// After how many descriptors it is given up, for another way to be taken.
    patience: u64,
    /// How many there are in the tables that were opened, or were read where that is not shown.
    met: AtomicU64,
}

impl<'a> Search<'a> {
    /// A search for `wanted`.
    pub(super) fn new(wanted: &'a Inodes, budgets: &'a Budgets, can_be_named: bool) -> Self {
        let sharers = BTreeMap::new();
        let (large, met) = (Mutex::default(), AtomicU64::new(0));
        Self { wanted, budgets, can_be_named, sharers, large, patience: u64::MAX, met }
    }

    /// The same, which is given up after so many descriptors.
    pub(super) fn with_patience(self, patience: u64) -> Self {
        Self { patience, ..self }
    }

    /// Counts descriptors that are there to be read, or were read. Whether the search goes on.
    pub(super) fn meet(&self, descriptors: u64) -> bool {
        let before = self.met.fetch_add(descriptors, Ordering::Relaxed);
        before.saturating_add(descriptors) <= self.patience
    }

    /// Whether the search is given up.
    pub(super) fn is_given_up(&self) -> bool {
        self.met.load(Ordering::Relaxed) > self.patience
    }

    /// Whether the large table of this process is that of another one, which is read already.
    pub(super) fn settle_large(&self, user: Uid, pid: Pid) -> Option<Pid> {
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        let large = large.entry(user).or_default();
        match large.settle(pid.0) {
            Settled::Same(place) => large.get(place).map(|other| Pid(*other)),
            Settled::New(_) | Settled::Unknown => None,
        }
    }
}

/// Who runs a process: what is read of it is taken off that user's budget. `shown` is the user that
/// its files in /proc belong to: root where it is not dumpable (prctl(2)), whoever runs it, and then
/// its real user counts, which no program changes without the right to (credentials(7)).
pub(super) fn user_of(proc: impl AsFd, pid: Pid, shown: Uid) -> Uid {
    if shown.0 != 0 {
        return shown;
    }
    let status = read_file(proc, format!("{pid}/status"));
    status.ok().and_then(|file| proc_status::real_user(&file)).unwrap_or(shown)
}
