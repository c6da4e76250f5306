//! What a process claims to be, and nothing proves: said in front of the question, and no reason to
//! refuse.

use std::collections::BTreeSet;

use super::images::role;
use super::installed::{Identity, Programs};
use super::who;
use crate::model::{Pid, Process, Snapshot};

/// A line for each claim of these processes.
pub(super) fn of_all(
    pids: &BTreeSet<Pid>,
    snapshot: &Snapshot,
    programs: &Programs,
) -> Vec<String> {
    pids.iter().flat_map(|pid| warnings(*pid, snapshot, programs)).collect()
}

fn warnings(pid: Pid, snapshot: &Snapshot, programs: &Programs) -> Vec<String> {
    let Some(process) = snapshot.processes.get(&pid) else { return Vec::new() };
    name(process, snapshot, programs).into_iter().chain(cgroup(process, snapshot)).collect()
}

fn name(process: &Process, snapshot: &Snapshot, programs: &Programs) -> Option<String> {
    let (role, identity) = role(process, programs, snapshot.os)?;
    let text = || {
        format!(
            "  warning: {} has the name of {}; neither its user nor its executable proves that it \
             is one",
            who::process(process.pid, snapshot),
            role.words()
        )
    };
    (identity == Identity::Claimed).then(text)
}

/// Below a user's own manager that user names control groups at will.
fn cgroup(process: &Process, snapshot: &Snapshot) -> Option<String> {
    let container = process.container.as_ref().filter(|container| container.of_user)?;
    Some(format!(
        "  warning: only a cgroup below a user's own says that {} runs in {}",
        who::process(process.pid, snapshot),
        who::container(container)
    ))
}
