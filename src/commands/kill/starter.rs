//! The process that restarts the owners of a group: the nearest ancestor above `sh -c`.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use super::parents::Parents;
use super::refusal::{Refusal, refusal};
use super::shells::{ShellUse, shell_use};
use crate::commands::shared::images::is_image;
use crate::commands::shared::installed::{Programs, role};
use crate::model::{About, Pid, Process, Role, Snapshot};
use crate::platform::System;
use crate::text::kill::parents::{NoParent, WhyNot};
use crate::text::names::Names;
use crate::text::owners;

/// At most this many wrappers are passed on the way up.
const WRAPPERS: usize = 16;

/// At most this many owners are followed upwards.
const ROOTS: usize = 64;

/// What runs containers or is their first process: ending it ends more than a restart. By name, which
/// any process may take: nothing is lost where it is refused by mistake.
const RUNTIMES: [&str; 11] = [
    "containerd",
    "runc",
    "crun",
    "podman",
    "docker",
    "crio",
    "tini",
    "dumb-init",
    "docker-init",
    "catatonit",
    "lxc-start",
];

/// What runs sessions or jobs of users, which would end with it or no longer start.
const SESSIONS: [&str; 11] = [
    "sshd",
    "sshd-session",
    "login",
    "screen",
    "tmux*",
    "dtach",
    "abduco",
    "mosh-server",
    "cron",
    "crond",
    "atd",
];

/// A process and when it was born: together they identify it permanently.
type Identity = (Pid, Option<u64>);

/// The process that restarts the owners.
#[derive(Debug)]
pub(super) struct Starter {
    /// It, as it was described.
    pub(super) pid: Pid,
    pub(super) birth: Option<u64>,
    /// From each owner up to it.
    lineages: Vec<Vec<Identity>>,
    /// How many other children it has.
    pub(super) others: usize,
}

impl Starter {
    /// That of the `roots`.
    ///
    /// # Errors
    /// Why there is none that may be ended.
    pub(super) fn find<S: System>(
        roots: &BTreeSet<Pid>,
        parents: &Parents<'_, S>,
        own_ancestors: &[Pid],
        programs: &Programs,
        snapshot: &Snapshot,
        system: &S,
    ) -> Result<Self, NoParent> {
        let owners = roots.iter().take(ROOTS).map(|pid| snapshot.processes.get(pid));
        let lineages = owners.map(|owner| lineage(owner?, parents));
        let lineages: Option<Vec<Vec<Identity>>> = lineages.collect();
        let lineages = lineages.filter(|_| roots.len() <= ROOTS).ok_or(NoParent::Unseen)?;
        let tops: BTreeSet<Identity> =
            lineages.iter().filter_map(|line| line.last().copied()).collect();
        let name = |pid| owners::process(pid, snapshot);
        let mut tops = tops.into_iter();
        let (Some((pid, birth)), None) = (tops.next(), tops.next()) else {
            let tops: BTreeSet<Pid> =
                lineages.iter().filter_map(|line| Some(line.last()?.0)).collect();
            return Err(NoParent::Several(Names::of(tops, name).to_string()));
        };
        let process = parents.get(pid).ok_or(NoParent::Unseen)?;
        let above = parents.parent_of(&process);
        if let Some(why) = why_not(&process, above.as_deref(), own_ancestors, programs, snapshot) {
            return Err(NoParent::Refused { parent: name(pid), why });
        }
        let children = system.children(pid).ok_or(NoParent::Unseen)?;
        let below: BTreeSet<Pid> =
            lineages.iter().filter_map(|line| Some(line.iter().nth_back(1)?.0)).collect();
        let others = children.difference(&below).count();
        Ok(Self { pid, birth, lineages, others })
    }

    /// Whether it is the parent itself, without a wrapper between.
    pub(super) fn is_parent(&self) -> bool {
        self.lineages.iter().all(|line| line.len() == 2)
    }

    /// Whether this owner descends from it as before. A PID that was given to another
    /// process has another birth.
    pub(super) fn is_still_above(&self, owner: Pid, system: &impl System) -> bool {
        let mut of_owner = self
            .lineages
            .iter()
            .filter(|line| line.first().is_some_and(|(first, _)| *first == owner));
        of_owner.any(|line| is_intact(line, system))
    }
}

/// Whether each process of a lineage is the one it was, and the child of the next.
fn is_intact(line: &[Identity], system: &impl System) -> bool {
    let pids = line.iter().map(|(pid, _)| *pid).collect();
    let now = system.processes(&pids, About::Table);
    let mut pairs = line.iter().zip(line.iter().skip(1));
    line.iter().all(|known| is_same(known, &now))
        && pairs.all(|((child, _), (parent, _))| is_child(*child, *parent, &now))
}

fn is_same((pid, birth): &Identity, now: &BTreeMap<Pid, Process>) -> bool {
    now.get(pid).is_some_and(|process| process.birth.is_some() && process.birth == *birth)
}

fn is_child(pid: Pid, parent: Pid, now: &BTreeMap<Pid, Process>) -> bool {
    now.get(&pid).is_some_and(|process| process.parent == Some(parent))
}

/// From a process up to the nearest ancestor that is no wrapper.
fn lineage<S: System>(owner: &Process, parents: &Parents<'_, S>) -> Option<Vec<Identity>> {
    let mut line = vec![(owner.pid, owner.birth)];
    let mut at = parents.parent_of(owner)?;
    for _ in 0..WRAPPERS {
        line.push((at.pid, at.birth));
        if shell_use(&at) != Some(ShellUse::Wrapper) {
            return Some(line);
        }
        at = parents.parent_of(&at)?;
    }
    None
}

/// Why it is not ended, if it is not.
fn why_not(
    process: &Process,
    above: Option<&Process>,
    own_ancestors: &[Pid],
    programs: &Programs,
    snapshot: &Snapshot,
) -> Option<WhyNot> {
    let system = snapshot.capabilities;
    let refused = refusal(process.pid, Some(process), iter::empty, own_ancestors, programs, system);
    if own_ancestors.contains(&process.pid) && process.pid != Pid(1) {
        return Some(WhyNot::Ancestor);
    }
    match (refused, role(process, programs, system)) {
        (Some(Refusal::Kernel), _) => return Some(WhyNot::System),
        _ if process.pid == Pid(1) => return Some(WhyNot::First),
        // A name is enough: nothing is lost where it is refused by mistake.
        (_, Some((Role::Container, _))) => return Some(WhyNot::Container),
        (_, Some((Role::Manager, _))) => return Some(WhyNot::Manager),
        (Some(_), _) | (_, Some(_)) => return Some(WhyNot::System),
        (None, None) => {}
    }
    if shell_use(process) == Some(ShellUse::Interactive) {
        return Some(WhyNot::Shell);
    }
    let is_one = |images: &[&str]| is_image(&process.name, images);
    // What a runtime has started is the first process of a container.
    let runs_it = |above| matches!(role(above, programs, system), Some((Role::Container, _)));
    if is_one(&RUNTIMES) || above.is_some_and(runs_it) {
        return Some(WhyNot::Container);
    }
    is_one(&SESSIONS).then_some(WhyNot::Session)
}
