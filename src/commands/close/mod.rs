//! `portwho close`: closes connections, and keeps their processes running.
//!
//! List, describe, refuse or ask, check again, close, and check that they have gone. Each owner gets
//! its question and its verdict; the worst sets the exit code.

mod act;
mod description;
mod group;
mod plan;
mod verdict;

use super::shared::claim::Claims;
use super::shared::installed::Programs;
use super::shared::report::Report;
use super::shared::survey::survey;
use super::shared::{filter, in_the_way, near_misses};
use super::{Outcome, Output};
use crate::cli::CloseRequest;
use crate::model::{About, Depth, Detail, Gap, Snapshot, Socket};
use crate::platform::System;
use crate::query::{Filter, Row, Rows, SortKey, Ways, select};
use crate::text::close as text;
use crate::text::gaps;
use group::Group;
use plan::Plan;
use verdict::Context;

/// Closes sockets.
pub(super) fn run(
    request: &CloseRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    run_on(request, Vec::new(), system, output)
}

/// Closes exactly these of the sockets that were asked for, or all where none is named.
pub(super) fn run_on(
    request: &CloseRequest,
    sockets: Vec<Socket>,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    // -4 closes no socket of IPv6.
    let filter = filter::of_request(&request.filters, system)?;
    let filter = Filter { dual_stack: false, sockets, ..filter };
    let depth = Depth { detail: Detail::Brief, about: About::Identity };
    // What covers an address is not closed for it, and answers for it.
    let widened = in_the_way::widened(filter.clone(), Ways::Covering, system);
    let snapshot = survey(system, &widened, depth)?;
    let rows = select(&snapshot, &filter, SortKey::Port);
    let mut close = Close {
        request,
        system,
        filter: &filter,
        widened: &widened,
        snapshot: &snapshot,
        programs: Programs::new(&snapshot, system),
        report: Report::new(output),
    };
    close.remark_on_gaps(&rows);
    if rows.rows.is_empty() {
        close.tell_nothing(&rows);
    } else {
        close.close(&rows.rows);
    }
    close.report.finish()
}

/// One run of the command.
struct Close<'a, S: System> {
    request: &'a CloseRequest,
    system: &'a S,
    filter: &'a Filter,
    /// The filter, which also admits what covers an address.
    widened: &'a Filter,
    snapshot: &'a Snapshot,
    programs: Programs,
    report: Report<'a>,
}

impl<'a, S: System> Close<'a, S> {
    /// Whose sockets could not be seen matters where owners were asked for; otherwise each such
    /// socket is refused by itself.
    fn remark_on_gaps(&mut self, rows: &Rows<'_>) {
        let may_be_bound = rows.may_lack_bound(&[]);
        let gaps = self.snapshot.gaps.iter();
        for gap in gaps.filter(|gap| may_be_bound || !gap.is_about_bound()) {
            if self.filter.is_by_owner() || !gap.is_about_owners() {
                self.report.remark(gaps::line(gap));
            }
        }
    }

    fn tell_nothing(&mut self, rows: &Rows<'_>) {
        if self.snapshot.gaps.iter().any(Gap::may_hide_rows) {
            return self.report.failure(text::UNKNOWN);
        }
        for hint in near_misses::where_nothing_matched(rows, self.system) {
            self.report.verdict(Outcome::Negative, hint);
        }
        let covering = select(self.snapshot, self.widened, SortKey::Port).rows;
        for alike in in_the_way::alike(&covering, self.widened) {
            self.report.verdict(Outcome::Negative, alike.sentence(self.snapshot));
        }
    }

    fn close(&mut self, rows: &[Row<'a>]) {
        let own_ancestors = self.system.ancestors();
        let listening = self.request.filters.listening;
        let plan = Plan::new(rows, listening, &own_ancestors, &self.programs, self.snapshot);
        self.tell_not_closed(&plan);
        for (refusal, group) in &plan.refused {
            let privileged = self.system.is_privileged();
            let why =
                description::refusal(*refusal, group, self.request, privileged, self.snapshot);
            let what = description::sockets_of(&group.sockets, group, self.snapshot);
            self.report.failure(text::about(&what, &why));
        }
        let holders = plan.groups.iter().flat_map(Group::pids).copied().collect();
        let claims = Claims::new(&holders, self.snapshot, &self.programs);
        let confirmed =
            plan.groups.into_iter().filter(|group| self.confirm(group, &claims)).collect();
        self.report.catch_up();
        if !self.request.dry_run {
            self.act(confirmed);
        }
    }

    fn tell_not_closed(&mut self, plan: &Plan<'_>) {
        let Some(sentence) = description::not_closed(
            &plan.not_closed,
            self.request,
            self.snapshot.capabilities.shell,
        ) else {
            return;
        };
        if plan.groups.is_empty() && plan.refused.is_empty() {
            self.report.verdict(Outcome::Negative, sentence);
        } else {
            self.report.remark(sentence);
        }
    }

    /// Says what is to be closed, and asks on a terminal.
    fn confirm(&mut self, group: &Group<'a>, claims: &Claims) -> bool {
        self.report.say(description::description(group, self.snapshot));
        for line in claims.of(group.pids()) {
            self.report.say(line);
        }
        if self.request.dry_run {
            self.report.say(description::intention(group, self.snapshot));
            return false;
        }
        if !self.request.is_explicit() && !self.report.can_ask() {
            let shell = self.snapshot.capabilities.shell;
            let close = self.request.command(shell, &["-y"]).into();
            self.report.failure_later(text::requires_yes(&close));
            return false;
        }
        let asks = !self.request.yes && self.report.can_ask();
        let question = || description::question(group, self.snapshot);
        if asks && !self.report.ask(&question(), &group.sockets.len().to_string()) {
            let what = description::sockets_of(&group.sockets, group, self.snapshot);
            self.report.failure(text::about(&what, text::NOT_CONFIRMED));
            return false;
        }
        true
    }

    fn act(&mut self, groups: Vec<Group<'a>>) {
        let rows: Vec<Row<'a>> =
            groups.iter().flat_map(|group| group.sockets.iter().copied()).collect();
        if rows.is_empty() {
            return;
        }
        let results = match act::close(&rows, self.filter, self.system) {
            Ok(results) => results,
            Err(error) => {
                return self.report.failure(text::unknown(&format!("{error:#}")));
            }
        };
        let mut results = results.into_iter();
        for group in groups {
            let results = results.by_ref().take(group.sockets.len()).collect();
            let context = Context {
                group: &group,
                request: self.request,
                privileged: self.system.is_privileged(),
                snapshot: self.snapshot,
            };
            for (outcome, sentence) in verdict::of_group(&context, results) {
                self.report.verdict(outcome, sentence);
            }
        }
    }
}
