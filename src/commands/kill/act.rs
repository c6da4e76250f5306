//! The confirmed groups: ended, watched, and what is said of them.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::confirmed::Confirmed;
use super::context::Context;
use super::plan::Group;
use super::question::Termination;
use super::shells::{ShellUse, shell_use};
use super::signaling::OpenedHolders;
use super::verdict;
use super::watch::{self, WatchResult, blocking_remains};
use super::{Kill, description, next};
use crate::model::{Pid, Socket};
use crate::platform::{Ending, System};
use crate::text::kill::verdicts as text;
use crate::text::owners;
use crate::text::ports::remains::Remains;

/// A group that will be ended, its processes opened.
pub(super) struct Target<'a, S: System> {
    pub(super) group: Group<'a>,
    pub(super) opened: OpenedHolders<S::Process>,
    /// How it is ended, or was last.
    pub(super) ending: Ending,
}

/// At most this many survivors are reported as stopped.
const STOPPED_TOLD: usize = 10;

impl<'a, S: System> Kill<'a, S> {
    pub(super) fn end_confirmed(&mut self, mut targets: Vec<Target<'a, S>>) {
        let mut took = Vec::new();
        for target in &mut targets {
            took.push(self.end_one(target));
        }
        let released: Vec<&Socket> = targets
            .iter()
            .filter(|target| target.opened.all_released())
            .flat_map(|target| target.group.sockets.iter().map(|row| &row.socket))
            .collect();
        let watched = if released.is_empty() { None } else { self.watch(&released) };
        for (target, took) in targets.iter().zip(took) {
            self.tell(target, took, watched.as_ref());
        }
    }

    fn watch(&mut self, freed: &[&Socket]) -> Option<WatchResult> {
        match watch::watch(self.system, self.filter, freed) {
            Ok(watched) => Some(watched),
            Err(error) => {
                self.report.failure(text::unknown_port(&format!("{error:#}")));
                None
            }
        }
    }

    /// Ends a group; on a terminal offers what comes next for what survives, SIGKILL last. Returns how
    /// long it took.
    fn end_one(&mut self, target: &mut Target<'a, S>) -> Duration {
        let mut start = Instant::now();
        let sockets: Vec<&Socket> = target.group.sockets.iter().map(|row| &row.socket).collect();
        let confirmed = Confirmed::new(&sockets, self.system);
        let timeout = self.request.timeout;
        loop {
            let processes = &self.snapshot.processes;
            target.opened.terminate(&confirmed, processes, target.ending, timeout);
            let asked = Instant::now();
            let Some(next) = self.offer(&target.opened, target.ending) else { break };
            // Thinking about the answer is no part of how long it took.
            start += asked.elapsed();
            target.ending = next;
        }
        target.opened.took_since(start)
    }

    /// Asks whether the survivors are to be ended by the next means; none where there is no terminal to ask
    /// on, nothing to do, or the answer is no.
    fn offer(&mut self, opened: &OpenedHolders<S::Process>, last: Ending) -> Option<Ending> {
        let survivors = opened.holding_survivors();
        let may_offer = !self.request.yes && self.report.can_ask() && !last.is_force();
        if survivors.is_empty() || !may_offer {
            return None;
        }
        self.tell_survivors(opened, &survivors);
        let (signal, why) = next::step(&survivors, last, self.request.timeout, self.snapshot);
        if let Some(why) = why {
            self.report.say(text::reason_for_next(&why));
        }
        let ending = self.ending(&survivors, signal);
        let holders = opened.unfinished();
        let termination = Termination {
            parent: None,
            roots: &survivors,
            holders: &holders,
            ending,
            facts: Vec::new(),
            snapshot: self.snapshot,
        };
        self.report.ask(&termination.question(), &termination.confirms()).then_some(ending)
    }

    /// Says who is still running, and who of them is stopped.
    fn tell_survivors(&mut self, opened: &OpenedHolders<S::Process>, survivors: &BTreeSet<Pid>) {
        let named = description::names_by_user(survivors, self.snapshot);
        self.report.say(text::still_running(&named, self.request.timeout));
        let stopped = survivors.iter().filter_map(|pid| Some((*pid, opened.stopped(*pid)?)));
        for (pid, stopped) in stopped.take(STOPPED_TOLD) {
            let name = owners::process(pid, self.snapshot);
            self.report.say(text::is_stopped(&name, stopped));
        }
    }

    /// The parents of a group's holders that may have started one again.
    fn supervisors(&self, group: &Group<'_>, watched: Option<&WatchResult>) -> BTreeSet<Pid> {
        let is_held_again = watched.is_some_and(|watched| watched.on(group).next().is_some());
        if !is_held_again || self.request.parent {
            return BTreeSet::new();
        }
        let holders = group.holders.iter().filter_map(|pid| self.snapshot.processes.get(pid));
        let parents: BTreeSet<Pid> = holders.filter_map(|process| process.parent).collect();
        parents.into_iter().filter(|pid| self.may_restart(*pid)).collect()
    }

    /// Whether a parent may be what starts its children again.
    fn may_restart(&self, parent: Pid) -> bool {
        let shell = self.parents.get(parent).and_then(|parent| shell_use(&parent));
        parent != Pid(1)
            && !self.own_ancestors.contains(&parent)
            && !matches!(shell, Some(ShellUse::Interactive | ShellUse::Wrapper))
    }

    /// The verdicts on one group.
    fn tell(&mut self, target: &Target<'a, S>, took: Duration, watched: Option<&WatchResult>) {
        let context = Context {
            group: &target.group,
            filter: self.filter,
            supervisors: self.supervisors(&target.group, watched),
            privileged: self.system.is_privileged(),
            before: self.snapshot,
            ending: target.ending,
            timeout: self.request.timeout,
            request: self.request,
        };
        let watched = watched.filter(|_| target.opened.all_released());
        let remains = match watched {
            Some(_) => blocking_remains(&target.group.sockets, self.system),
            None => Remains::default(),
        };
        let results = target.opened.results();
        for verdict in verdict::of_group(results, took, &context, watched, &remains) {
            self.report.verdict(verdict.outcome, verdict.text);
        }
        if let (Some(_), Some(remark)) = (watched, verdict::other_protocol(results, &context)) {
            self.report.remark(remark);
        }
    }
}
