//! How much of each user's processes a search reads, and what it leaves out.
//!
//! A user may have any number of processes, threads and io_urings, and a search for owners reads
//! them all. So each user has a budget, and what one user's processes cost is taken from that
//! user's alone: the owners among other users' processes are found whatever one user does. Work
//! is counted, in descriptors and in bytes, and so is the time on a core, since what a descriptor
//! costs is in its user's hands: 1 to 3 µs as a rule, and 50 µs where it leads down a long path. Of
//! every user some is read before more is read of any.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::{bounds, core_time};
use crate::model::{LeftOut, Uid};

/// What is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Kind {
    /// Descriptors in the tables of processes.
    Processes,
    /// Descriptors in tables of threads' own.
    Threads,
    /// Comparisons by kcmp(2).
    Comparisons,
    /// Bytes of rings.
    Rings,
}

impl Kind {
    const fn limit(self) -> u64 {
        match self {
            Self::Processes => bounds::SEARCH_DESCRIPTORS,
            Self::Threads => bounds::SEARCH_THREAD_DESCRIPTORS,
            Self::Comparisons => bounds::SEARCH_COMPARISONS,
            Self::Rings => bounds::SEARCH_RING_BYTES,
        }
    }
}

/// Whose budget a process is read from that looks like root's, before it is asked whose it is: one
/// that is not dumpable (prctl(2)) looks so, whoever runs it. No user has this number (chown(2)).
pub(super) const UNASKED: Uid = Uid(u32::MAX);

/// How long the processes of a user may be read.
const fn longest(user: Uid) -> Option<Duration> {
    match user {
        // Root is not an attacker.
        Uid(0) => None,
        UNASKED => Some(bounds::SEARCH_TIME_UNASKED),
        _ => Some(bounds::SEARCH_TIME_OF_USER),
    }
}

/// The budgets of all users in one run. All threads of the search share them.
#[derive(Debug)]
pub(super) struct Budgets {
    /// The users whose sockets are searched for, and root.
    first: Vec<Uid>,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    spent: BTreeMap<(Uid, Kind), u64>,
    /// What others than the first have spent together.
    others: BTreeMap<Kind, u64>,
    time: BTreeMap<Uid, Duration>,
    /// What all but root have taken.
    time_of_all: Duration,
    left_out: BTreeMap<Uid, LeftOut>,
}

impl Accounts {
    fn spent(&self, user: Uid, kind: Kind) -> u64 {
        self.spent.get(&(user, kind)).copied().unwrap_or_default()
    }

    fn is_late(&self, user: Uid) -> bool {
        longest(user).is_some_and(|longest| {
            self.time.get(&user).is_some_and(|time| *time > longest)
                || self.time_of_all > bounds::SEARCH_TIME
        })
    }
}

impl Default for Budgets {
    /// Whole budgets.
    fn default() -> Self {
        Self { first: vec![Uid(0)], accounts: Mutex::default() }
    }
}

impl Budgets {
    /// Puts the users first whose sockets are searched for. Where those are many, each of them may be
    /// the one who makes the search expensive, and none comes first.
    pub(super) fn put_first(&mut self, users: BTreeSet<Uid>) {
        if users.len() <= bounds::SEARCH_FIRST_USERS {
            self.first.extend(users);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a user comes: those whose sockets are searched for, root, all others.
    pub(super) fn turn(&self, user: Uid) -> usize {
        match self.first.iter().position(|first| *first == user) {
            Some(_) if user.0 != 0 => 0,
            Some(_) => 1,
            None => 2,
        }
    }

    fn is_first(&self, user: Uid) -> bool {
        self.first.contains(&user)
    }

    /// How much of this user's budget is left.
    pub(super) fn left(&self, user: Uid, kind: Kind) -> u64 {
        self.left_of(&self.accounts(), user, kind)
    }

    fn left_of(&self, accounts: &Accounts, user: Uid, kind: Kind) -> u64 {
        if accounts.is_late(user) {
            return 0;
        }
        let limit = if user == UNASKED { bounds::SEARCH_UNASKED } else { kind.limit() };
        let left = limit.saturating_sub(accounts.spent(user, kind));
        if self.is_first(user) || user == UNASKED {
            return left;
        }
        let others = accounts.others.get(&kind).copied().unwrap_or_default();
        left.min((kind.limit() * bounds::SEARCH_USERS).saturating_sub(others))
    }

    /// Whether the time of this user is over.
    pub(super) fn is_late(&self, user: Uid) -> bool {
        self.accounts().is_late(user)
    }

    /// Whether the share is left that is read of every user before more is read of any.
    pub(super) fn is_share_left(&self, user: Uid) -> bool {
        let accounts = self.accounts();
        accounts.spent(user, Kind::Processes) < bounds::SEARCH_SHARE
            && accounts.time.get(&user).is_none_or(|time| *time < bounds::SEARCH_TIME_SHARE)
            && !accounts.is_late(user)
    }

    /// Takes `amount` off, if so much is left.
    pub(super) fn take(&self, user: Uid, kind: Kind, amount: u64) -> bool {
        let mut accounts = self.accounts();
        let is_enough = self.left_of(&accounts, user, kind) >= amount;
        if is_enough {
            self.charge_to(&mut accounts, user, kind, amount);
        }
        is_enough
    }

    /// Takes `amount` off, if anything is left: a well-behaved user's large table is not skipped for
    /// being larger than that.
    pub(super) fn start(&self, user: Uid, kind: Kind, amount: u64) -> bool {
        let mut accounts = self.accounts();
        let is_some = self.left_of(&accounts, user, kind) > 0;
        if is_some {
            self.charge_to(&mut accounts, user, kind, amount);
        }
        is_some
    }

    /// Takes off what was read already.
    pub(super) fn charge(&self, user: Uid, kind: Kind, amount: u64) {
        self.charge_to(&mut self.accounts(), user, kind, amount);
    }

    fn charge_to(&self, accounts: &mut Accounts, user: Uid, kind: Kind, amount: u64) {
        *accounts.spent.entry((user, kind)).or_default() += amount;
        if !self.is_first(user) {
            *accounts.others.entry(kind).or_default() += amount;
        }
    }

    /// Notes how long one user's were read.
    pub(super) fn note_time(&self, user: Uid, time: Duration) {
        let mut accounts = self.accounts();
        *accounts.time.entry(user).or_default() += time;
        if user.0 != 0 {
            accounts.time_of_all += time;
        }
    }

    /// Notes what is not read.
    pub(super) fn leave_out(&self, user: Uid, what: LeftOut) {
        self.accounts().left_out.entry(user).or_default().add(what);
    }

    /// What was not read, by user.
    pub(super) fn left_out(&self) -> BTreeMap<Uid, LeftOut> {
        self.accounts().left_out.clone()
    }
}

/// The time on a core of one thread of the search.
#[derive(Debug)]
pub(super) struct Stopwatch(Duration);

impl Stopwatch {
    /// Starts.
    pub(super) fn start() -> Self {
        Self(core_time::of_this_thread())
    }

    /// The time since the start, or since it was last asked.
    pub(super) fn lap(&mut self) -> Duration {
        let now = core_time::of_this_thread();
        now.saturating_sub(std::mem::replace(&mut self.0, now))
    }
}

#[cfg(test)]
mod tests;
