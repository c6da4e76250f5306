//! What became of it, in words and as an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::plan::Group;
use super::signaling::KillResult;
use super::stopped;
use super::watch::WatchResult;
use crate::cli::KillRequest;
use crate::commands::Outcome;
use crate::model::{Capabilities, Families, OwnedSocket, Pid, Protocol, Snapshot, Stopped};
use crate::platform::{Ending, PlatformError};
use crate::query::Filter;
use crate::text::advice::Remedy;
use crate::text::endpoints::local_endpoint;
use crate::text::kill::verdicts::{self as text, HeldAgain, Survival};
use crate::text::ports::remains::Remains;
use crate::text::{api, owners, ports, remedies};

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

/// What the verdicts on a group depend on.
pub(super) struct Context<'a> {
    /// The group.
    pub(super) group: &'a Group<'a>,
    /// What was asked for.
    pub(super) filter: &'a Filter,
    /// portwho and its ancestors, which start nothing again.
    pub(super) own_ancestors: &'a [Pid],
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

impl Context<'_> {
    /// What was to be freed: `port 80`, or its results where only some of them were asked for.
    fn freed(&self) -> String {
        if self.is_by_port() {
            ports::named(&self.group.ports())
        } else {
            self.addresses().join(", ")
        }
    }

    /// The same, as it can be typed.
    fn typed(&self) -> Vec<String> {
        if self.is_by_port() {
            self.group.ports().iter().map(ToString::to_string).collect()
        } else {
            self.addresses()
        }
    }

    fn is_by_port(&self) -> bool {
        let ports = self.group.ports();
        let local = self.filter.local.as_ref();
        let at_any_address =
            local.is_none_or(|local| ports.iter().all(|port| local.ports.contains(*port)));
        at_any_address && self.filter.families == Families::BOTH
    }

    fn addresses(&self) -> Vec<String> {
        let addresses =
            self.group.sockets.iter().map(|row| local_endpoint(&row.socket, self.before));
        addresses.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Whether `parent` also started one of the processes that were ended.
    fn is_supervisor(&self, parent: Pid) -> bool {
        let parents = self.group.holders.iter().filter_map(|pid| self.before.processes.get(pid));
        !self.own_ancestors.contains(&parent)
            && parents.filter_map(|process| process.parent).any(|other| other == parent)
    }
}

/// One verdict for each process that did not end as it should.
fn of_process(
    pid: Pid,
    results: &BTreeMap<Pid, KillResult>,
    context: &Context<'_>,
) -> Option<Verdict> {
    let name = owners::process(pid, context.before);
    let ports = context.freed();
    let Capabilities { shell, api, .. } = context.before.capabilities;
    Some(match results.get(&pid)? {
        KillResult::Exited | KillResult::AlreadyExited => return None,
        KillResult::Released => {
            Verdict { outcome: Outcome::Negative, text: text::released(&name, &ports) }
        }
        KillResult::Survived { holds: true, stopped } => {
            let why = survival(pid, stopped.as_ref(), context);
            Verdict::failed(text::survived(&name, &ports, context.timeout, &why))
        }
        KillResult::Survived { holds: false, .. } => {
            let kill = remedies::end_by_hand(shell, pid).into();
            Verdict::failed(text::released_and_running(&name, &ports, context.timeout, &kill))
        }
        KillResult::NotSignaled => {
            let parent_runs = parent_runs(pid, results, context);
            Verdict::failed(text::not_signaled(&name, &ports, parent_runs))
        }
        KillResult::Failed(PlatformError::NotPermitted) if context.privileged => {
            Verdict::failed(text::failed(&name, api::beyond_rights(api)))
        }
        KillResult::Failed(PlatformError::NotPermitted) => {
            let command = context.request.command(shell, &[], &context.typed());
            Verdict::failed(text::not_permitted(&name, &Remedy::privileged(command)))
        }
        KillResult::Failed(error @ PlatformError::NoSafeSignal { pid, signal }) => {
            let send = remedies::send(*signal, *pid).into();
            Verdict::failed(text::no_safe_signal(&name, &error.to_string(), &send))
        }
        KillResult::Failed(error) => Verdict::failed(text::failed(&name, &error.to_string())),
    })
}

/// Whether the parent of a process is among those that did not exit.
fn parent_runs(pid: Pid, results: &BTreeMap<Pid, KillResult>, context: &Context<'_>) -> bool {
    let parent = context.before.processes.get(&pid).and_then(|process| process.parent);
    let result = parent.and_then(|parent| results.get(&parent));
    result.is_some_and(|result| !is_exit(result))
}

const fn is_exit(result: &KillResult) -> bool {
    matches!(result, KillResult::Exited | KillResult::AlreadyExited)
}

fn survival(pid: Pid, stopped: Option<&Stopped>, context: &Context<'_>) -> Survival {
    let Capabilities { shell, api, .. } = context.before.capabilities;
    if let Some(why) = stopped.and_then(|stopped| stopped::why(pid, stopped, context)) {
        return Survival::Stopped(why);
    }
    if context.ending.is_force() {
        return Survival::Forced(api);
    }
    let process = context.before.processes.get(&pid);
    Survival::Next(match process.and_then(|process| process.container.as_ref()) {
        // The first process of a container ignores what it does not handle (pid_namespaces(7)).
        Some(container) => remedies::stop_container(container),
        None => context.request.command(shell, &["--force"], &context.typed()).into(),
    })
}

/// The verdicts on a group: on each process that did not end as it should, on those that did,
/// and on the ports where all processes released them.
pub(super) fn of_group(
    results: &BTreeMap<Pid, KillResult>,
    took: Duration,
    context: &Context<'_>,
    watched: Option<&WatchResult>,
    remains: &Remains,
) -> Vec<Verdict> {
    let mut verdicts: Vec<Verdict> =
        results.keys().filter_map(|pid| of_process(*pid, results, context)).collect();
    let sentence = exit_sentence(results, took);
    let Some(watched) = watched else {
        verdicts.extend(sentence.map(|text| Verdict { outcome: Outcome::Success, text }));
        return verdicts;
    };
    let exited = exited(results);
    let reasons: BTreeSet<HeldAgain> =
        watched.on(context.group).map(|row| held_again(row, &exited, context, watched)).collect();
    let verdict = match (sentence, reasons.is_empty()) {
        (Some(exited), true) => {
            let text = text::free(&exited, &context.freed(), &remains.to_string());
            Some(Verdict { outcome: Outcome::Success, text })
        }
        (None, true) => None,
        (exited, false) => {
            let sentences = text::not_free(exited.as_deref(), &reasons);
            verdicts.extend(sentences.into_iter().map(Verdict::failed));
            None
        }
    };
    verdicts.extend(verdict);
    verdicts
}

/// Who holds a freed port of TCP with UDP, which was not asked for.
pub(super) fn other_protocol(
    results: &BTreeMap<Pid, KillResult>,
    context: &Context<'_>,
) -> Option<String> {
    let (ports, exited) = (context.group.ports(), exited(results));
    let is_running = |row: &OwnedSocket| {
        row.owner.holders().is_empty() || row.owner.pids().any(|pid| !exited.contains(&pid))
    };
    let is_udp = |row: &&OwnedSocket| {
        row.socket.protocol == Protocol::Udp
            && row.socket.holds_port()
            && ports.contains(&row.socket.local.port)
            && is_running(row)
    };
    let udp: Vec<&OwnedSocket> = context.before.sockets.iter().filter(is_udp).collect();
    if context.filter.protocols.udp || udp.is_empty() {
        return None;
    }
    let ports: BTreeSet<u16> = udp.iter().map(|row| row.socket.local.port).collect();
    let owners: BTreeSet<String> =
        udp.iter().map(|row| owners::owner(row, context.before)).collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let typed: Vec<String> = ports.iter().map(ToString::to_string).collect();
    let kill = context.request.command(context.before.capabilities.shell, &["-u"], &typed).into();
    Some(text::other_protocol(&ports::named(&ports), ports.len() > 1, &owners, &kill))
}

/// `PIDs 812, 813 exited after 200ms`; none where nothing exited.
fn exit_sentence(results: &BTreeMap<Pid, KillResult>, took: Duration) -> Option<String> {
    let exited = exited(results);
    let already = |pid| matches!(results.get(pid), Some(KillResult::AlreadyExited));
    let pids: Vec<String> = exited.iter().map(ToString::to_string).collect();
    let took = (!exited.iter().all(already)).then_some(took);
    (!pids.is_empty()).then(|| text::exited(&pids, took))
}

fn exited(results: &BTreeMap<Pid, KillResult>) -> BTreeSet<Pid> {
    let exited = results.iter().filter(|(_, result)| is_exit(result));
    exited.map(|(pid, _)| *pid).collect()
}

/// Who holds a port after the exits: `port 80 was taken again by web (PID 900)`. A socket of another
/// group was there before.
fn held_again(
    row: &OwnedSocket,
    exited: &BTreeSet<Pid>,
    context: &Context<'_>,
    watched: &WatchResult,
) -> HeldAgain {
    let port = row.socket.local.port;
    let after = &watched.holders;
    let owner = owners::owner(row, after);
    if was_held_by_others(row, exited, context) {
        return text::still_held(port, &owner);
    }
    let first = row.owner.pids().next();
    let newcomer = first.and_then(|pid| after.processes.get(&pid));
    let stop = newcomer
        .and_then(|process| remedies::stop_service(after.capabilities.service_manager, process));
    let parent = newcomer.and_then(|process| process.parent);
    let supervisor = parent.filter(|parent| context.is_supervisor(*parent));
    let supervisor = supervisor.map(|parent| owners::process(parent, context.before));
    text::taken_again(port, &owner, stop.map(Remedy::from), supervisor.as_deref())
}

/// Whether a process that was not ended held this very socket before. A PID of one that has
/// exited is a newcomer's by now.
fn was_held_by_others(row: &OwnedSocket, exited: &BTreeSet<Pid>, context: &Context<'_>) -> bool {
    let now: BTreeSet<Pid> = row.owner.pids().collect();
    context.before.sockets.iter().any(|before| {
        let others: BTreeSet<Pid> =
            before.owner.pids().filter(|pid| !exited.contains(pid)).collect();
        before.socket.is_same(&row.socket) && now.is_subset(&others)
    })
}
