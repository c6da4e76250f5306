//! One group before it is ended: described, refused or opened, and confirmed.

use std::collections::BTreeSet;

use super::act::Target;
use super::contested::Contested;
use super::plan::{Group, roots};
use super::question::Termination;
use super::refusal::Refusal;
use super::remaining::Remaining;
use super::signaling::OpenedHolders;
use super::starter::Starter;
use super::{Kill, description, refused, restarters};
use crate::commands::shared::claim::Claims;
use crate::model::{Pid, Signal};
use crate::platform::{Ending, System};
use crate::text::kill as text;
use crate::text::kill::parents as parents_text;
use crate::text::{owners, ports};

impl<'a, S: System> Kill<'a, S> {
    /// How these will be ended; by the strongest means where they differ.
    pub(super) fn ending(&self, pids: &BTreeSet<Pid>, signal: Signal) -> Ending {
        let endings = pids.iter().map(|pid| self.system.ending(*pid, signal));
        endings.max().unwrap_or(Ending::Signal(signal))
    }

    /// Says who it is; opens its processes and asks, unless it is refused.
    pub(super) fn prepare(
        &mut self,
        group: Group<'a>,
        contested: &Contested,
        claims: &Claims,
        remaining: &Remaining<'_>,
    ) -> Option<Target<'a, S>> {
        let roots = roots(&group.holders, &self.snapshot.processes);
        let mut lines = description::description(&group, &roots, self.snapshot);
        lines.extend(self.restarters(&group, &roots));
        for line in lines {
            self.report.say(line);
        }
        if let Some((pid, why)) = group.refusal {
            let refused = refused::refused(pid, why, &group, self.snapshot);
            self.fail(&group, &refused);
            return None;
        }
        for line in claims.of(&group.all_holders) {
            self.report.say(line);
        }
        if self.is_unclear(&group, contested) {
            return None;
        }
        let starter = match self.starter(&roots) {
            Ok(starter) => starter,
            Err(why) => {
                self.fail(&group, &why);
                return None;
            }
        };
        let ending = self.ending(&roots, self.request.signal());
        let parent = starter.as_ref().map(|starter| {
            let name = owners::process(starter.pid, self.snapshot);
            parents_text::named(&name, starter.is_parent(), starter.others)
        });
        let (holders, snapshot) = (&group.holders, self.snapshot);
        let covering = description::covering(&group, self.filter, snapshot);
        let facts = covering.into_iter().chain(remaining.of(&group.ports)).collect();
        let termination = Termination { parent, roots: &roots, holders, ending, facts, snapshot };
        if self.request.dry_run {
            self.report.say(termination.intention());
            return None;
        }
        let opened = self.open_and_ask(&group, starter, &termination)?;
        Some(Target { group, opened, ending })
    }

    /// What restarts the processes of a group. What serves a container is refused, with what to do instead.
    fn restarters(&self, group: &Group<'_>, roots: &BTreeSet<Pid>) -> Vec<String> {
        if matches!(group.refusal, Some((_, Refusal::Container))) {
            return Vec::new();
        }
        restarters::lines(roots, &self.parents, self.snapshot, self.system)
    }

    /// The process that restarts the owners, where it is to be ended too; or why it is not.
    fn starter(&self, roots: &BTreeSet<Pid>) -> Result<Option<Starter>, String> {
        if !self.request.parent {
            return Ok(None);
        }
        let (parents, own_ancestors) = (&self.parents, &self.own_ancestors);
        let (programs, snapshot) = (&self.programs, self.snapshot);
        Starter::find(roots, parents, own_ancestors, programs, snapshot, self.system)
            .map(Some)
            .map_err(|why| parents_text::no_parent(&why))
    }

    /// Whether terminating a parent was not confirmed, and cannot be.
    fn lacks_yes(&mut self, group: &Group<'_>) -> bool {
        let lacks = self.request.parent && !self.request.yes && !self.report.can_ask();
        if lacks {
            let local = self.filter.local.as_ref();
            let typed = group.ports.iter().flat_map(|port| ports::typed_on(*port, local));
            let typed: Vec<String> = typed.collect();
            let shell = self.snapshot.capabilities.shell;
            let kill = self.request.command(shell, &["-y"], &typed).into();
            self.fail(group, &parents_text::requires_yes(&kill));
        }
        lacks
    }

    /// Opens before it asks: however long the answer takes, it is about these processes.
    fn open_and_ask(
        &mut self,
        group: &Group<'_>,
        starter: Option<Starter>,
        termination: &Termination<'_>,
    ) -> Option<OpenedHolders<S::Process>> {
        if self.lacks_yes(group) {
            return None;
        }
        let processes = &self.snapshot.processes;
        let mut opened = OpenedHolders::new(group, processes, self.system);
        if let Some((name, error)) = starter.and_then(|starter| {
            let name = owners::process(starter.pid, self.snapshot);
            Some((name, opened.open_starter(starter, self.system).err()?))
        }) {
            self.fail(group, &text::verdicts::failed(&name, &error.to_string()));
            return None;
        }
        if let Some(unknown) = opened.living().find(|pid| !processes.contains_key(pid)) {
            self.fail(group, &refused::unidentified(unknown));
            return None;
        }
        let asks = !self.request.yes && self.report.can_ask();
        if asks && !self.report.ask(&termination.question(), &termination.confirms()) {
            self.fail(group, &termination.not_confirmed());
            return None;
        }
        Some(opened)
    }
}
