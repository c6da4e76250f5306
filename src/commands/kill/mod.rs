//! `portwho kill PORT...`: ends what holds the port, and proves that it ended.
//!
//! Gather, describe, refuse or ask, open the processes, check again, signal, wait, and watch the
//! port. Each PORT gets its verdict; the worst sets the exit code.

mod act;
mod ancestry;
mod confirmed;
mod contested;
mod context;
mod description;
mod elsewhere;
mod gather;
mod group;
mod held_again;
mod holdings;
mod known;
mod next;
mod no_target;
mod operand;
mod parent_first;
mod parents;
mod parts;
mod plan;
mod prepare;
mod question;
mod refusal;
mod refused;
mod relations;
mod remaining;
mod restarters;
mod result;
mod sets;
mod shells;
mod signaling;
mod starter;
mod stopped;
mod verdict;
mod watch;
mod waves;

use anyhow::bail;

use super::shared::claim::Claims;
use super::shared::installed::Programs;
use super::shared::report::Report;
use super::shared::{absent, filter, in_the_way};
use super::{Outcome, Output};
use crate::cli::KillRequest;
use crate::model::{Gap, Pid, Protocol, Snapshot, Socket};
use crate::platform::System;
use crate::query::{Filter, Row, Ways};
use crate::text::gaps;
use crate::text::kill as text;
use crate::text::kill::parents as parents_text;
use crate::text::ports;
use contested::Contested;
use operand::Operand;
use parents::Parents;
use plan::{Group, Plan, names_owners};
use remaining::Remaining;

/// Ends the owners of ports.
pub(super) fn run(
    request: &KillRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    run_on(request, Vec::new(), system, output)
}

/// Ends the owners of exactly these sockets on the ports, or of all where none is named.
pub(super) fn run_on(
    request: &KillRequest,
    sockets: Vec<Socket>,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    if request.signal.is_some() && !system.capabilities().signals {
        bail!(text::NO_SIGNALS);
    }
    let own_ancestors = system.ancestors();
    let shows_children = || own_ancestors.iter().take(1).any(|pid| system.children(*pid).is_some());
    if request.parent && !shows_children() {
        bail!(parents_text::NO_PARENTS);
    }
    let mut operands = Operand::all(&request.selection, system)?;
    let filter = Filter {
        protocols: operand::protocols(&request.selection),
        sockets,
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
        own_ancestors,
        parents: Parents::new(system),
        programs: Programs::new(&snapshot, system),
        report: Report::new(output),
    };
    kill.remark_on_gaps(&operands);
    kill.verdicts_without_target(&operands);
    kill.end_targets();
    kill.report.finish()
}

/// At most this many sockets are reported whose holder cannot be named.
const UNSEEN_TOLD: usize = 32;

/// One run of the command.
struct Kill<'a, S: System> {
    request: &'a KillRequest,
    system: &'a S,
    filter: &'a Filter,
    snapshot: &'a Snapshot,
    /// portwho itself and its ancestors.
    own_ancestors: Vec<Pid>,
    /// Who may start the owners again.
    parents: Parents<'a, S>,
    programs: Programs,
    report: Report<'a>,
}

impl<'a, S: System> Kill<'a, S> {
    /// What could not be seen matters only where it concerns the ports themselves; what is
    /// unknown of their owners is reported port by port. BOUND sockets matter where no target was found.
    fn remark_on_gaps(&mut self, operands: &[Operand]) {
        let holders = self.snapshot.sockets.iter().filter(|row| row.socket.holds_port());
        let of_tcp = holders.filter(|row| row.socket.protocol == Protocol::Tcp).collect::<Vec<_>>();
        let may_be_bound = self.filter.asks_for(Protocol::Tcp)
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
        for owner in absent::ask(self.filter, self.snapshot, self.system) {
            self.report.remark(owner.sentence(self.snapshot.capabilities.shell));
        }
        for operand in operands.iter().filter(|operand| operand.rows(&targets).is_empty()) {
            let (outcome, why) = no_target::why(operand, self.filter, self.request, self.snapshot);
            self.report.verdict(outcome, text::about(&operand.words(), &why));
        }
        self.remark_on_namespaces(operands);
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
        let remaining = Remaining::new(&plan, filter, self.snapshot);
        let mut confirmed = Vec::new();
        for group in plan.groups {
            if let Some(target) = self.prepare(group, &contested, &claims, &remaining) {
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
        Contested::new(&plan.contested_ports, |port| {
            description::contested(port, plan, self.filter, self.request, self.snapshot)
        })
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
