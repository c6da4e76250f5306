//! What restarts the owners of a port, as far as that is known before they end.

use std::collections::BTreeSet;

use super::parents::Parents;
use crate::commands::shared::images::is_image;
use crate::model::{Pid, Process, Snapshot, Untrusted};
use crate::platform::System;
use crate::text::escape::Escaped;
use crate::text::kill::{self as text, Restarter};
use crate::text::{owners, remedies};

/// Programs that start a process again whenever it exits: the processes of runit(8), of
/// daemontools and s6, supervisord, circus, pm2 (which calls itself `PM2 v5.3.0: God Daemon`),
/// perp and forever. nodemon and `watchexec -r` wait for a changed file, and are not of them.
const SUPERVISORS: [&str; 9] = [
    "runsv",
    "supervise",
    "s6-supervise",
    "supervisord",
    "circusd",
    "PM2 v*",
    "perpd",
    "forever",
    "forever-monitor",
];

/// How many are reported.
const TOLD: usize = 10;

/// What restarts the `roots`, or contains them, each once.
pub(super) fn lines<S: System>(
    roots: &BTreeSet<Pid>,
    parents: &Parents<'_, S>,
    snapshot: &Snapshot,
    system: &S,
) -> Vec<String> {
    let processes = roots.iter().filter_map(|pid| snapshot.processes.get(pid));
    let mut found: BTreeSet<Restarter> = BTreeSet::new();
    let mut asked: BTreeSet<(&Untrusted, bool)> = BTreeSet::new();
    for process in processes {
        if found.len() >= TOLD {
            break;
        }
        // Workers are of one service as a rule.
        let service = process.services.first().map(|service| (&service.name, service.of_user));
        if service.is_none_or(|service| asked.insert(service)) {
            found.extend(restarter(process, parents, snapshot, system));
        }
    }
    found.iter().map(text::restarts).collect()
}

fn restarter<S: System>(
    process: &Process,
    parents: &Parents<'_, S>,
    snapshot: &Snapshot,
    system: &S,
) -> Option<Restarter> {
    if let Some(container) = &process.container {
        return Some(Restarter::Container(remedies::stop_container(container)));
    }
    if let Some(stop) = remedies::stop_service(snapshot.capabilities.service_manager, process) {
        let policy = process.services.first().and_then(|service| system.restart_policy(service));
        let policy = policy.map(|policy| Escaped(&policy).to_string());
        return Some(Restarter::Service { stop: stop.into(), policy });
    }
    let parent = parents.parent_of(process).filter(|parent| is_supervisor(parent))?;
    Some(Restarter::Supervisor(owners::process(parent.pid, snapshot)))
}

/// By its name, or by that of the script that it runs.
fn is_supervisor(process: &Process) -> bool {
    let script = process.command.get(1).map(|word| Untrusted::new(word.base_name()));
    is_image(&process.name, &SUPERVISORS)
        || script.is_some_and(|script| is_image(&script, &SUPERVISORS))
}
