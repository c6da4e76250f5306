//! What became of it, in words and as an outcome.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::context::Context;
use super::held_again::reasons;
use super::next;
use super::result::KillResult;
use super::stopped;
use super::watch::WatchResult;
use crate::commands::Outcome;
use crate::model::{Capabilities, OwnedSocket, Pid, Protocol, Stopped};
use crate::platform::PlatformError;
use crate::text::advice::Remedy;
use crate::text::kill::verdicts::{self as text, Survival};
use crate::text::ports::remains::Remains;
use crate::text::{api, owners, ports, remedies};

/// The reason why it is still running is reported for at most this many processes of a group.
const FAILURES_TOLD: usize = 20;

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
        KillResult::StarterSurvived { stopped } => {
            let why = survival(pid, stopped.as_ref(), context);
            Verdict::failed(text::starter_survived(&name, context.timeout, &why))
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
    result.is_some_and(|result| !result.has_exited())
}

fn survival(pid: Pid, stopped: Option<&Stopped>, context: &Context<'_>) -> Survival {
    let api = context.before.capabilities.api;
    if let Some(why) = stopped.and_then(|stopped| stopped::why(pid, stopped, context)) {
        return Survival::Stopped(why);
    }
    if context.ending.is_force() {
        return Survival::Forced(api);
    }
    let process = context.before.processes.get(&pid);
    match process.and_then(|process| process.container.as_ref()) {
        // The first process of a container ignores what it does not handle (pid_namespaces(7)).
        Some(container) => Survival::Next(remedies::stop_container(container)),
        None => next::survival(pid, context),
    }
}

/// The verdicts on those that did not end as they should: one for each, and one for all beyond
/// the first.
fn of_processes(results: &BTreeMap<Pid, KillResult>, context: &Context<'_>) -> Vec<Verdict> {
    let mut others = results.iter().filter(|(_, result)| !result.has_exited());
    let told = others.by_ref().take(FAILURES_TOLD);
    let mut verdicts: Vec<Verdict> =
        told.filter_map(|(pid, _)| of_process(*pid, results, context)).collect();
    let (released, failed): (Vec<_>, Vec<_>) =
        others.partition(|(_, result)| matches!(result, KillResult::Released));
    if !released.is_empty() {
        let text = text::more_released(released.len(), &context.freed());
        verdicts.push(Verdict { outcome: Outcome::Negative, text });
    }
    if !failed.is_empty() {
        verdicts.push(Verdict::failed(text::more_failed(failed.len(), &context.freed())));
    }
    verdicts
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
    let mut verdicts = of_processes(results, context);
    let sentence = exit_sentence(results, took);
    let Some(watched) = watched else {
        verdicts.extend(sentence.map(|text| Verdict { outcome: Outcome::Success, text }));
        return verdicts;
    };
    let reasons = reasons(&exited(results), context, watched);
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
    let (ports, exited) = (&context.group.ports, exited(results));
    let others = context.before.sockets.iter().filter(|row| {
        ports.contains(&row.socket.local.port) && !context.filter.admits_socket(&row.socket)
    });
    let udp: Vec<&OwnedSocket> =
        others.filter(|row| is_unconnected_udp(row) && is_running(row, &exited)).collect();
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

fn is_unconnected_udp(row: &OwnedSocket) -> bool {
    row.socket.protocol == Protocol::Udp && row.socket.holds_port()
}

/// Whether an owner may run that is not among the `exited`.
fn is_running(row: &OwnedSocket, exited: &BTreeSet<Pid>) -> bool {
    row.owner.holders().is_empty() || row.owner.pids().any(|pid| !exited.contains(&pid))
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
    let exited = results.iter().filter(|(_, result)| result.has_exited());
    exited.map(|(pid, _)| *pid).collect()
}
