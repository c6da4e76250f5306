//! TIME_WAIT that uses up the ephemeral ports to a destination, or the kernel's limit for it.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::check::{never, nothing, reaches, warning};
use super::facts::{endpoint, endpoint_json};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{
    Api, Endpoint, OwnedSocket, PortRange, PortRules, StateSet, TcpSettings, TcpState,
};
use crate::query::PortSet;
use crate::text::advice::Remedy;
use crate::text::api::ephemeral_range;
use crate::text::remedies;

/// TIME_WAIT may fill this part of what there is; above it a burst is enough to run out.
const PERCENT: u64 = 80;

pub(super) const CHECK: Check = Check {
    kind: "time-wait-pressure",
    threshold: || {
        format!("{PERCENT}% of the ephemeral ports to one destination, or of tcp_max_tw_buckets")
    },
    reason: "below that TIME_WAIT is normal; above it, a burst is enough to run out",
    subject: Subject::Sockets,
    needs: nothing,
    measure,
    wants_second: never,
};

/// An address here and a destination: between them a port can be used once.
type Path = (IpAddr, Endpoint);

/// TIME_WAIT against `tcp_max_tw_buckets`.
#[derive(Debug)]
struct Buckets {
    most: u64,
}

/// TIME_WAIT against the ephemeral ports between an address here and a destination.
#[derive(Debug)]
struct EphemeralPorts {
    path: Path,
    range: PortRange,
    /// How many of the range are assigned automatically.
    usable: u64,
    /// How many of them are in use on this path, in any state.
    in_use: usize,
}

/// TIME_WAIT against each of the limits that there are.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let buckets = machine.settings.max_time_wait.map(|most| {
        let count = machine.rows(&[TcpState::TimeWait]).count();
        Measurement::new(Culprit::Nobody, count, Buckets { most })
    });
    let range = machine.rules.ephemeral.as_ref();
    let paths = range.map(|range| by_path(range, machine)).unwrap_or_default();
    buckets.into_iter().chain(paths).collect()
}

fn by_path(range: &PortRange, machine: &Machine<'_>) -> Vec<Measurement> {
    let usable = usable(range, machine.rules);
    let mut waiting: BTreeMap<Path, usize> = BTreeMap::new();
    let mut in_use: FxHashMap<Path, usize> = FxHashMap::default();
    let mut holders: FxHashMap<Path, BTreeMap<Culprit, usize>> = FxHashMap::default();
    for row in &machine.snapshot.sockets {
        let Some(path) = path(row, range) else { continue };
        *in_use.entry(path).or_default() += 1;
        if row.socket.state == Some(TcpState::TimeWait) {
            *waiting.entry(path).or_default() += 1;
        } else {
            let culprit = machine.culprit(row);
            *holders.entry(path).or_default().entry(culprit).or_default() += 1;
        }
    }
    let measured = waiting.into_iter().map(|(path, count)| {
        let in_use = in_use.get(&path).copied().unwrap_or_default();
        let ports = EphemeralPorts { path, range: range.clone(), usable, in_use };
        let culprit = holders.get(&path).map_or(Culprit::Nobody, most_of);
        Measurement::new(culprit, count, ports)
    });
    measured.collect()
}

/// The path of a connection from an ephemeral port.
fn path(row: &OwnedSocket, range: &PortRange) -> Option<Path> {
    let socket = &row.socket;
    let is_connection = socket.state.is_some_and(|state| StateSet::CONNECTED.contains(state));
    let leaves = is_connection && range.contains(&socket.local.port);
    leaves.then_some((socket.local.address, socket.foreign?))
}

/// How many ports are assigned automatically.
fn usable(range: &PortRange, rules: &PortRules) -> u64 {
    let reserved: PortSet = rules.reserved.iter().chain(&rules.excluded).cloned().collect();
    range.clone().filter(|port| !reserved.contains(*port)).count() as u64
}

/// Who has most of the connections that are still open: a TIME_WAIT has no owner any more.
fn most_of(holders: &BTreeMap<Culprit, usize>) -> Culprit {
    let processes = holders.iter().filter(|(culprit, _)| culprit.pid().is_some());
    let most = processes.max_by_key(|(_, count)| **count);
    most.map_or(Culprit::Nobody, |(culprit, _)| culprit.clone())
}

impl Evidence for Buckets {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(reaches(count as u64, PERCENT, self.most))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("TIME_WAIT")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!("{} TIME_WAIT; at most {} are kept (tcp_max_tw_buckets)", case.count(), self.most)
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let overflows = case.machine.settings.counters.time_wait_overflows;
        overflows
            .map(|count| format!("TCPTimeWaitOverflow since boot: {count}"))
            .into_iter()
            .collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let setting = format!("net.ipv4.tcp_max_tw_buckets={}", self.most.saturating_mul(2));
        remedies::sysctl(&setting, case.privileged())
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "keep connections open and reuse them; above the limit TIME_WAIT is cut short, and stray \
         segments may end up in new connections"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        json!({
            "limit": "tcp_max_tw_buckets",
            "time_wait_overflows": settings.counters.time_wait_overflows,
            "of": self.most,
            "tcp_tw_reuse": settings.time_wait_reuse,
            "tcp_timestamps": settings.timestamps,
        })
    }
}

impl Evidence for EphemeralPorts {
    fn subject(&self) -> String {
        let (local, foreign) = &self.path;
        format!("{local} {}", endpoint(foreign))
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(reaches(count as u64, PERCENT, self.usable))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("TIME_WAIT")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (local, foreign) = &self.path;
        format!(
            "{} TIME_WAIT from {local} to {}, of {} ephemeral ports",
            case.count(),
            endpoint(foreign),
            self.usable
        )
    }

    /// The settings as they are, and whether connect() may reuse the ports early.
    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let settings = case.machine.settings;
        let (start, end) = (self.range.start(), self.range.end());
        let ports =
            format!("{} ports of {start} to {end} are in use there, in any state", self.in_use);
        let reusable = if self.is_reusable(settings) {
            ": connect() may reuse those that are older than 1s"
        } else {
            ""
        };
        let reuse = settings.time_wait_reuse.zip(settings.timestamps).map(|(reuse, timestamps)| {
            format!("tcp_tw_reuse is {reuse}, tcp_timestamps {timestamps}{reusable}")
        });
        std::iter::once(ports).chain(reuse).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        self.more_ports(case)
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "keep connections open and reuse them (a pool, HTTP keep-alive), or spread them over more \
         addresses; tcp_fin_timeout does not shorten TIME_WAIT"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        let (local, foreign) = &self.path;
        json!({
            "limit": "ephemeral-ports",
            "local": local,
            "foreign": endpoint_json(foreign),
            "range": [self.range.start(), self.range.end()],
            "in_use": self.in_use,
            "of": self.usable,
            "tcp_tw_reuse": settings.time_wait_reuse,
            "tcp_timestamps": settings.timestamps,
        })
    }
}

/// Ports that are more than the default and still leave room for servers.
const WIDE: PortRange = 15_000..=60_999;
/// All that take no rights.
const WIDEST: PortRange = 1_024..=65_535;

impl EphemeralPorts {
    /// Whether connect() may take over a port in TIME_WAIT on this path, with these settings
    /// (tcp_tw_reuse in the kernel's ip-sysctl.rst).
    fn is_reusable(&self, settings: &TcpSettings) -> bool {
        let (local, foreign) = (self.path.0, self.path.1.address);
        has_timestamps(settings)
            && match settings.time_wait_reuse {
                Some(1) => true,
                Some(2) => local.is_loopback() || foreign.is_loopback() || local == foreign,
                _ => false,
            }
    }

    /// What allows more connections to the destination.
    fn more_ports(&self, case: &Case<'_>) -> Remedy {
        let (settings, privileged) = (case.machine.settings, case.privileged());
        if case.capabilities().api == Api::Windows {
            return remedies::widen_dynamic_ports(privileged);
        }
        if has_timestamps(settings) && !self.is_reusable(settings) {
            return remedies::sysctl("net.ipv4.tcp_tw_reuse=1", privileged);
        }
        let (first, last) = (self.range.start(), self.range.end());
        let has = |wanted: &PortRange| first <= wanted.start() && last >= wanted.end();
        let Some(wider) = [WIDE, WIDEST].into_iter().find(|wanted| !has(wanted)) else {
            let foreign = self.path.1.address.to_string();
            return case.portwho(&["--state", "TIME_WAIT", "--foreign", &foreign]).into();
        };
        let (start, end) = (wider.start().min(first), wider.end().max(last));
        let setting = format!("{}={start} {end}", ephemeral_range(Api::Posix));
        remedies::sysctl(&setting, privileged)
    }
}

fn has_timestamps(settings: &TcpSettings) -> bool {
    settings.timestamps.is_some_and(|value| value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_fifths_of_what_there_is_are_too_many() {
        let buckets = Buckets { most: 131_072 };
        assert_eq!(buckets.severity(104_857, None), None);
        assert_eq!(buckets.severity(104_858, None), Some(Severity::Warning));
        assert_eq!(Buckets { most: 0 }.severity(0, None), None);
    }
}
