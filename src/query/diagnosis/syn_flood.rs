//! Ports with handshakes that do not come to an end.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Look, suspicion};
use crate::model::{Culprit, Evidence, Suspicion, TcpState};

/// The half-open connections of each port.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let mut groups: BTreeMap<(u16, Culprit), (usize, BTreeSet<IpAddr>)> = BTreeMap::new();
    for row in look.rows(&[TcpState::SynReceived]) {
        let key = (row.socket.local.port, look.culprit(row));
        let (count, addresses) = groups.entry(key).or_default();
        *count += 1;
        addresses.extend(row.socket.foreign.map(|foreign| foreign.address));
    }
    let measured = groups.into_iter().map(|((port, culprit), (count, addresses))| {
        let evidence = Evidence::SynFlood { port, addresses: addresses.len() };
        suspicion(culprit, count, evidence)
    });
    measured.collect()
}
