//! `portwho kill PORT...`: ends what holds the port, and proves that it ended.
//!
//! Look, say who it is, refuse or ask, open the processes, look again, signal, wait, and watch
//! the port. Each PORT gets its verdict; the worst sets the exit code.

mod end;
mod look;
mod no_target;
mod plan;
mod refusal;
mod verdict;
mod watch;
mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use anyhow::bail;

use super::remains::Remains;
use super::report::Report;
use super::{Outcome, Output, filter, remedy, who};
use crate::cli::KillRequest;
use crate::model::{Os, Owner, Pid, Protocol, Signal, Snapshot, Socket};
use crate::platform::{Ending, System};
use crate::query::{Filter, Row, SortKey, select};
use crate::render::gaps;
use end::Opened;
use look::Wish;
use plan::{Group, Plan, is_target, roots};
use verdict::Case;
use watch::{Aftermath, remains_beside};
use words::Course;

/// Ends the owners of ports.
pub(super) fn run(
    request: &KillRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    if request.signal.is_some() && system.os() == Os::Windows {
        bail!("--signal: Windows has no signals; leave it out, or use --force");
    }
    let wishes = Wish::all(&request.selection.ports, system)?;
    let filter = Filter {
        protocols: look::protocols(request.selection.protocols),
        ..filter::of_selection(&request.selection, system)?
    };
    let snapshot = look::look(&filter, system)?;
    let mut kill = Kill {
        request,
        system,
        filter: &filter,
        snapshot: &snapshot,
        lineage: system.lineage(),
        report: Report::new(output),
    };
    kill.remark_on_gaps(&wishes);
    kill.verdicts_without_target(&wishes);
    kill.end_targets();
    kill.report.finish()
}

/// One run of the command.
struct Kill<'a, S: System> {
    request: &'a KillRequest,
    system: &'a S,
    filter: &'a Filter,
    snapshot: &'a Snapshot,
    /// portwho itself and its ancestors.
    lineage: Vec<Pid>,
    report: Report<'a>,
}

/// A group that will be ended, its processes opened.
struct Target<'a, S: System> {
    group: Group<'a>,
    opened: Opened<S::Process>,
    /// How it is ended, or was last.
    ending: Ending,
}

impl<'a, S: System> Kill<'a, S> {
    /// What could not be seen matters only where it concerns the ports themselves; what is
    /// unknown of their owners is told port by port. BOUND sockets matter where no target was found.
    fn remark_on_gaps(&mut self, wishes: &[Wish]) {
        let holders = self.snapshot.sockets.iter().filter(|row| row.socket.holds_port());
        let of_tcp = holders.filter(|row| row.socket.protocol == Protocol::Tcp).collect::<Vec<_>>();
        let may_be_bound = wishes.iter().any(|wish| wish.rows(&of_tcp).is_empty());
        for gap in &self.snapshot.gaps {
            if !gap.is_about_owners() && (may_be_bound || !gap.is_about_bound()) {
                self.report.remark(gaps::line(gap));
            }
        }
    }

    /// The rows that hold the ports, by everything that was asked for.
    fn targets(&self) -> Vec<Row<'a>> {
        let rows = select(self.snapshot, self.filter, SortKey::Port).rows;
        rows.into_iter().filter(|row| is_target(row, self.filter)).collect()
    }

    /// A verdict for each PORT that nothing holds, or nothing that may be ended.
    fn verdicts_without_target(&mut self, wishes: &[Wish]) {
        let targets = self.targets();
        for wish in wishes.iter().filter(|wish| wish.rows(&targets).is_empty()) {
            let (outcome, why) = no_target::why(wish, self.filter, self.request, self.snapshot);
            self.report.verdict(outcome, format!("{}: {why}", wish.words()));
        }
    }

    /// Describes, refuses, asks, ends and watches.
    fn end_targets(&mut self) {
        let plan = Plan::new(&self.targets(), self.snapshot, self.filter, &self.lineage);
        for row in &plan.unseen {
            self.refuse_unseen(row);
        }
        let contested = plan.contested_ports(&self.snapshot.processes);
        let mut confirmed = Vec::new();
        for group in plan.groups {
            if let Some(target) = self.prepare(group, &contested) {
                confirmed.push(target);
            }
        }
        self.report.catch_up();
        if !self.request.dry_run {
            self.end_confirmed(confirmed);
        }
    }

    fn refuse_unseen(&mut self, row: Row<'_>) {
        let port = row.socket.local.port;
        let owner = who::owner(row, self.snapshot);
        let remedy = match row.owner {
            Owner::Exited(pid) => {
                format!("end the child of PID {pid} that inherited it, by its own PID")
            }
            Owner::Hidden if self.system.is_privileged() => {
                "no more rights would show it".to_owned()
            }
            Owner::Hidden => remedy::more_rights(
                self.snapshot.os,
                &self.request.command(&[], &[port.to_string()]),
            ),
            _ => format!("see portwho {port}"),
        };
        self.report.failure(format!("port {port}: held by {owner}: {remedy}"));
    }

    /// How these will be ended; the harshest way where they differ.
    fn ending(&self, pids: &BTreeSet<Pid>, signal: Signal) -> Ending {
        let endings = pids.iter().map(|pid| self.system.ending(*pid, signal));
        endings.max().unwrap_or(Ending::Signal(signal))
    }

    /// Says who it is; opens its processes and asks, unless it is refused.
    fn prepare(&mut self, group: Group<'a>, contested: &BTreeSet<u16>) -> Option<Target<'a, S>> {
        let roots = roots(&group.holders, &self.snapshot.processes);
        for line in words::description(&group, &roots, &self.lineage, self.snapshot) {
            self.report.say(line);
        }
        let ports = who::ports(&group.ports());
        if let Some((pid, why)) = group.refusal {
            let text = words::refusal(pid, why, &group, self.snapshot);
            self.report.failure(format!("{ports}: {text}"));
            return None;
        }
        let ending = self.ending(&roots, self.request.signal());
        let can_ask = self.report.can_ask();
        let is_contested = group.ports().iter().any(|port| contested.contains(port));
        if is_contested && !self.request.yes && !can_ask {
            self.report.failure_later(format!(
                "{ports}: unrelated processes hold it side by side: confirm all with --yes, or \
                 name one with --pid"
            ));
            return None;
        }
        let course =
            Course { roots: &roots, holders: &group.holders, ending, snapshot: self.snapshot };
        if self.request.dry_run {
            self.report.say(course.intention());
            return None;
        }
        // Opened before the question: however long the answer takes, it is about these.
        let opened = Opened::new(&group, &self.snapshot.processes, self.system);
        if let Some(unknown) =
            opened.living().find(|pid| !self.snapshot.processes.contains_key(pid))
        {
            self.report.failure(format!("{ports}: refused: PID {unknown} cannot be described"));
            return None;
        }
        if !self.request.yes && can_ask && !self.report.ask(course.question()) {
            self.report.failure(format!("{ports}: not confirmed, nothing was sent"));
            return None;
        }
        Some(Target { group, opened, ending })
    }

    fn end_confirmed(&mut self, mut targets: Vec<Target<'a, S>>) {
        let mut took = Vec::new();
        for target in &mut targets {
            took.push(self.end_one(target));
        }
        let let_go: Vec<&Socket> = targets
            .iter()
            .filter(|target| target.opened.all_let_go())
            .flat_map(|target| target.group.sockets.iter().map(|row| &row.socket))
            .collect();
        let aftermath = if let_go.is_empty() { None } else { self.watch(&let_go) };
        for (target, took) in targets.iter().zip(took) {
            self.tell(target, took, aftermath.as_ref());
        }
    }

    fn watch(&mut self, freed: &[&Socket]) -> Option<Aftermath> {
        match watch::watch(self.system, self.filter, freed) {
            Ok(aftermath) => Some(aftermath),
            Err(error) => {
                self.report.failure(format!("cannot tell whether the port is free: {error:#}"));
                None
            }
        }
    }

    /// Ends a group; on a terminal offers SIGKILL for what survives. Returns how long it took.
    fn end_one(&mut self, target: &mut Target<'a, S>) -> Duration {
        let start = Instant::now();
        let sockets: Vec<&Socket> = target.group.sockets.iter().map(|row| &row.socket).collect();
        let processes: &BTreeMap<_, _> = &self.snapshot.processes;
        let timeout = self.request.timeout;
        target.opened.end(&sockets, processes, target.ending, timeout);
        let survivors = target.opened.holding_survivors();
        let may_offer = !self.request.yes && self.report.can_ask() && !target.ending.is_force();
        if survivors.is_empty() || !may_offer {
            return target.opened.took_since(start);
        }
        let named = who::processes(survivors.iter().copied(), self.snapshot);
        let verb = if survivors.len() == 1 { "is" } else { "are" };
        self.report.say(format!("{named} {verb} still running after {}", who::seconds(timeout)));
        let ending = self.ending(&survivors, Signal::Kill);
        let asked = Instant::now();
        let holders = target.opened.unfinished();
        let course =
            Course { roots: &survivors, holders: &holders, ending, snapshot: self.snapshot };
        if self.report.ask(course.question()) {
            // Thinking about the answer is no part of how long it took.
            let start = start + asked.elapsed();
            target.ending = ending;
            target.opened.end(&sockets, processes, ending, timeout);
            return target.opened.took_since(start);
        }
        target.opened.took_since(start)
    }

    /// The verdicts on one group.
    fn tell(&mut self, target: &Target<'a, S>, took: Duration, aftermath: Option<&Aftermath>) {
        let case = Case {
            group: &target.group,
            filter: self.filter,
            lineage: &self.lineage,
            privileged: self.system.is_privileged(),
            before: self.snapshot,
            ending: target.ending,
            timeout: self.request.timeout,
            request: self.request,
        };
        let aftermath = aftermath.filter(|_| target.opened.all_let_go());
        let remains = match aftermath {
            Some(_) => remains_beside(&target.group.sockets, self.system),
            None => Remains::default(),
        };
        let ends = target.opened.ends();
        for verdict in verdict::of_group(ends, took, &case, aftermath, &remains) {
            self.report.verdict(verdict.outcome, verdict.text);
        }
        if let (Some(_), Some(remark)) = (aftermath, verdict::other_protocol(ends, &case)) {
            self.report.remark(remark);
        }
    }
}
