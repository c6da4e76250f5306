//! The ports that unrelated processes hold, and what is said of them.

use std::collections::{BTreeMap, BTreeSet};

use super::holdings::Holdings;
use super::relations::Relations;
use crate::query::Row;
use crate::text::kill as text;

/// How many of the ports are reported with their holders.
const TOLD: usize = 10;

/// The ports that unrelated processes hold, where there is no terminal to ask which of them are
/// meant.
#[derive(Debug, Default)]
pub(super) struct Contested {
    told: BTreeMap<u16, String>,
    /// The others, and what is said of all of them.
    others: BTreeSet<u16>,
    of_others: String,
}

impl Contested {
    /// These ports, with a sentence for each as far as they are not too many.
    pub(super) fn new(ports: &BTreeSet<u16>, sentence: impl Fn(u16) -> String) -> Self {
        let told = ports.iter().take(TOLD).map(|port| (*port, sentence(*port))).collect();
        let others: BTreeSet<u16> = ports.iter().skip(TOLD).copied().collect();
        Self { told, of_others: text::more_contested(others.len()), others }
    }

    /// What is said of those among `ports`; nothing where no such process holds one.
    pub(super) fn sentences(&self, ports: &BTreeSet<u16>) -> Vec<&str> {
        let told = self.told.iter().filter(|(port, _)| ports.contains(port));
        let others = (!self.others.is_disjoint(ports)).then_some(self.of_others.as_str());
        told.map(|(_, sentence)| sentence.as_str()).chain(others).collect()
    }
}

/// The ports whose holders are not all related. A holder that cannot be seen is unrelated to all.
pub(super) fn contested_ports(
    holdings: &Holdings<'_>,
    relations: &Relations,
    picked: &[bool],
    unseen: &[Row<'_>],
) -> BTreeSet<u16> {
    let is_picked = |place: &&usize| picked.get(**place).copied().unwrap_or_default();
    let mut set_on: BTreeMap<u16, usize> = BTreeMap::new();
    let unseen: BTreeSet<u16> = unseen.iter().map(|row| row.socket.local.port).collect();
    let mut contested = BTreeSet::new();
    for (row, list) in holdings.rows() {
        let port = row.socket.local.port;
        for place in holdings.list(*list).iter().filter(is_picked) {
            let set = relations.set_of(*place);
            if *set_on.entry(port).or_insert(set) != set || unseen.contains(&port) {
                contested.insert(port);
                break;
            }
        }
    }
    contested
}
