//! A destination for which the ephemeral ports run out: connect() then fails with EADDRNOTAVAIL.

mod reuse;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::{Value, json};

use super::check::{never, reaches};
use super::facts::{endpoint, endpoint_json};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{
    Api, Endpoint, Family, Need, OwnedSocket, PortRange, PortRules, StateSet, TcpState,
};
use crate::query::PortSet;
use crate::text::advice::Remedy;
use crate::text::api::ephemeral_range;
use crate::text::remedies;
use reuse::{has_timestamps, is_reusable, may_reuse, needs_timestamps};

/// Above this part a burst is enough to run out.
const PERCENT: u64 = 80;
/// What is left is gone in a moment; and connect() gets slow, because it tries port after port.
const CRITICAL_PERCENT: u64 = 95;

pub(super) const CHECK: Check = Check {
    kind: "ephemeral-ports",
    threshold: || {
        format!(
            "{PERCENT}% of them in use to one destination, in any state; critical from \
             {CRITICAL_PERCENT}%;\n\
             a note: {CRITICAL_PERCENT}%, those included whose port connect() may reuse, to an address that is \
             not a loopback one"
        )
    },
    reason: "above that a burst is enough to run out, and connect() fails; a TIME_WAIT whose \
             port connect() may reuse (tcp_tw_reuse) does not count, but whether its peer had the timestamps that this requires is not \
             reported",
    subject: Subject::Sockets,
    needs: |machine| if machine.rules.ephemeral.is_some() { None } else { Some(Need::System) },
    measure,
    wants_second: never,
};

/// An address here and a destination: between them a port can be used once.
type Path = (IpAddr, Endpoint);

/// The ephemeral ports between an address here and a destination.
#[derive(Debug)]
struct EphemeralPorts {
    path: Path,
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

impl Seen {
    /// How many ports connect() does not take, of which `listening` are the same on every path.
    fn in_use(&self, listening: &BTreeSet<u16>) -> usize {
        listening.len() + self.ports.iter().filter(|port| !listening.contains(port)).count()
    }
}

/// The ephemeral ports of each path that a checked socket is on.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let Some(range) = &machine.rules.ephemeral else { return Vec::new() };
    let reserved = reserved(machine.rules);
    let is_usable = |port: u16| range.contains(&port) && !reserved.contains(port);
    let usable = range.clone().filter(|port| !reserved.contains(*port)).count() as u64;
    let listening = listening(machine, &is_usable);
    let wanted: FxHashSet<Path> = machine.sockets().filter_map(path).collect();
    let paths = by_path(machine, &wanted, &is_usable);
    let measured = paths.into_iter().map(|(path, seen)| {
        let in_use = seen.in_use(&listening);
        let is_doubtful = !reaches(in_use as u64, PERCENT, usable) && needs_timestamps(&path);
        let ports = EphemeralPorts {
            path,
            range: range.clone(),
            usable,
            time_wait: seen.time_wait,
            reusable: seen.reusable,
            is_doubtful: is_doubtful && seen.reusable > 0,
        };
        let count = in_use + if ports.is_doubtful { seen.reusable } else { 0 };
        Measurement::new(most_of(&seen.holders), count, ports)
    });
    measured.collect()
}

/// The part of the ephemeral ports that is in use to the destination that uses most of them, 0 to 1; none
/// where the range is not known. A TIME_WAIT whose port connect() may reuse does not count.
#[must_use]
#[expect(clippy::cast_precision_loss, reason = "a ratio of numbers below 65536")]
pub fn used_ratio(machine: &Machine<'_>) -> Option<f64> {
    let range = machine.rules.ephemeral.as_ref()?;
    let reserved = reserved(machine.rules);
    let is_usable = |port: u16| range.contains(&port) && !reserved.contains(port);
    let usable = range.clone().filter(|port| is_usable(*port)).count();
    let listening = listening(machine, &is_usable);
    let wanted: FxHashSet<Path> = machine.sockets().filter_map(path).collect();
    let paths = by_path(machine, &wanted, &is_usable);
    let most = paths.values().map(|seen| seen.in_use(&listening)).max();
    Some(most.unwrap_or(0) as f64 / usable.max(1) as f64)
}

/// The ports of listeners, of which connect() takes none, whatever their address.
fn listening(machine: &Machine<'_>, is_usable: &dyn Fn(u16) -> bool) -> BTreeSet<u16> {
    let ports = machine.all_rows(&[TcpState::Listening]).map(|row| row.socket.local.port);
    ports.filter(|port| is_usable(*port)).collect()
}

/// What is in use on each of the `wanted` paths.
fn by_path(
    machine: &Machine<'_>,
    wanted: &FxHashSet<Path>,
    is_usable: &dyn Fn(u16) -> bool,
) -> BTreeMap<Path, Seen> {
    let mut paths: FxHashMap<Path, Seen> = FxHashMap::default();
    for row in &machine.snapshot.sockets {
        let on_path = path(row).filter(|path| wanted.contains(path));
        let Some(path) = on_path.filter(|_| is_usable(row.socket.local.port)) else { continue };
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

impl Evidence for EphemeralPorts {
    fn subject(&self) -> String {
        let (local, foreign) = &self.path;
        format!("{local} {}", endpoint(foreign))
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        let reaches = |percent| reaches(count as u64, percent, self.usable);
        if self.is_doubtful {
            reaches(CRITICAL_PERCENT).then_some(Severity::Note)
        } else if reaches(CRITICAL_PERCENT) {
            Some(Severity::Critical)
        } else {
            reaches(PERCENT).then_some(Severity::Warning)
        }
    }

    fn growing(&self) -> Option<&'static str> {
        Some("ephemeral ports in use")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (local, foreign) = &self.path;
        let (count, usable) = (case.count(), self.usable);
        let outcome = if self.is_doubtful {
            "connect() may reuse most of them, unless the peers had no TCP timestamps"
        } else if count as u64 >= usable {
            "connect() fails (EADDRNOTAVAIL)"
        } else {
            "connect() fails when they are used up"
        };
        format!(
            "{count} of {usable} ephemeral ports are in use from {local} to {}: {outcome}",
            endpoint(foreign)
        )
    }

    /// What uses them, and the settings as they are.
    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let settings = case.machine.settings;
        let (start, end) = (self.range.start(), self.range.end());
        let counted = if self.is_doubtful { self.reusable } else { 0 };
        let time_wait = format!(
            "{} of them in TIME_WAIT; the range is {start} to {end}",
            self.time_wait + counted
        );
        let number = self.reusable;
        let reusable = match (number, self.is_doubtful) {
            (0, _) => None,
            (_, true) => Some(format!("{number} of those are old enough to be reused")),
            (_, false) => {
                Some(format!("{number} more in TIME_WAIT, whose ports connect() may reuse"))
            }
        };
        let reuse = settings.time_wait_reuse.zip(settings.timestamps).map(|(reuse, timestamps)| {
            format!("tcp_tw_reuse is {reuse}, tcp_timestamps {timestamps}")
        });
        std::iter::once(time_wait).chain(reusable).chain(reuse).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let (range, privileged) = (&self.range, case.privileged());
        let (first, last) = (range.start(), range.end());
        let has = |wanted: &PortRange| first <= wanted.start() && last >= wanted.end();
        let Some(wider) = [WIDE, WIDEST].into_iter().find(|wanted| !has(wanted)) else {
            let (_, Endpoint { address, port }) = self.path;
            let foreign = ["--foreign", &address.to_string(), "--foreign-port", &port.to_string()];
            return case.portwho(&["--summary"]).words(foreign).into();
        };
        if case.capabilities().api == Api::Windows {
            return remedies::widen_dynamic_ports(privileged);
        }
        let (start, end) = (wider.start().min(first), wider.end().max(last));
        let setting = format!("{}={start} {end}", ephemeral_range(Api::Posix));
        remedies::sysctl(&setting, privileged)
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let keep = "keep connections open and reuse them (a pool, HTTP keep-alive), or spread them \
                    over more addresses";
        let settings = case.machine.settings;
        if self.time_wait > 0 && has_timestamps(settings) && !may_reuse(&self.path, settings) {
            return format!(
                "{keep}; only where that is not enough, both sides have timestamps, and no NAT or \
                 load balancer is between them: tcp_tw_reuse=1 lets connect() reuse the ports of old \
                 TIME_WAIT sockets (the kernel's documentation says not to change it without the advice of \
                 technical experts); tcp_fin_timeout does not shorten TIME_WAIT"
            );
        }
        format!("{keep}; tcp_fin_timeout does not shorten TIME_WAIT")
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        let (local, foreign) = &self.path;
        json!({
            "local": local,
            "foreign": endpoint_json(foreign),
            "range": [self.range.start(), self.range.end()],
            "in_use": case.count() - if self.is_doubtful { self.reusable } else { 0 },
            "of": self.usable,
            "time_wait": self.time_wait,
            "reusable": self.reusable,
            "tcp_tw_reuse": settings.time_wait_reuse,
            "tcp_timestamps": settings.timestamps,
        })
    }
}

/// Ports that are more than the default and still leave room for servers.
const WIDE: PortRange = 15_000..=60_999;
/// All that take no rights.
const WIDEST: PortRange = 1_024..=65_535;

#[cfg(test)]
mod tests {
    use super::*;

    fn ports() -> EphemeralPorts {
        let local: IpAddr = [10, 0, 0, 1].into();
        let foreign = Endpoint::new([10, 0, 0, 2].into(), 443);
        let path = (local, foreign);
        EphemeralPorts {
            path,
            range: 1..=100,
            usable: 100,
            time_wait: 0,
            reusable: 0,
            is_doubtful: false,
        }
    }

    #[test]
    fn four_fifths_of_what_there_is_are_too_many() {
        let severity = |count| ports().severity(count, None);
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        assert_eq!(
            [79, 80, 94, 95, 100].map(severity),
            [None, warning, warning, critical, critical]
        );
        let doubtful = EphemeralPorts { reusable: 90, is_doubtful: true, ..ports() };
        let severity = |count| doubtful.severity(count, None);
        assert_eq!([94, 95].map(severity), [None, Some(Severity::Note)]);
    }
}
