//! The descriptors of processes: of each owner's the one that is nearest to its limit.

use std::collections::BTreeMap;

use super::family::count;
use super::owners::Owners;
use super::{Family, LabelSet, Look};
use crate::model::Particulars;
use crate::model::Protocol;
use crate::text::metrics as text;

/// How full something is: so much of so much.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Fill {
    pub(super) used: u64,
    pub(super) limit: u64,
}

impl Fill {
    /// Whether it is fuller than another; of equally full ones the larger.
    pub(super) fn is_worse(self, other: Self) -> bool {
        let part = |one: Self, limit: u64| u128::from(one.used) * u128::from(limit.max(1));
        let (own, others) = (part(self, other.limit), part(other, self.limit));
        (own, self.used) > (others, other.used)
    }
}

/// Keeps the worst of each set of labels.
pub(super) fn keep_worst(worst: &mut BTreeMap<LabelSet, Fill>, labels: LabelSet, fill: Fill) {
    let known = worst.entry(labels).or_insert(fill);
    if fill.is_worse(*known) {
        *known = fill;
    }
}

/// How many descriptors are open, and how many may be. Where some sockets were not read, so were some
/// of the processes.
pub(super) fn descriptors(look: &Look<'_>, owners: &Owners<'_>) -> [Family; 2] {
    let mut worst: BTreeMap<LabelSet, Fill> = BTreeMap::new();
    let is_whole = look.has(Protocol::Tcp) && look.has(Protocol::Udp);
    let machines = [Some(look.diagnosis.machine), look.elsewhere].into_iter().flatten();
    for machine in machines.filter(|_| is_whole) {
        for pid in machine.owners().iter().filter(|pid| **pid != look.own) {
            let fill = machine.particulars.get(pid).and_then(fill);
            let Some((fill, charged)) = fill.zip(owners.of_process(*pid, machine)) else {
                continue;
            };
            let mut labels = LabelSet::new();
            owners.extend(&mut labels, &charged);
            keep_worst(&mut worst, labels, fill);
        }
    }
    pair(Family::gauge(text::OPEN_FDS), Family::gauge(text::MAX_FDS), worst)
}

fn fill(own: &Particulars) -> Option<Fill> {
    Some(Fill { used: own.descriptors?, limit: own.descriptor_limit? })
}

/// What is used and its limit as a family each.
pub(super) fn pair(
    mut used: Family,
    mut limit: Family,
    worst: BTreeMap<LabelSet, Fill>,
) -> [Family; 2] {
    for (labels, fill) in worst {
        used.set(labels.clone(), count(fill.used));
        limit.set(labels, count(fill.limit));
    }
    [used, limit]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fuller_is_worse_whatever_its_size() {
        let fill = |used, limit| Fill { used, limit };
        assert!(fill(9, 10).is_worse(fill(500, 1000)));
        assert!(!fill(500, 1000).is_worse(fill(9, 10)));
        assert!(fill(100, 200).is_worse(fill(5, 10)));
        assert!(!fill(5, 10).is_worse(fill(5, 10)));
        assert!(fill(1, 0).is_worse(fill(0, 0)));
    }
}
