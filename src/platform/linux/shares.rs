//! How much of what each user controls has been read, so that the excess of one takes nothing from
//! the others.

use std::sync::Mutex;

use rustc_hash::FxHashMap;

use crate::model::Uid;

/// Equal shares for users, counted by all threads together. What is root's is not counted: root is not an
/// attacker, and no user can use up what is read of its daemons.
#[derive(Debug)]
pub(super) struct Shares {
    of_user: usize,
    in_all: usize,
    spent: Mutex<Spent>,
}

#[derive(Debug, Default)]
struct Spent {
    in_all: usize,
    by_user: FxHashMap<Option<Uid>, usize>,
}

impl Shares {
    /// So much for each user, and so much for all but root: a user with subordinate users
    /// (subuid(5)) has 65,536 shares.
    pub(super) fn new(of_user: usize, in_all: usize) -> Self {
        Self { of_user, in_all, spent: Mutex::default() }
    }

    /// How much is left to a user. Those whose user is not known have one share together.
    pub(super) fn left(&self, user: Option<Uid>) -> usize {
        if user == Some(Uid(0)) {
            return usize::MAX;
        }
        let Ok(spent) = self.spent.lock() else { return 0 };
        let of_user = spent.by_user.get(&user).copied().unwrap_or_default();
        let left_in_all = self.in_all.saturating_sub(spent.in_all);
        self.of_user.saturating_sub(of_user).min(left_in_all)
    }

    /// Counts what was read.
    pub(super) fn spend(&self, user: Option<Uid>, cost: usize) {
        if let Ok(mut spent) = self.spent.lock()
            && user != Some(Uid(0))
        {
            spent.in_all += cost;
            *spent.by_user.entry(user).or_default() += cost;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_that_is_spent_leaves_those_of_others() {
        let shares = Shares::new(100, 1000);
        let (one, other) = (Some(Uid(1000)), Some(Uid(1001)));
        shares.spend(one, 90);
        assert_eq!(shares.left(one), 10);
        shares.spend(one, 100);
        assert_eq!([one, other, None].map(|user| shares.left(user)), [0, 100, 100]);
    }

    #[test]
    fn many_users_are_bounded_together_and_root_is_not() {
        let shares = Shares::new(100, 250);
        for user in 1000..1003 {
            shares.spend(Some(Uid(user)), 100);
        }
        assert_eq!(shares.left(Some(Uid(1003))), 0);
        shares.spend(Some(Uid(0)), 1000);
        assert_eq!(shares.left(Some(Uid(0))), usize::MAX);
    }
}
