//! `portwho doctor`: looks for leaks and pressure, names who is behind them, says what to do.

use std::collections::{BTreeMap, BTreeSet};
use std::thread;
use std::time::{Duration, Instant};

use super::list::wants_color;
use super::survey::survey_scope;
use super::{Outcome, Output};
use crate::cli::DoctorRequest;
use crate::model::{
    About, Detail, Finding, Gap, Particulars, Pid, PortRules, Protocol, Scope, Severity, Snapshot,
    Socket, StateSet, TcpSettings, TcpState,
};
use crate::platform::{PlatformError, System};
use crate::query::diagnosis::{Look, diagnose};
use crate::render::{Diagnosis, Doctor, DoctorJson, gaps};

/// Looks, once or twice, and tells what is wrong.
pub(super) fn run(
    request: &DoctorRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let earlier = request.interval.map(|interval| Seen::earlier(system, interval)).transpose()?;
    let seen = Seen::now(system)?;
    let look = seen.look();
    let earlier_look = earlier.as_ref().map(|(earlier, over)| (earlier.look(), *over));
    let before = earlier_look.as_ref().map(|(look, over)| (look, *over));
    let findings = diagnose(&look, before);
    let outcome = outcome(&findings, &seen.snapshot);
    let counters = earlier.as_ref().map(|(earlier, over)| (&earlier.settings.counters, *over));
    let diagnosis = Diagnosis { look: &look, findings: &findings, earlier: counters };
    let written = if outcome == Outcome::Failed {
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
    // What is bound without listening has no part in any finding.
    for gap in seen.snapshot.gaps.iter().filter(|gap| !gap.is_about_bound()) {
        output.remark(gaps::line(gap));
    }
    written.map(|()| outcome)
}

/// A machine of which a part could not be read is not healthy for all that is known.
fn outcome(findings: &[Finding], snapshot: &Snapshot) -> Outcome {
    if findings.iter().any(|finding| finding.severity != Severity::Note) {
        Outcome::Nothing
    } else if snapshot.gaps.iter().any(Gap::may_hide_rows) {
        Outcome::Failed
    } else {
        Outcome::Done
    }
}

/// Everything that is judged.
struct Seen {
    snapshot: Snapshot,
    particulars: BTreeMap<Pid, Particulars>,
    rules: PortRules,
    settings: TcpSettings,
}

impl Seen {
    /// A look now.
    fn now(system: &impl System) -> Result<Self, PlatformError> {
        let scope = Scope {
            // No finding is about these, and not every kernel lists them.
            tcp: StateSet::ALL.without(StateSet::of(&[TcpState::Bound])),
            detail: Detail::Idle,
            ..Scope::everything()
        };
        let is_bound = |socket: &Socket| socket.state == Some(TcpState::Bound);
        let snapshot = survey_scope(system, &scope, About::Everything, |socket| !is_bound(socket))?;
        let pids: BTreeSet<Pid> = snapshot.processes.keys().copied().collect();
        Ok(Self {
            particulars: system.particulars(&pids),
            rules: system.port_rules(Protocol::Tcp),
            settings: system.tcp_settings(),
            snapshot,
        })
    }

    /// A look now, and the time that passes until the next one.
    fn earlier(
        system: &impl System,
        interval: Duration,
    ) -> Result<(Self, Duration), PlatformError> {
        let begun = Instant::now();
        let seen = Self::now(system)?;
        thread::sleep(interval.saturating_sub(begun.elapsed()));
        Ok((seen, begun.elapsed()))
    }

    fn look(&self) -> Look<'_> {
        Look::new(&self.snapshot, &self.particulars, &self.rules, &self.settings)
    }
}
