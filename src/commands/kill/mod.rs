//! `portwho kill PORT...`: ends what holds the port, and proves that it ended.
//!
//! Gather, describe, refuse or ask, open the processes, check again, signal, wait, and watch the
//! port. Each PORT gets its verdict; the worst sets the exit code.

mod act;
mod ancestry;
mod confirmed;
mod contested;
mod description;
mod gather;
mod group;
mod held_again;
mod holdings;
mod known;
mod no_target;
mod operand;
mod parts;
mod plan;
mod question;
mod refusal;
mod refused;
mod relations;
mod sets;
mod signaling;
mod stopped;
mod verdict;
mod watch;

use std::collections::BTreeSet;

use anyhow::bail;

use super::shared::claim::Claims;
use super::shared::filter;
use super::shared::in_the_way;
use super::shared::installed::Programs;
use super::shared::report::Report;
use super::{Outcome, Output};
use crate::cli::KillRequest;
use crate::model::{Gap, Pid, Protocol, Signal, Snapshot};
use crate::platform::{Ending, System};
use crate::query::{Filter, Row, Ways};
use crate::text::gaps;
use crate::text::kill as text;
use crate::text::ports;
use act::Target;
use contested::Contested;
use operand::Operand;
use plan::{Group, Plan, names_owners, roots};
use question::Termination;
use signaling::OpenedHolders;

/// Ends the owners of ports.
pub(super) fn run(
    request: &KillRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    if request.signal.is_some() && !system.capabilities().signals {
        bail!(text::NO_SIGNALS);
    }
    let mut operands = Operand::all(&request.selection.ports, system)?;
    let filter = Filter {
        protocols: operand::protocols(request.selection.protocols),
        ..filter::of_selection(&request.selection, system)?
    };
    let filter = in_the_way::widened(filter, Ways::Covering, system);
    let snapshot = gather::gather(&filter, system)?;
    for operand in &mut operands {
        operand.widen(&snapshot);
    }
    let mut kill = Kill {
        request,
        system,
        filter: &filter,
        snapshot: &snapshot,
        own_ancestors: system.ancestors(),
        programs: Programs::new(&snapshot, system),
        report: Report::new(output),
    };
    kill.remark_on_gaps(&operands);
    kill.verdicts_without_target(&operands);
    kill.end_targets();
    kill.report.finish()
}

/// Of so many sockets is told that their holder cannot be named.
const UNSEEN_TOLD: usize = 32;

/// One run of the command.
struct Kill<'a, S: System> {
    request: &'a KillRequest,
    system: &'a S,
    filter: &'a Filter,
    snapshot: &'a Snapshot,
    /// portwho itself and its ancestors.
    own_ancestors: Vec<Pid>,
    programs: Programs,
    report: Report<'a>,
}

impl<'a, S: System> Kill<'a, S> {
    /// What could not be seen matters only where it concerns the ports themselves; what is
    /// unknown of their owners is told port by port. BOUND sockets matter where no target was found.
    fn remark_on_gaps(&mut self, operands: &[Operand]) {
        let holders = self.snapshot.sockets.iter().filter(|row| row.socket.holds_port());
        let of_tcp = holders.filter(|row| row.socket.protocol == Protocol::Tcp).collect::<Vec<_>>();
        let may_be_bound = self.filter.protocols.tcp
            && operands.iter().any(|operand| operand.rows(&of_tcp).is_empty());
        for gap in &self.snapshot.gaps {
            if !gap.is_about_owners() && (may_be_bound || !gap.is_about_bound()) {
                self.report.remark(gaps::line(gap));
            }
        }
    }

    /// The rows that hold the ports, by everything that was asked for.
    fn targets(&self) -> Vec<Row<'a>> {
        plan::targets(self.snapshot, self.filter)
    }

    /// A verdict for each PORT that nothing holds, or nothing that may be ended.
    fn verdicts_without_target(&mut self, operands: &[Operand]) {
        let targets = self.targets();
        for operand in operands.iter().filter(|operand| operand.rows(&targets).is_empty()) {
            let (outcome, why) = no_target::why(operand, self.filter, self.request, self.snapshot);
            self.report.verdict(outcome, text::about(&operand.words(), &why));
        }
    }

    /// Describes, refuses, asks, ends and watches.
    fn end_targets(&mut self) {
        let (filter, own_ancestors) = (self.filter, &self.own_ancestors);
        let plan = Plan::new(&self.targets(), self.snapshot, filter, own_ancestors, &self.programs);
        if !plan.unseen.is_empty() {
            self.remark_on_changes();
        }
        for row in plan.unseen.iter().take(UNSEEN_TOLD) {
            self.refuse_unseen(row);
        }
        if plan.unseen.len() > UNSEEN_TOLD {
            self.report.failure(text::more_unseen(plan.unseen.len() - UNSEEN_TOLD));
        }
        let contested = self.contested(&plan);
        let holders = plan.groups.iter().flat_map(|group| &group.all_holders).copied().collect();
        let claims = Claims::new(&holders, self.snapshot, &self.programs);
        let mut confirmed = Vec::new();
        for group in plan.groups {
            if let Some(target) = self.prepare(group, &contested, &claims) {
                confirmed.push(target);
            }
        }
        self.report.catch_up();
        if !self.request.dry_run {
            self.end_confirmed(confirmed);
        }
    }

    /// The ports that unrelated processes hold, and what is said where there is no terminal to ask which of
    /// them are meant.
    fn contested(&self, plan: &Plan<'_>) -> Contested {
        let is_told = !self.request.yes && !self.report.can_ask() && !names_owners(self.filter);
        if !is_told {
            return Contested::default();
        }
        let sentence =
            |port| description::contested(port, plan, self.filter, self.request, self.snapshot);
        Contested::new(&plan.contested_ports, sentence)
    }

    /// Another run may find the owner of a port that changes hands.
    fn remark_on_changes(&mut self) {
        let is_changing = |gap: &&Gap| matches!(gap, Gap::ChangingHands { .. });
        if let Some(gap) = self.snapshot.gaps.iter().find(is_changing) {
            self.report.remark(gaps::line(gap));
        }
    }

    fn refuse_unseen(&mut self, row: Row<'_>) {
        let privileged = self.system.is_privileged();
        let sentence = no_target::unseen(row, self.filter, self.request, privileged, self.snapshot);
        self.report.failure(sentence);
    }

    /// How these will be ended; by the strongest means where they differ.
    fn ending(&self, pids: &BTreeSet<Pid>, signal: Signal) -> Ending {
        let endings = pids.iter().map(|pid| self.system.ending(*pid, signal));
        endings.max().unwrap_or(Ending::Signal(signal))
    }

    /// Says who it is; opens its processes and asks, unless it is refused.
    fn prepare(
        &mut self,
        group: Group<'a>,
        contested: &Contested,
        claims: &Claims,
    ) -> Option<Target<'a, S>> {
        let roots = roots(&group.holders, &self.snapshot.processes);
        for line in description::description(&group, &roots, &self.own_ancestors, self.snapshot) {
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
        let ending = self.ending(&roots, self.request.signal());
        let termination = Termination {
            roots: &roots,
            holders: &group.holders,
            ending,
            covering: description::covering(&group, self.filter, self.snapshot),
            snapshot: self.snapshot,
        };
        if self.request.dry_run {
            self.report.say(termination.intention());
            return None;
        }
        let opened = self.open_and_ask(&group, &termination)?;
        Some(Target { group, opened, ending })
    }

    /// Opens before it asks: however long the answer takes, it is about these processes.
    fn open_and_ask(
        &mut self,
        group: &Group<'_>,
        termination: &Termination<'_>,
    ) -> Option<OpenedHolders<S::Process>> {
        let processes = &self.snapshot.processes;
        let opened = OpenedHolders::new(group, processes, self.system);
        if let Some(unknown) = opened.living().find(|pid| !processes.contains_key(pid)) {
            self.fail(group, &refused::unidentified(unknown));
            return None;
        }
        let asks = !self.request.yes && self.report.can_ask();
        if asks && !self.report.ask(termination.question()) {
            self.fail(group, text::NOT_CONFIRMED);
            return None;
        }
        Some(opened)
    }

    fn fail(&mut self, group: &Group<'_>, why: &str) {
        self.report.failure(text::about(&ports::named(&group.ports), why));
    }

    /// Whether unrelated processes hold a port of the group, which is said after all groups.
    fn is_unclear(&mut self, group: &Group<'_>, contested: &Contested) -> bool {
        let unclear = contested.sentences(&group.ports);
        for sentence in &unclear {
            self.report.failure_later((*sentence).to_owned());
        }
        !unclear.is_empty()
    }
}
