//! The findings of doctor, as text and as JSON.

mod json;

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::paragraph::{self, bold};
use crate::findings::{CHECKS, Case, Diagnosis, Severity};
use crate::model::{Gap, TcpSettings};
use crate::text::api;
use crate::text::doctor::{Checked, no_problems};

pub use json::DoctorJson;

/// The findings in paragraphs.
#[derive(Clone, Copy, Debug)]
pub struct Doctor {
    /// With thresholds and settings.
    pub verbose: bool,
    /// With colors.
    pub color: bool,
}

impl Doctor {
    /// Writes the findings; one line if there are none.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(self, diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
        if diagnosis.findings.is_empty() {
            writeln!(out, "{}", nothing_found(diagnosis))?;
        }
        for (index, finding) in diagnosis.findings.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            self.finding(&diagnosis.case(finding), out)?;
        }
        if self.verbose {
            self.thresholds(out)?;
            self.settings(diagnosis, out)?;
        }
        Ok(())
    }

    fn finding(self, case: &Case<'_>, out: &mut dyn Write) -> io::Result<()> {
        let label = bold(self.color);
        let (finding, evidence) = (case.finding, &case.finding.measurement.evidence);
        let severity = self.severity(finding.severity);
        paragraph::write(finding.severity.word(), finding.kind, severity, out)?;
        paragraph::write("who", &case.culprit().identity(case.machine), label, out)?;
        paragraph::write("what", &evidence.what(case), label, out)?;
        for (index, line) in case.details().iter().enumerate() {
            paragraph::write(if index == 0 { "evidence" } else { "" }, line, label, out)?;
        }
        // A command is not wrapped, so that it can be copied.
        writeln!(out, "{label}{:1$}{label:#}{2}", "now", paragraph::LABEL, case.now().alone())?;
        paragraph::write("fix", &evidence.fix(case), label, out)
    }

    fn severity(self, severity: Severity) -> Ansi {
        let color = match severity {
            Severity::Critical => Some(AnsiColor::Red.into()),
            Severity::Warning => Some(AnsiColor::Yellow.into()),
            Severity::Note => None,
        };
        if self.color { Ansi::new().bold().fg_color(color) } else { Ansi::new() }
    }

    fn thresholds(self, out: &mut dyn Write) -> io::Result<()> {
        let label = bold(self.color);
        writeln!(out, "\n{label}Thresholds{label:#}")?;
        for check in CHECKS {
            writeln!(out, "{}", check.kind)?;
            let threshold = format!("{}: {}", (check.threshold)(), check.reason);
            paragraph::write("", &threshold, label, out)?;
        }
        Ok(())
    }

    fn settings(self, diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
        let label = bold(self.color);
        let lines = settings(diagnosis);
        if lines.is_empty() {
            return Ok(());
        }
        writeln!(out, "\n{label}Settings and counters{label:#}")?;
        lines.iter().try_for_each(|(name, value)| writeln!(out, "  {name} = {value}"))
    }
}

/// Unknown owners are mentioned: their sockets were counted, and their descriptors were not.
fn nothing_found(diagnosis: &Diagnosis<'_>) -> String {
    let snapshot = diagnosis.machine.snapshot;
    let gaps = snapshot.gaps.iter().filter(|gap| gap.is_about_owners());
    no_problems(Checked {
        sockets: snapshot.sockets.len(),
        unowned: gaps.filter_map(Gap::count).sum(),
        processes: snapshot.processes.len(),
        checks: CHECKS.len(),
    })
}

/// The settings and counters that could be read, by their names in sysctl(8) and nstat(8).
fn settings(diagnosis: &Diagnosis<'_>) -> Vec<(&'static str, String)> {
    let machine = diagnosis.machine;
    let range = machine.rules.ephemeral.as_ref();
    let range = range.map(|range| format!("{} {}", range.start(), range.end()));
    let range_name = api::ephemeral_range(machine.snapshot.capabilities.api);
    let TcpSettings { counters, .. } = machine.settings;
    let number = |number: Option<u8>| number.map(|number| number.to_string());
    let large = |number: Option<u64>| number.map(|number| number.to_string());
    let all = [
        (range_name, range),
        ("net.ipv4.tcp_max_tw_buckets", large(machine.settings.max_time_wait)),
        ("net.ipv4.tcp_tw_reuse", number(machine.settings.time_wait_reuse)),
        ("net.ipv4.tcp_timestamps", number(machine.settings.timestamps)),
        ("net.ipv4.tcp_syncookies", number(machine.settings.syncookies)),
        ("net.core.somaxconn", large(machine.settings.max_backlog)),
        ("net.ipv4.tcp_abort_on_overflow", number(machine.settings.abort_on_overflow)),
        ("net.ipv4.tcp_orphan_retries", number(machine.settings.orphan_retries)),
        ("ListenOverflows since boot", large(counters.listen_overflows)),
        ("ListenDrops since boot", large(counters.listen_drops)),
        ("SyncookiesSent since boot", large(counters.syncookies_sent)),
        ("TCPTimeWaitOverflow since boot", large(counters.time_wait_overflows)),
        ("orphans now", large(counters.orphans)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
