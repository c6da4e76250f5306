//! How much of each user's processes a search reads, and what it leaves out.
//!
//! A user may have any number of processes, threads and io_urings, and a search for owners reads
//! them all. So each user has a budget, and what one user's processes cost is taken from that
//! user's alone: the owners among everybody else's processes are found whatever one user does. Work
//! is counted, in descriptors and in bytes; time is only a backstop. On one core a descriptor takes
//! 1 to 3 µs (readlink(2) below /proc), and a page of an io_uring's fdinfo about 50 µs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::super::bounds;
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

/// The budgets of all users in one run. All threads of the search share them.
#[derive(Debug)]
pub(super) struct Budgets {
    /// The users whose sockets are looked for, and root.
    first: Vec<Uid>,
    accounts: Mutex<Accounts>,
}

#[derive(Debug, Default)]
struct Accounts {
    spent: BTreeMap<(Uid, Kind), u64>,
    /// What others than the first have spent together.
    others: BTreeMap<Kind, u64>,
    uncounted: u64,
    time: BTreeMap<Uid, Duration>,
    time_of_others: Duration,
    left_out: BTreeMap<Uid, LeftOut>,
}

impl Default for Budgets {
    /// Whole budgets.
    fn default() -> Self {
        Self { first: vec![Uid(0)], accounts: Mutex::default() }
    }
}

impl Budgets {
    /// Puts the users first whose sockets are looked for. Where those are many, each of them may be
    /// the one who makes the search expensive, and none comes first.
    pub(super) fn put_first(&mut self, users: BTreeSet<Uid>) {
        if users.len() <= bounds::SEARCH_FIRST_USERS {
            self.first.extend(users);
        }
    }

    fn accounts(&self) -> MutexGuard<'_, Accounts> {
        self.accounts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where a user comes: those whose sockets are looked for, root, all others.
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
        if accounts.time.get(&user).is_some_and(|time| *time > bounds::SEARCH_TIME) {
            return 0;
        }
        let spent = accounts.spent.get(&(user, kind)).copied().unwrap_or_default();
        let uncounted =
            if user.0 == 0 && kind == Kind::Processes { bounds::SEARCH_UNCOUNTED } else { 0 };
        let left = (kind.limit() + uncounted).saturating_sub(spent);
        if self.is_first(user) {
            return left;
        }
        if accounts.time_of_others > bounds::SEARCH_TIME {
            return 0;
        }
        let others = accounts.others.get(&kind).copied().unwrap_or_default();
        left.min((kind.limit() * bounds::SEARCH_USERS).saturating_sub(others))
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

    /// Takes `amount` off, if anything is left: an honest user's large table is not left out for
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

    /// Takes off descriptors that look like root's, without asking whose they are.
    pub(super) fn take_uncounted(&self, amount: u64) -> bool {
        let mut accounts = self.accounts();
        let is_enough = accounts.uncounted + amount <= bounds::SEARCH_UNCOUNTED;
        accounts.uncounted += if is_enough { amount } else { 0 };
        is_enough
    }

    /// Notes how long one user's were read by this thread: since then.
    pub(super) fn note_time(&self, user: Uid, since: Duration) {
        let time = time_of_this_thread().saturating_sub(since);
        let mut accounts = self.accounts();
        *accounts.time.entry(user).or_default() += time;
        if !self.is_first(user) {
            accounts.time_of_others += time;
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

/// How long this thread has been on a core.
pub(super) fn time_of_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOSTILE: Uid = Uid(4000);
    const HONEST: Uid = Uid(33);

    fn preferring(user: Uid) -> Budgets {
        let mut budgets = Budgets::default();
        budgets.put_first(BTreeSet::from([user]));
        budgets
    }

    #[test]
    fn what_one_user_spends_is_taken_from_nobody_else() {
        let budgets = Budgets::default();
        assert!(budgets.take(HOSTILE, Kind::Threads, bounds::SEARCH_THREAD_DESCRIPTORS));
        assert!(!budgets.take(HOSTILE, Kind::Threads, 1));
        assert_eq!(budgets.left(HOSTILE, Kind::Rings), bounds::SEARCH_RING_BYTES);
        for other in [HONEST, Uid(0)] {
            assert_eq!(budgets.left(other, Kind::Threads), bounds::SEARCH_THREAD_DESCRIPTORS);
        }
    }

    #[test]
    fn time_is_one_users_too() {
        let budgets = Budgets::default();
        budgets.accounts().time.insert(HOSTILE, bounds::SEARCH_TIME * 2);
        assert!(!budgets.start(HOSTILE, Kind::Processes, 1));
        assert!(budgets.start(HONEST, Kind::Processes, 1));
    }

    #[test]
    fn many_users_share_a_budget_that_the_first_do_not_need() {
        let budgets = preferring(HONEST);
        for hostile in 4000..6000 {
            budgets.take(Uid(hostile), Kind::Rings, bounds::SEARCH_RING_BYTES);
        }
        assert_eq!(budgets.left(Uid(9000), Kind::Rings), 0);
        assert_eq!(budgets.left(Uid(9000), Kind::Threads), bounds::SEARCH_THREAD_DESCRIPTORS);
        assert_eq!(budgets.left(HONEST, Kind::Rings), bounds::SEARCH_RING_BYTES);
        assert_eq!(budgets.left(Uid(0), Kind::Rings), bounds::SEARCH_RING_BYTES);
    }

    #[test]
    fn the_sockets_own_users_come_first_and_root_before_others() {
        let budgets = preferring(HONEST);
        assert_eq!([HONEST, Uid(0), HOSTILE].map(|user| budgets.turn(user)), [0, 1, 2]);
    }

    #[test]
    fn what_is_left_out_is_added_up_by_user() {
        let budgets = Budgets::default();
        budgets.leave_out(HOSTILE, LeftOut { rings: 2, ..LeftOut::default() });
        budgets.leave_out(HOSTILE, LeftOut { threads: 1, ..LeftOut::default() });
        let left_out = LeftOut { rings: 2, threads: 1, descriptors: 0 };
        assert_eq!(budgets.left_out(), BTreeMap::from([(HOSTILE, left_out)]));
    }
}
