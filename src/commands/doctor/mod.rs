//! `portwho doctor`: checks for leaks and exhaustion, names the culprit, says what to do.

mod series;

use std::time::Duration;

use super::shared::color::wants_color;
use super::shared::inspect::machine;
use super::shared::{filter, in_the_way, near_misses};
use super::{Outcome, Output};
use crate::cli::DoctorRequest;
use crate::findings::{Diagnosis, Finding, Inspection, Severity};
use crate::model::{Gap, Snapshot};
use crate::platform::System;
use crate::query::{Filter, SortKey, Ways, select};
use crate::render::{Doctor, DoctorJson};
use crate::text::{doctor as text, gaps};
use series::Series;

/// Takes one snapshot, or several, and reports what is wrong.
pub(super) fn run(
    request: &DoctorRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let filter = request.filters.as_ref().map(|asked| filter::of_request(asked, system));
    let filter = filter.transpose()?;
    let filter = filter.map(|filter| in_the_way::widened(filter, Ways::Covering, system));
    let mut series = Series::begin(request, filter.as_ref(), system)?;
    let mut doctor = Run { request, filter: filter.as_ref(), system, output };
    let mut outcome = None;
    while let Some((earlier, over)) = series.next(system, doctor.output)? {
        doctor.tell_place(&series, outcome.is_some())?;
        outcome = Some(doctor.report(series.last(), Some((&earlier, over)))?);
    }
    // A single snapshot, or a series that was interrupted before the second.
    outcome.map_or_else(|| doctor.report(series.last(), None), Ok)
}

/// One run of the command.
struct Run<'a, S: System> {
    request: &'a DoctorRequest,
    filter: Option<&'a Filter>,
    system: &'a S,
    output: &'a mut Output,
}

impl<S: System> Run<'_, S> {
    /// Which of several snapshots a report is of.
    fn tell_place(&mut self, series: &Series<'_>, is_after_another: bool) -> anyhow::Result<()> {
        let Some((number, of)) = series.place().filter(|_| !self.request.json) else {
            return Ok(());
        };
        let line = text::place(number, of);
        self.output.result(|out| {
            let gap = if is_after_another { "\n" } else { "" };
            writeln!(out, "{gap}{line}")
        })
    }

    /// What is wrong by the last snapshot, and since an earlier one.
    fn report(
        &mut self,
        now: &Inspection,
        earlier: Option<(&Inspection, Duration)>,
    ) -> anyhow::Result<Outcome> {
        let machine_now = machine(now, self.filter);
        let before = earlier.map(|(earlier, over)| (machine(earlier, self.filter), over));
        let before = before.as_ref().map(|(machine, over)| (machine, *over));
        let diagnosis = Diagnosis::new(&machine_now, before);
        let is_empty = machine_now.sockets().next().is_none();
        if let Some(filter) = self.filter.filter(|_| is_empty) {
            return self.tell_nothing(filter, &diagnosis);
        }
        let outcome = outcome(&diagnosis.findings, &now.snapshot);
        let written = if outcome == Outcome::Failure { Ok(()) } else { self.write(&diagnosis) };
        self.tell_gaps(&now.snapshot);
        written.map(|()| outcome)
    }

    fn write(&mut self, diagnosis: &Diagnosis<'_>) -> anyhow::Result<()> {
        let color = wants_color(self.request.color, self.system, self.output);
        let verbose = self.request.verbose;
        let json = self.request.json;
        self.output.result(|out| {
            if json {
                DoctorJson { verbose }.write(diagnosis, out)
            } else {
                Doctor { verbose, color }.write(diagnosis, out)
            }
        })
    }

    fn tell_gaps(&mut self, snapshot: &Snapshot) {
        for gap in &snapshot.gaps {
            self.output.remark(gaps::line(gap));
        }
    }

    /// Nothing that was asked for is there, so nothing was checked.
    fn tell_nothing(
        &mut self,
        filter: &Filter,
        diagnosis: &Diagnosis<'_>,
    ) -> anyhow::Result<Outcome> {
        let snapshot = diagnosis.machine.snapshot;
        let is_unknown = snapshot.gaps.iter().any(Gap::may_hide_rows);
        let is_written = self.request.json && !is_unknown;
        let written = if is_written { self.write(diagnosis) } else { Ok(()) };
        self.tell_gaps(snapshot);
        if is_unknown {
            return Ok(Outcome::Failure);
        }
        let rows = select(snapshot, filter, SortKey::Port);
        for hint in near_misses::where_nothing_matched(&rows, self.system) {
            self.output.remark(hint);
        }
        written.map(|()| Outcome::Negative)
    }
}

/// Without a finding, a machine of which a table could not be read is a failure.
fn outcome(findings: &[Finding], snapshot: &Snapshot) -> Outcome {
    if findings.iter().any(|finding| finding.severity != Severity::Note) {
        Outcome::Negative
    } else if snapshot.gaps.iter().any(Gap::may_hide_rows) {
        Outcome::Failure
    } else {
        Outcome::Success
    }
}
