//! How many values each account may add. What is over that is merged.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::Hash;
use std::time::SystemTime;

use super::remembered::{Kind, Number, Remembered};

/// How many values an account may add: more programs than a user's have sockets at once.
pub(super) const VALUES: usize = 20;

/// The values that accounts want to add.
#[derive(Debug)]
pub(super) struct Wanted<A, V> {
    kind: Kind,
    accounts: BTreeMap<A, BTreeMap<V, bool>>,
}

impl<A: Ord + Hash, V: Ord + Hash> Wanted<A, V> {
    pub(super) const fn new(kind: Kind) -> Self {
        Self { kind, accounts: BTreeMap::new() }
    }

    /// Adds a value. What the system runs is admitted before others.
    pub(super) fn add(&mut self, account: A, value: V, is_systems: bool) {
        *self.accounts.entry(account).or_default().entry(value).or_default() |= is_systems;
    }

    /// Admits as many of each account as it may have: the system's, then others up to `most_of_others`,
    /// those first that were admitted before, and of equals the lesser. A value of others keeps its place
    /// until Prometheus has forgotten it.
    pub(super) fn admit(
        self,
        remembered: &mut Remembered,
        now: SystemTime,
        most_of_others: impl Fn(&A) -> usize,
    ) -> Admitted<A, V> {
        let mut admitted = Admitted { values: BTreeMap::new(), merged: 0 };
        remembered.forget_before(now);
        for (account, values) in self.accounts {
            let all = values.len();
            let (mut chosen, others) = of_system(values);
            let most = most_of_others(&account).min(VALUES - chosen.len());
            let number = Number::of(&account);
            let taken: BTreeSet<Number> = remembered.of(self.kind, number).collect();
            for (value, known) in chosen_of_others(others, &taken, most) {
                remembered.add(self.kind, number, known, now);
                chosen.insert(value);
            }
            admitted.merged += all - chosen.len();
            admitted.values.insert(account, chosen);
        }
        admitted
    }
}

/// Those that the system runs, no more than an account may have, and the others.
fn of_system<V: Ord>(values: BTreeMap<V, bool>) -> (BTreeSet<V>, Vec<V>) {
    let (systems, others): (Vec<_>, Vec<_>) =
        values.into_iter().partition(|(_, is_systems)| *is_systems);
    let systems = systems.into_iter().map(|(value, _)| value).take(VALUES);
    (systems.collect(), others.into_iter().map(|(value, _)| value).collect())
}

/// As many of `values` as may be shown, where those in `taken` have a place.
fn chosen_of_others<V: Hash>(
    values: Vec<V>,
    taken: &BTreeSet<Number>,
    most: usize,
) -> impl Iterator<Item = (V, Number)> {
    let numbered = values.into_iter().map(|value| {
        let number = Number::of(&value);
        (value, number)
    });
    let (known, new): (Vec<_>, Vec<_>) = numbered.partition(|(_, number)| taken.contains(number));
    let free = most.saturating_sub(taken.len());
    known.into_iter().take(most).chain(new.into_iter().take(free))
}

/// The values that were admitted.
#[derive(Debug)]
pub(super) struct Admitted<A, V> {
    values: BTreeMap<A, BTreeSet<V>>,
    /// How many were not.
    pub(super) merged: usize,
}

impl<A: Ord, V: Ord> Admitted<A, V> {
    pub(super) const fn none() -> Self {
        Self { values: BTreeMap::new(), merged: 0 }
    }

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
    use std::time::Duration;

    use super::*;

    const NOW: SystemTime = SystemTime::UNIX_EPOCH;

    /// What of the values of one account is admitted, where 8 may be.
    fn admitted(
        values: impl Iterator<Item = i32>,
        remembered: &mut Remembered,
        hour: u64,
    ) -> Vec<i32> {
        let mut wanted = Wanted::new(Kind::Listener);
        values.for_each(|value| wanted.add((), value, value >= 1000));
        let now = NOW + Duration::from_hours(hour);
        wanted.admit(remembered, now, |()| 8).of(&()).copied().collect()
    }

    #[test]
    fn ones_excess_is_not_anothers_loss() {
        let mut wanted = Wanted::new(Kind::Owner);
        (0..2000).for_each(|number| wanted.add("hostile", number, false));
        wanted.add("honest", 1999, false);
        let admitted = wanted.admit(&mut Remembered::default(), NOW, |_| VALUES);
        assert!(admitted.contains(&"honest", &1999));
        assert_eq!(admitted.of(&"hostile").count(), VALUES);
        assert_eq!(admitted.merged, 1980);
    }

    #[test]
    fn the_systems_come_first_and_equals_by_name() {
        let found = admitted((0..40).chain(1000..1015), &mut Remembered::default(), 0);
        assert_eq!(found, (0..5).chain(1000..1015).collect::<Vec<_>>());
        let found = admitted((0..40).chain(1000..1040), &mut Remembered::default(), 0);
        assert_eq!(found, (1000..1020).collect::<Vec<_>>());
    }

    #[test]
    fn others_at_each_look_are_no_more_than_in_one() {
        let mut remembered = Remembered::default();
        let mut seen = BTreeSet::new();
        for look in 0..100 {
            seen.extend(admitted(look * 5..look * 5 + 5, &mut remembered, 0));
        }
        assert_eq!(seen, (0..8).collect());
    }

    #[test]
    fn a_place_is_kept_until_it_is_forgotten() {
        let mut remembered = Remembered::default();
        admitted(50..58, &mut remembered, 0);
        // Lesser ones wait, and what was there comes back.
        assert_eq!(admitted(0..58, &mut remembered, 2), (50..58).collect::<Vec<_>>());
        assert_eq!(admitted(0..8, &mut remembered, 4), [0; 0]);
        assert_eq!(admitted(0..9, &mut remembered, 5), (0..8).collect::<Vec<_>>());
    }

    #[test]
    fn what_the_system_runs_is_not_remembered() {
        let mut remembered = Remembered::default();
        admitted(1000..1020, &mut remembered, 0);
        assert!(remembered.is_empty());
        assert_eq!(admitted(1020..1040, &mut remembered, 0).len(), VALUES);
    }
}
