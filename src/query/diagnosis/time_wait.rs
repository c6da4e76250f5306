//! TIME_WAIT that uses up the ephemeral ports to a destination, or the kernel's room for it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;

use super::{Look, suspicion};
use crate::model::{
    Culprit, Endpoint, Evidence, OwnedSocket, PortRange, PortRules, StateSet, Suspicion, TcpState,
    TimeWaitLimit,
};

/// An address here and a destination: between them a port can be used once.
type Path = (IpAddr, Endpoint);

/// TIME_WAIT against each of the limits that there are.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let mut found = Vec::new();
    if let Some(most) = look.settings.max_time_wait {
        let count = look.rows(&[TcpState::TimeWait]).count();
        let evidence = Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of: most };
        found.push(suspicion(Culprit::Nobody, count, evidence));
    }
    if let Some(range) = &look.rules.ephemeral {
        found.extend(by_path(range, look));
    }
    found
}

fn by_path(range: &PortRange, look: &Look<'_>) -> Vec<Suspicion> {
    let of = usable(range, look.rules);
    let mut waiting: BTreeMap<Path, usize> = BTreeMap::new();
    let mut in_use: FxHashMap<Path, usize> = FxHashMap::default();
    let mut holders: FxHashMap<Path, BTreeMap<Culprit, usize>> = FxHashMap::default();
    for row in &look.snapshot.sockets {
        let Some(path) = path(row, range) else { continue };
        *in_use.entry(path).or_default() += 1;
        if row.socket.state == Some(TcpState::TimeWait) {
            *waiting.entry(path).or_default() += 1;
        } else {
            let culprit = look.culprit(row);
            *holders.entry(path).or_default().entry(culprit).or_default() += 1;
        }
    }
    let measured = waiting.into_iter().map(|(path @ (local, foreign), count)| {
        let in_use = in_use.get(&path).copied().unwrap_or_default();
        let range = range.clone();
        let limit = TimeWaitLimit::EphemeralPorts { local, foreign, range, in_use };
        let culprit = holders.get(&path).map_or(Culprit::Nobody, most_of);
        suspicion(culprit, count, Evidence::TimeWaitPressure { limit, of })
    });
    measured.collect()
}

/// The path of a connection that left from an ephemeral port.
fn path(row: &OwnedSocket, range: &PortRange) -> Option<Path> {
    let socket = &row.socket;
    let is_connection = socket.state.is_some_and(|state| StateSet::CONNECTED.contains(state));
    let leaves = is_connection && range.contains(&socket.local.port);
    leaves.then_some((socket.local.address, socket.foreign?))
}

/// How many ports are handed out by themselves.
fn usable(range: &PortRange, rules: &PortRules) -> u64 {
    let reserved = rules.reserved.iter().chain(&rules.excluded).cloned();
    let reserved: crate::query::PortSet = reserved.collect();
    range.clone().filter(|port| !reserved.contains(*port)).count() as u64
}

/// Who has most of the connections that are still open: a TIME_WAIT itself is nobody's any more.
fn most_of(holders: &BTreeMap<Culprit, usize>) -> Culprit {
    let processes = holders.iter().filter(|(culprit, _)| culprit.pid().is_some());
    let most = processes.max_by_key(|(_, count)| **count);
    most.map_or(Culprit::Nobody, |(culprit, _)| culprit.clone())
}
