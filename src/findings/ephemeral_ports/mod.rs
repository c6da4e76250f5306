//! A destination for which the ephemeral ports run out: connect() then fails with EADDRNOTAVAIL.

mod blocked;
mod evidence;
mod reuse;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};

use super::check::{never, reaches};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Endpoint, Family, Need, OwnedSocket, PortRange, PortRules, StateSet, TcpState};
use crate::query::PortSet;
use blocked::Blocked;
use reuse::{is_reusable, needs_timestamps};

/// Above this part a burst is enough to run out.
const PERCENT: u64 = 80;
/// What is left is gone in a moment; and connect() gets slow, because it tries port after port.
const CRITICAL_PERCENT: u64 = 95;

pub(super) const CHECK: Check = Check {
    kind: "ephemeral-ports",
    threshold: || {
        format!(
            "{PERCENT}% of them in use to one destination, in any state, or blocked for all by listeners \
             and BOUND sockets; critical from {CRITICAL_PERCENT}%;\n\
             a note: {CRITICAL_PERCENT}%, those included whose port connect() may reuse, to an address that is \
             not a loopback one"
        )
    },
    reason: "above that a burst is enough to run out, and connect() fails; a TIME_WAIT whose \
             port connect() may reuse (tcp_tw_reuse) does not count, but whether its peer had the timestamps that this requires is not \
             reported",
    subject: Subject::Tcp(StateSet::CONNECTED),
    needs,
    measure,
    wants_second: never,
};

/// An address here and a destination: between them a port can be used once.
type Path = (IpAddr, Endpoint);

/// Where BOUND sockets are not listed, whether they use up the ports is not known if there may be so many.
fn needs(machine: &Machine<'_>) -> Option<Need> {
    let Some(range) = Range::of(machine) else { return Some(Need::System) };
    if machine.unlisted_bound == 0 {
        return None;
    }
    let most = measured(machine, &range).iter().map(|one| one.count).max().unwrap_or_default();
    let reaches = |count| reaches(count, PERCENT, range.usable);
    let with_unlisted = (most as u64).saturating_add(machine.unlisted_bound);
    (reaches(with_unlisted) && !reaches(most as u64))
        .then_some(Need::Kernel("Linux 6.8, and sock_diag (netlink)"))
}

/// The ports that are assigned automatically.
struct Range {
    ports: PortRange,
    reserved: PortSet,
    /// How many there are.
    usable: u64,
}

impl Range {
    fn of(machine: &Machine<'_>) -> Option<Self> {
        let ports = machine.rules.ephemeral.clone()?;
        let reserved = reserved(machine.rules);
        let usable = ports.clone().filter(|port| !reserved.contains(*port)).count() as u64;
        Some(Self { ports, reserved, usable })
    }

    fn contains(&self, port: u16) -> bool {
        self.ports.contains(&port) && !self.reserved.contains(port)
    }
}

/// The ephemeral ports between an address here and a destination.
#[derive(Debug)]
struct EphemeralPorts {
    /// None for those that are blocked on every path.
    path: Option<Path>,
    /// How many BOUND sockets block on every path, and no listener does.
    bound: usize,
    range: PortRange,
    /// How many of the range are assigned automatically.
    usable: u64,
    /// How many of the ports in use have a TIME_WAIT on the path.
    time_wait: usize,
    /// How many more TIME_WAIT there are whose ports connect() may take.
    reusable: usize,
    /// Whether these are among what is counted, because connect() fails if their peers had no timestamps.
    is_doubtful: bool,
}

/// What was seen on a path.
#[derive(Default)]
struct Seen {
    ports: BTreeSet<u16>,
    time_wait: usize,
    reusable: usize,
    holders: BTreeMap<Culprit, usize>,
}

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    Range::of(looks.machine).map(|range| measured(looks.machine, &range)).unwrap_or_default()
}

/// The ephemeral ports of each path that a checked socket is on; or, where that is too much already, those
/// that are blocked on every path.
fn measured(machine: &Machine<'_>, range: &Range) -> Vec<Measurement> {
    let blocked = Blocked::of(machine, range);
    let ports = |path, seen: &Seen, is_doubtful: bool| EphemeralPorts {
        path,
        bound: blocked.bound,
        range: range.ports.clone(),
        usable: range.usable,
        time_wait: seen.time_wait,
        reusable: seen.reusable,
        is_doubtful: is_doubtful && seen.reusable > 0,
    };
    if !machine.is_narrowed() && reaches(blocked.ports.len() as u64, PERCENT, range.usable) {
        let everywhere = ports(None, &Seen::default(), false);
        return vec![Measurement::new(most_of(&blocked.holders), blocked.ports.len(), everywhere)];
    }
    let wanted: FxHashSet<Path> = machine.sockets().filter_map(path).collect();
    let measured = by_path(machine, &wanted, range).into_iter().map(|(path, seen)| {
        let in_use = seen.ports.union(&blocked.ports).count();
        let is_doubtful = !reaches(in_use as u64, PERCENT, range.usable) && needs_timestamps(&path);
        let ports = ports(Some(path), &seen, is_doubtful);
        let count = in_use + if ports.is_doubtful { seen.reusable } else { 0 };
        Measurement::new(most_of(&seen.holders), count, ports)
    });
    measured.collect()
}

/// The part of the ephemeral ports that is in use to the destination that uses most of them, 0 to 1; none
/// where the check cannot be made. A TIME_WAIT whose port connect() may reuse does not count.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio of numbers below 65536")]
pub fn used_ratio(machine: &Machine<'_>) -> Option<f64> {
    if needs(machine).is_some() {
        return None;
    }
    let range = Range::of(machine)?;
    let blocked = Blocked::of(machine, &range).ports;
    let wanted: FxHashSet<Path> = machine.sockets().filter_map(path).collect();
    let paths = by_path(machine, &wanted, &range);
    let most = paths.values().map(|seen| seen.ports.union(&blocked).count()).max();
    Some(most.unwrap_or(blocked.len()) as f64 / range.usable.max(1) as f64)
}

/// What is in use on each of the `wanted` paths.
fn by_path(machine: &Machine<'_>, wanted: &FxHashSet<Path>, range: &Range) -> BTreeMap<Path, Seen> {
    let mut paths: FxHashMap<Path, Seen> = FxHashMap::default();
    for row in &machine.snapshot.sockets {
        let on_path = path(row).filter(|path| wanted.contains(path));
        let Some(path) = on_path.filter(|_| range.contains(row.socket.local.port)) else {
            continue;
        };
        let seen = paths.entry(path).or_default();
        if is_reusable(row, &path, machine.settings) {
            seen.reusable += 1;
            continue;
        }
        seen.ports.insert(row.socket.local.port);
        if row.socket.state == Some(TcpState::TimeWait) {
            seen.time_wait += 1;
        } else {
            *seen.holders.entry(machine.culprit(row)).or_default() += 1;
        }
    }
    paths.into_iter().collect()
}

/// The path of a connection.
fn path(row: &OwnedSocket) -> Option<Path> {
    let socket = &row.socket;
    let is_connection = socket.state.is_some_and(|state| StateSet::CONNECTED.contains(state));
    is_connection.then_some((socket.local.address, socket.foreign?))
}

/// The ports that are not assigned automatically.
fn reserved(rules: &PortRules) -> PortSet {
    let excluded = rules.excluded.iter().filter(|(family, _)| *family == Family::V4);
    rules.reserved.iter().chain(excluded.map(|(_, range)| range)).cloned().collect()
}

/// Who has most of the connections that are still open: a TIME_WAIT no longer has an owner.
fn most_of(holders: &BTreeMap<Culprit, usize>) -> Culprit {
    let processes = holders.iter().filter(|(culprit, _)| culprit.pid().is_some());
    let most = processes.max_by_key(|(_, count)| **count);
    most.map_or(Culprit::Nobody, |(culprit, _)| *culprit)
}
