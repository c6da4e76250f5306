//! What the kernel counts per socket that it drops.

use std::collections::BTreeMap;

use super::{Culprit, Looks};
use crate::model::{Endpoint, OwnedSocket};

/// Sockets of one culprit at one local end that have dropped something.
pub(super) struct Dropping<'a> {
    /// Whose they are.
    pub(super) culprit: Culprit,
    /// Where they are. Several may share it.
    pub(super) local: Endpoint,
    /// How much they have dropped since the earlier snapshot.
    pub(super) count: usize,
    /// The sockets.
    pub(super) rows: Vec<&'a OwnedSocket>,
}

/// Those of `rows` that have dropped something since the earlier snapshot, by culprit and end.
pub(super) fn dropping<'a>(
    looks: &Looks<'_>,
    rows: impl Iterator<Item = &'a OwnedSocket>,
) -> Vec<Dropping<'a>> {
    let mut groups: BTreeMap<(Culprit, Endpoint), Dropping<'a>> = BTreeMap::new();
    for row in rows {
        let Some(dropped) = looks.dropped_since(row).filter(|dropped| *dropped > 0) else {
            continue;
        };
        let (culprit, local) = (looks.machine.culprit(row), row.socket.local);
        let group = groups.entry((culprit, local)).or_insert_with(|| Dropping {
            culprit,
            local,
            count: 0,
            rows: Vec::new(),
        });
        group.count += dropped as usize;
        group.rows.push(row);
    }
    groups.into_values().collect()
}

/// Whether any of `rows` has ever dropped something.
pub(super) fn have_dropped<'a>(mut rows: impl Iterator<Item = &'a OwnedSocket>) -> bool {
    rows.any(|row| row.socket.drops.is_some_and(|drops| drops > 0))
}
