//! Processes, ports and durations, named in a sentence.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use crate::model::{OwnedSocket, Owner, Pid, PortRange, Snapshot};
use crate::query::{LocalSet, PortSet};
use crate::render::escape::Escaped;

/// `nginx (PID 812)`.
pub(super) fn process(pid: Pid, snapshot: &Snapshot) -> String {
    match snapshot.processes.get(&pid) {
        Some(process) => format!("{} (PID {pid})", Escaped(&process.name)),
        None => format!("PID {pid}"),
    }
}

/// `nginx (PID 812), nginx (PID 813)`.
pub(super) fn processes(pids: impl IntoIterator<Item = Pid>, snapshot: &Snapshot) -> String {
    let named: Vec<String> = pids.into_iter().map(|pid| process(pid, snapshot)).collect();
    named.join(", ")
}

/// Who holds a socket, or as much as can be said.
pub(super) fn owner(row: &OwnedSocket, snapshot: &Snapshot) -> String {
    match &row.owner {
        Owner::Processes(_) => processes(row.owner.pids(), snapshot),
        Owner::Kernel(reason) => format!("the kernel ({})", reason.word()),
        Owner::Hidden => match row.socket.uid {
            Some(uid) => format!("a process of {}", Escaped(&snapshot.user_name(uid))),
            None => "a hidden process".to_owned(),
        },
        Owner::NotFound => "no process that can be found".to_owned(),
        Owner::Exited(pid) => format!("PID {pid}, which has exited, and now by its heirs"),
    }
}

/// `PID 812`, `PIDs 812, 813`.
pub(super) fn pids(pids: &BTreeSet<Pid>) -> String {
    let numbers: Vec<String> = pids.iter().map(ToString::to_string).collect();
    let noun = if numbers.len() == 1 { "PID" } else { "PIDs" };
    format!("{noun} {}", numbers.join(", "))
}

/// `port 80`, `ports 80, 443, 7301-7339`.
pub(super) fn ports(ports: &BTreeSet<u16>) -> String {
    let runs: PortSet = ports.iter().map(|&port| port..=port).collect();
    let word = |run: &PortRange| match run.end() - run.start() {
        0 => run.start().to_string(),
        1 => format!("{}, {}", run.start(), run.end()),
        _ => format!("{}-{}", run.start(), run.end()),
    };
    let words: Vec<String> = runs.ranges().iter().map(word).collect();
    let noun = if ports.len() == 1 { "port" } else { "ports" };
    format!("{noun} {}", words.join(", "))
}

/// `80,8000-8010`.
pub(super) fn ranges(ranges: &[PortRange]) -> String {
    let word = |range: &PortRange| match (range.start(), range.end()) {
        (start, end) if start == end => start.to_string(),
        (start, end) => format!("{start}-{end}"),
    };
    ranges.iter().map(word).collect::<Vec<_>>().join(",")
}

/// `port 80`, `ports 80,8000-8010`, `127.0.0.1:80`: what was asked for, in its own words.
pub(super) fn local(local: &LocalSet) -> String {
    let noun = match local.ports.is_single() {
        _ if local.ports.is_empty() => "",
        true => "port ",
        false => "ports ",
    };
    format!("{noun}{}", typed(local).join(", "))
}

/// `80,8000-8010`, `127.0.0.1:80`: what was asked for, as it can be typed.
pub(super) fn typed(local: &LocalSet) -> Vec<String> {
    let ports = Some(&local.ports).filter(|ports| !ports.is_empty());
    let ports = ports.map(|ports| ranges(ports.ranges()));
    let places = local.places.iter().map(|place| {
        let port = ranges(std::slice::from_ref(&place.ports));
        let zone = place.interface.map(|index| format!("%{index}")).unwrap_or_default();
        match place.address {
            IpAddr::V4(address) => format!("{address}{zone}:{port}"),
            IpAddr::V6(address) => format!("[{address}{zone}]:{port}"),
        }
    });
    ports.into_iter().chain(places).collect()
}

/// `0.2 s`.
pub(super) fn tenths(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64())
}

/// `5 s`, `0.5 s`: as it was typed.
pub(super) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}
