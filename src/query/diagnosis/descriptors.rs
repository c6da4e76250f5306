//! Processes that have hardly any descriptors left.

use std::collections::BTreeMap;

use super::{Look, suspicion};
use crate::model::{Culprit, Evidence, Pid, Suspicion};

/// The descriptors of each owner of a socket.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let mut sockets: BTreeMap<Pid, usize> = BTreeMap::new();
    for row in &look.snapshot.sockets {
        for pid in row.owner.pids() {
            *sockets.entry(pid).or_default() += 1;
        }
    }
    let measured = look.particulars.iter().filter_map(|(pid, own)| {
        let (used, limit) = own.descriptors.zip(own.descriptor_limit)?;
        let sockets = sockets.get(pid).copied().unwrap_or_default();
        let evidence = Evidence::DescriptorsNearlyUsed { limit, sockets };
        let count = usize::try_from(used).unwrap_or(usize::MAX);
        Some(suspicion(Culprit::Processes([*pid].into()), count, evidence))
    });
    measured.collect()
}
