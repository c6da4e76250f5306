//! What a process claims to be, and nothing proves: said before the question, and no reason to
//! refuse.

use std::collections::BTreeSet;

use super::images::role;
use super::installed::{Identity, Programs};
use crate::model::{Pid, Process, Snapshot};
use crate::text::claims as text;
use crate::text::owners;

/// How many warnings precede a question.
const WARNINGS: usize = 10;

/// A line for each claim of these processes; of many the first ten, and how many follow.
pub(super) fn of_all(
    pids: &BTreeSet<Pid>,
    snapshot: &Snapshot,
    programs: &Programs,
) -> Vec<String> {
    let mut warnings: Vec<String> =
        pids.iter().flat_map(|pid| warnings(*pid, snapshot, programs)).collect();
    let more = warnings.len().saturating_sub(WARNINGS);
    if more > 0 {
        warnings.truncate(WARNINGS);
        warnings.push(text::more(more));
    }
    warnings
}

fn warnings(pid: Pid, snapshot: &Snapshot, programs: &Programs) -> Vec<String> {
    let Some(process) = snapshot.processes.get(&pid) else { return Vec::new() };
    name(process, snapshot, programs).into_iter().chain(cgroup(process, snapshot)).collect()
}

fn name(process: &Process, snapshot: &Snapshot, programs: &Programs) -> Option<String> {
    let (role, identity) = role(process, programs, snapshot.capabilities)?;
    let process = || owners::process(process.pid, snapshot);
    (identity == Identity::Claimed).then(|| text::by_name(&process(), role))
}

/// Below a user's own manager that user names control groups at will.
fn cgroup(process: &Process, snapshot: &Snapshot) -> Option<String> {
    let container = process.container.as_ref().filter(|container| container.of_user)?;
    Some(text::by_cgroup(&owners::process(process.pid, snapshot), &owners::container(container)))
}
