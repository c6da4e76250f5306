//! What became of it, in words and as an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::end::End;
use super::plan::Group;
use super::stopped;
use super::watch::Aftermath;
use crate::cli::KillRequest;
use crate::commands::remains::Remains;
use crate::commands::{Outcome, remedy, who};
use crate::model::{Families, OwnedSocket, Pid, Protocol, Snapshot, Stopped};
use crate::platform::{Ending, PlatformError};
use crate::query::Filter;
use crate::render::local_end;

/// A sentence and what it means for the exit code.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Verdict {
    pub(super) outcome: Outcome,
    pub(super) text: String,
}

impl Verdict {
    fn failed(text: String) -> Self {
        Self { outcome: Outcome::Failure, text }
    }
}

/// What is known when a group has been dealt with.
pub(super) struct Case<'a> {
    /// The group.
    pub(super) group: &'a Group<'a>,
    /// What was asked for.
    pub(super) filter: &'a Filter,
    /// portwho and its ancestors, which start nothing again.
    pub(super) lineage: &'a [Pid],
    /// Whether more rights cannot be had by `sudo`.
    pub(super) privileged: bool,
    /// What was seen before.
    pub(super) before: &'a Snapshot,
    /// How it was ended.
    pub(super) ending: Ending,
    /// How long was waited.
    pub(super) timeout: Duration,
    /// What was typed.
    pub(super) request: &'a KillRequest,
}

impl Case<'_> {
    /// What was to be freed: `port 80`, or its ends where only some of them were asked for.
    fn freed(&self) -> String {
        if self.is_by_port() { who::ports(&self.group.ports()) } else { self.ends().join(", ") }
    }

    /// The same, as it can be typed.
    fn typed(&self) -> Vec<String> {
        if self.is_by_port() {
            self.group.ports().iter().map(ToString::to_string).collect()
        } else {
            self.ends()
        }
    }

    fn is_by_port(&self) -> bool {
        let ports = self.group.ports();
        let local = self.filter.local.as_ref();
        let at_any_address =
            local.is_none_or(|local| ports.iter().all(|port| local.ports.contains(*port)));
        at_any_address && self.filter.families == Families::BOTH
    }

    fn ends(&self) -> Vec<String> {
        let ends = self.group.sockets.iter().map(|row| local_end(&row.socket, self.before));
        ends.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether `parent` also started one of the processes that were ended.
    fn is_supervisor(&self, parent: Pid) -> bool {
        let parents = self.group.holders.iter().filter_map(|pid| self.before.processes.get(pid));
        !self.lineage.contains(&parent)
            && parents.filter_map(|process| process.parent).any(|other| other == parent)
    }
}

/// One verdict for each process that did not end as it should.
pub(super) fn of_process(pid: Pid, end: &End, case: &Case<'_>) -> Option<Verdict> {
    let name = who::process(pid, case.before);
    let ports = case.freed();
    Some(match end {
        End::Exited | End::AlreadyExited => return None,
        End::LetGo => Verdict {
            outcome: Outcome::Negative,
            text: format!("{name} no longer holds {ports}; nothing was sent"),
        },
        End::Survived { holds: true, stopped } => {
            Verdict::failed(survived(pid, stopped.as_ref(), &ports, case))
        }
        End::Survived { holds: false, .. } => Verdict::failed(format!(
            "{name} let go of {ports}, but is still running after {}: it may be draining; wait, \
             or end it with {}",
            who::seconds(case.timeout),
            remedy::end_by_hand(case.before.os, pid)
        )),
        End::Spared => Verdict::failed(format!(
            "{name} still holds {ports}; nothing was sent, because one before it did not end"
        )),
        End::Failed(PlatformError::NotPermitted) if case.privileged => {
            Verdict::failed(format!("{name}: {}", remedy::beyond_rights(case.before.os)))
        }
        End::Failed(PlatformError::NotPermitted) => {
            let remedy =
                remedy::more_rights(case.before.os, &case.request.command(&[], &case.typed()));
            Verdict::failed(format!("{name}: not permitted: {remedy}"))
        }
        End::Failed(error) => Verdict::failed(format!("{name}: {error}")),
    })
}

fn survived(pid: Pid, stopped: Option<&Stopped>, ports: &str, case: &Case<'_>) -> String {
    let name = who::process(pid, case.before);
    let waited = who::seconds(case.timeout);
    let still = format!("{name} is still running after {waited} and holds {ports}");
    if let Some(why) = stopped.and_then(|stopped| stopped::why(pid, stopped, case)) {
        return format!("{still}: {why}");
    }
    if case.ending.is_force() {
        return format!("{still}: force has not ended it yet; it may hang in the kernel");
    }
    let container = case.before.processes.get(&pid).and_then(|process| process.container.as_ref());
    match container {
        // The first process of a container ignores what it does not handle (pid_namespaces(7)).
        Some(container) => format!("{still}: {}", remedy::stop_container(container)),
        None => format!("{still}: {}", case.request.command(&["--force"], &case.typed())),
    }
}

/// The verdicts on a group: on each process that did not end as it should, on those that did,
/// and on the ports where everybody let go of them.
pub(super) fn of_group(
    ends: &BTreeMap<Pid, End>,
    took: Duration,
    case: &Case<'_>,
    aftermath: Option<&Aftermath>,
    remains: &Remains,
) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> =
        ends.iter().filter_map(|(pid, end)| of_process(*pid, end, case)).collect();
    let gone = gone(ends, took);
    let Some(aftermath) = aftermath else {
        verdicts.extend(gone.map(|text| Verdict { outcome: Outcome::Success, text }));
        return verdicts;
    };
    let exited = exited(ends);
    let reasons: BTreeSet<String> =
        aftermath.on(case.group).map(|row| held_again(row, &exited, case, aftermath)).collect();
    let reasons = reasons.into_iter().collect::<Vec<_>>().join("; ");
    let freed = case.freed();
    let verb = if freed.contains(',') { "are" } else { "is" };
    verdicts.extend(match (gone, reasons.is_empty()) {
        (Some(gone), true) => {
            let text = format!("{gone}; {freed} {verb} free{remains}");
            Some(Verdict { outcome: Outcome::Success, text })
        }
        (Some(gone), false) => Some(Verdict::failed(format!("{gone}, but {reasons}"))),
        (None, true) => None,
        (None, false) => Some(Verdict::failed(reasons)),
    });
    verdicts
}

/// Who holds a freed port of TCP with UDP, which nobody asked to end.
pub(super) fn other_protocol(ends: &BTreeMap<Pid, End>, case: &Case<'_>) -> Option<String> {
    let (ports, exited) = (case.group.ports(), exited(ends));
    let lives = |row: &OwnedSocket| {
        row.owner.holders().is_empty() || row.owner.pids().any(|pid| !exited.contains(&pid))
    };
    let is_udp = |row: &&OwnedSocket| {
        row.socket.protocol == Protocol::Udp
            && row.socket.holds_port()
            && ports.contains(&row.socket.local.port)
            && lives(row)
    };
    let udp: Vec<&OwnedSocket> = case.before.sockets.iter().filter(is_udp).collect();
    if case.filter.protocols.udp || udp.is_empty() {
        return None;
    }
    let ports: BTreeSet<u16> = udp.iter().map(|row| row.socket.local.port).collect();
    let owners: BTreeSet<String> = udp.iter().map(|row| who::owner(row, case.before)).collect();
    let owners = owners.into_iter().collect::<Vec<_>>().join(", ");
    let typed: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let command = case.request.command(&["-u"], &typed);
    Some(format!("UDP {} is another matter, held by {owners}: {command}", who::ports(&ports)))
}

/// `PIDs 812, 813 exited after 0.2 s`.
fn gone(ends: &BTreeMap<Pid, End>, took: Duration) -> Option<String> {
    let exited = exited(ends);
    let already = |pid| matches!(ends.get(pid), Some(End::AlreadyExited));
    if exited.is_empty() {
        return None;
    }
    let pids = who::pids(&exited);
    Some(if exited.iter().all(already) {
        format!("{pids} had already exited")
    } else {
        format!("{pids} exited after {}", who::tenths(took))
    })
}

fn exited(ends: &BTreeMap<Pid, End>) -> BTreeSet<Pid> {
    let exited = ends.iter().filter(|(_, end)| matches!(end, End::Exited | End::AlreadyExited));
    exited.map(|(pid, _)| *pid).collect()
}

/// `port 80 was taken again by web (PID 900): ...`. A socket of another group was there before.
fn held_again(
    row: &OwnedSocket,
    exited: &BTreeSet<Pid>,
    case: &Case<'_>,
    aftermath: &Aftermath,
) -> String {
    let port = row.socket.local.port;
    let after = &aftermath.holders;
    let owner = who::owner(row, after);
    if was_held_by_others(row, exited, case) {
        return format!("port {port} is still held by {owner}");
    }
    let first = row.owner.pids().next();
    let newcomer = first.and_then(|pid| after.processes.get(&pid));
    let why = match newcomer {
        None => String::new(),
        Some(process) => match (remedy::stop_service(after.os, process), process.parent) {
            (Some(stop), _) => format!(": {stop}"),
            (None, Some(parent)) if case.is_supervisor(parent) => {
                format!(": its parent {} started it", who::process(parent, case.before))
            }
            _ => String::new(),
        },
    };
    format!("port {port} was taken again by {owner}{why}")
}

/// Whether somebody who was not ended held this very socket before. A PID of one that has
/// exited is a newcomer's by now.
fn was_held_by_others(row: &OwnedSocket, exited: &BTreeSet<Pid>, case: &Case<'_>) -> bool {
    let now: BTreeSet<Pid> = row.owner.pids().collect();
    case.before.sockets.iter().any(|before| {
        let others: BTreeSet<Pid> =
            before.owner.pids().filter(|pid| !exited.contains(pid)).collect();
        before.socket.is_same(&row.socket) && now.is_subset(&others)
    })
}
