//! `portwho doctor`: checks for leaks and exhaustion, names the culprit, says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use super::shared::color::wants_color;
use super::shared::survey::survey_scope;
use super::{Outcome, Output};
use crate::cli::DoctorRequest;
use crate::findings::{Diagnosis, Finding, Machine, Severity};
use crate::model::{
    About, Detail, Gap, Particulars, Pid, PortRules, Protocol, Scope, Snapshot, Socket, StateSet,
    TcpSettings, TcpState,
};
use crate::platform::{PlatformError, System};
use crate::render::{Doctor, DoctorJson};
use crate::text::gaps;

/// Takes one snapshot, or two, and tells what is wrong.
pub(super) fn run(
    request: &DoctorRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let earlier =
        request.interval.map(|interval| Inspection::earlier(system, interval)).transpose()?;
    let now = Inspection::take(system)?;
    let machine = now.machine();
    let before = earlier.as_ref().map(|(earlier, over)| (earlier.machine(), *over));
    let before = before.as_ref().map(|(machine, over)| (machine, *over));
    let diagnosis = Diagnosis::new(&machine, before);
    let outcome = outcome(&diagnosis.findings, &now.snapshot);
    let written = if outcome == Outcome::Failure {
        Ok(())
    } else {
        let color = wants_color(request.color, system, output);
        let doctor = Doctor { verbose: request.verbose, color };
        output.result(|out| {
            if request.json {
                DoctorJson { verbose: request.verbose }.write(&diagnosis, out)
            } else {
                doctor.write(&diagnosis, out)
            }
        })
    };
    // A socket that is bound without listening has no part in any finding.
    for gap in now.snapshot.gaps.iter().filter(|gap| !gap.is_about_bound()) {
        output.remark(gaps::line(gap));
    }
    written.map(|()| outcome)
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

/// Everything that the checks compare.
struct Inspection {
    snapshot: Snapshot,
    particulars: BTreeMap<Pid, Particulars>,
    rules: PortRules,
    settings: TcpSettings,
}

impl Inspection {
    /// One, now.
    fn take(system: &impl System) -> Result<Self, PlatformError> {
        let scope = Scope {
            // No finding is about these, and not every kernel lists them.
            tcp: StateSet::ALL.without(StateSet::of(&[TcpState::Bound])),
            detail: Detail::Idle,
            ..Scope::everything()
        };
        let is_bound = |socket: &Socket| socket.state == Some(TcpState::Bound);
        let snapshot = survey_scope(system, &scope, About::Identity, |socket| !is_bound(socket))?;
        let pids: BTreeSet<Pid> = snapshot.processes.keys().copied().collect();
        Ok(Self {
            particulars: system.particulars(&pids),
            rules: system.port_rules(Protocol::Tcp),
            settings: system.tcp_settings(),
            snapshot,
        })
    }

    /// One now, and the time that passes until the next.
    fn earlier(
        system: &impl System,
        interval: Duration,
    ) -> Result<(Self, Duration), PlatformError> {
        let begun = Instant::now();
        let inspection = Self::take(system)?;
        thread::sleep(interval.saturating_sub(begun.elapsed()));
        Ok((inspection, begun.elapsed()))
    }

    fn machine(&self) -> Machine<'_> {
        Machine::new(&self.snapshot, &self.particulars, &self.rules, &self.settings)
    }
}
