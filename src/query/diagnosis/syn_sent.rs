//! Processes that wait for the first answer of many addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use super::{Look, suspicion};
use crate::model::{Culprit, Evidence, Suspicion, TcpState};

/// The addresses that each process waits for.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let mut groups: BTreeMap<Culprit, FanOut> = BTreeMap::new();
    for row in look.rows(&[TcpState::SynSent]) {
        if let Some(foreign) = row.socket.foreign {
            let fan_out = groups.entry(look.culprit(row)).or_default();
            fan_out.sockets += 1;
            fan_out.addresses.insert(foreign.address);
            *fan_out.ports.entry(foreign.port).or_default() += 1;
        }
    }
    let measured = groups.into_iter().map(|(culprit, FanOut { sockets, addresses, ports })| {
        suspicion(culprit, addresses.len(), Evidence::SynSentFanOut { sockets, ports })
    });
    measured.collect()
}

#[derive(Default)]
struct FanOut {
    sockets: usize,
    addresses: BTreeSet<IpAddr>,
    ports: BTreeMap<u16, usize>,
}
