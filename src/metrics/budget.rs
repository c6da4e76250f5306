//! How many values each account may add. What is over that is merged.

use std::collections::{BTreeMap, BTreeSet};

/// How many values an account may add: more programs than a user's have sockets at once.
pub(super) const VALUES: usize = 20;

/// The values that accounts want to add.
#[derive(Debug)]
pub(super) struct Wanted<A, V>(BTreeMap<A, BTreeMap<V, bool>>);

impl<A: Ord, V: Ord> Wanted<A, V> {
    pub(super) const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// Adds a value; the first ones are admitted before others.
    pub(super) fn add(&mut self, account: A, value: V, is_first: bool) {
        *self.0.entry(account).or_default().entry(value).or_default() |= is_first;
    }

    /// Admits as many of each account as it may have: the first, and of equals the lesser.
    pub(super) fn admit(self) -> Admitted<A, V> {
        let mut merged = 0;
        let admitted = self.0.into_iter().map(|(account, values)| {
            let mut ranked: Vec<(bool, V)> =
                values.into_iter().map(|(value, is_first)| (!is_first, value)).collect();
            ranked.sort_unstable();
            merged += ranked.len().saturating_sub(VALUES);
            ranked.truncate(VALUES);
            (account, ranked.into_iter().map(|(_, value)| value).collect())
        });
        let values = admitted.collect();
        Admitted { values, merged }
    }
}

/// The values that were admitted.
#[derive(Debug)]
pub(super) struct Admitted<A, V> {
    values: BTreeMap<A, BTreeSet<V>>,
    /// How many were not.
    pub(super) merged: usize,
}

impl<A: Ord, V: Ord> Admitted<A, V> {
    /// Those of an account.
    pub(super) fn of(&self, account: &A) -> impl Iterator<Item = &V> {
        self.values.get(account).into_iter().flatten()
    }

    /// Whether a value is one of an account's.
    pub(super) fn contains(&self, account: &A, value: &V) -> bool {
        self.values.get(account).is_some_and(|values| values.contains(value))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ones_excess_is_not_anothers_loss() {
        let mut wanted = Wanted::new();
        (0..2000).for_each(|number| wanted.add("hostile", number, false));
        wanted.add("honest", 1999, false);
        let admitted = wanted.admit();
        assert!(admitted.contains(&"honest", &1999));
        assert_eq!(admitted.of(&"hostile").count(), VALUES);
        assert_eq!(admitted.merged, 1980);
    }

    #[test]
    fn the_first_come_before_others_and_equals_by_name() {
        let mut wanted = Wanted::new();
        (0..40).for_each(|number| wanted.add((), number, number >= 35));
        let admitted: Vec<i32> = wanted.admit().of(&()).copied().collect();
        assert_eq!(admitted, (0..15).chain(35..40).collect::<Vec<_>>());
    }
}
