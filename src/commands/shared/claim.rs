//! What a process claims to be, and nothing proves: said before the question, and no reason to
//! refuse.

use std::collections::{BTreeMap, BTreeSet};

use super::installed::{Identity, Programs, role};
use crate::model::{Pid, Process, Snapshot};
use crate::text::claims as text;
use crate::text::owners;

/// How many warnings precede a question.
const WARNINGS: usize = 10;

/// What some processes claim. It is found out once for each, however many sockets it holds.
#[derive(Debug, Default)]
pub(in crate::commands) struct Claims(BTreeMap<Pid, Vec<String>>);

impl Claims {
    /// What these claim.
    pub(in crate::commands) fn new(
        pids: &BTreeSet<Pid>,
        snapshot: &Snapshot,
        programs: &Programs,
    ) -> Self {
        let claims = pids.iter().map(|pid| (*pid, warnings(*pid, snapshot, programs)));
        Self(claims.filter(|(_, warnings)| !warnings.is_empty()).collect())
    }

    /// A line for each claim of those among `pids`; of many the first ten, and how many follow.
    pub(in crate::commands) fn of(&self, pids: &BTreeSet<Pid>) -> Vec<String> {
        let claims = self.0.iter().filter(|(pid, _)| pids.contains(pid));
        let mut claims = claims.flat_map(|(_, warnings)| warnings);
        let mut warnings: Vec<String> = claims.by_ref().take(WARNINGS).cloned().collect();
        let more = claims.count();
        if more > 0 {
            warnings.push(text::more(more));
        }
        warnings
    }
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

/// Below a user's own manager that user names cgroups at will.
fn cgroup(process: &Process, snapshot: &Snapshot) -> Option<String> {
    let container = process.container.as_ref().filter(|container| container.of_user)?;
    Some(text::by_cgroup(&owners::process(process.pid, snapshot), &owners::container(container)))
}
