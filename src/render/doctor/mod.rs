//! The findings of doctor, as text and as JSON.

mod json;

use std::collections::BTreeMap;
use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::paragraph::{self, bold};
use crate::findings::{Case, Diagnosis, Severity};
use crate::model::{MachineLimits, Need, OwnedSocket, Owner, Reading, TcpSettings, Usage};
use crate::text::api;
use crate::text::doctor::{Checked, needs, no_problems, not_checked};

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
            nothing_found(diagnosis, out)?;
        }
        for (index, finding) in diagnosis.findings.iter().enumerate() {
            if index > 0 {
                writeln!(out)?;
            }
            self.finding(&diagnosis.case(finding), out)?;
        }
        if self.verbose {
            self.checks(diagnosis, out)?;
            self.settings(diagnosis, out)?;
        }
        Ok(())
    }

    fn finding(self, case: &Case<'_>, out: &mut dyn Write) -> io::Result<()> {
        let label = bold(self.color);
        let (finding, evidence) = (case.finding, &case.finding.measurement.evidence);
        let severity = self.severity(finding.severity);
        paragraph::write(finding.severity.word(), finding.kind, severity, out)?;
        paragraph::write("who", &case.who(), label, out)?;
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

    /// Every check, made or not, with its threshold.
    fn checks(self, diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
        let label = bold(self.color);
        writeln!(out, "\n{label}Checks{label:#}")?;
        let shell = diagnosis.machine.snapshot.capabilities.shell;
        for (check, need) in &diagnosis.checks {
            writeln!(out, "{}", check.kind)?;
            let threshold = format!("{}: {}", (check.threshold)(), check.reason);
            for line in threshold.lines() {
                paragraph::write("", line, label, out)?;
            }
            if let Some(need) = need {
                paragraph::write("", &format!("not run: {}", needs(*need, shell)), label, out)?;
            }
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

/// How much was checked, and what was not. Unknown owners are mentioned: their sockets were counted,
/// and their descriptors were not.
fn nothing_found(diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
    let machine = diagnosis.machine;
    let checks = &diagnosis.checks;
    let is_unknown = |row: &&OwnedSocket| {
        matches!(row.owner, Owner::Hidden | Owner::NotFound | Owner::Exited(_))
    };
    let checked = Checked {
        sockets: machine.sockets().count(),
        unowned: machine.sockets().filter(is_unknown).count(),
        processes: machine.owners().len(),
        checks: checks.iter().filter(|(_, need)| need.is_none()).count(),
    };
    writeln!(out, "{}", no_problems(checked))?;
    let missing = checks.iter().filter_map(|(check, need)| Some((*need.as_ref()?, check.kind)));
    let mut by_need: BTreeMap<Need, Vec<&str>> = BTreeMap::new();
    // What was not asked for is not missing.
    let is_asked_for = |need| !matches!(need, Need::WholeMachine | Need::OtherSockets);
    for (need, kind) in missing.filter(|(need, _)| is_asked_for(*need)) {
        by_need.entry(need).or_default().push(kind);
    }
    for (need, kinds) in by_need {
        let line = not_checked(&kinds, need, machine.snapshot.capabilities.shell);
        for line in paragraph::wrapped(&line, paragraph::WIDTH) {
            writeln!(out, "{line}")?;
        }
    }
    Ok(())
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
        ("ListenOverflows in total", large(counters.listen_overflows)),
        ("ListenDrops in total", large(counters.listen_drops)),
        ("SyncookiesSent in total", large(counters.syncookies_sent)),
        ("TCPTimeWaitOverflow in total", large(counters.time_wait_overflows)),
        ("orphans of the machine now", large(counters.orphans)),
    ];
    let limits = limits(machine.limits);
    all.into_iter().chain(limits).filter_map(|(name, value)| Some((name, value?))).collect()
}

/// What all programs share, as far as it could be read.
fn limits(limits: &MachineLimits) -> impl Iterator<Item = (&'static str, Option<String>)> {
    let usage = |reading: &Reading<Usage>| match reading {
        Reading::Read(Usage { used, most }) => [used, most].map(|it| Some(it.to_string())),
        _ => [None, None],
    };
    let [tracked, most_tracked] = usage(&limits.tracked);
    let [_, most_orphans] = usage(&limits.orphans);
    let [files, most_files] = usage(&limits.files);
    let all = [
        ("net.ipv4.tcp_max_orphans", most_orphans),
        ("net.netfilter.nf_conntrack_max", most_tracked),
        ("net.netfilter.nf_conntrack_count", tracked),
        ("fs.file-max", most_files),
        ("open files of the machine now", files),
    ];
    all.into_iter()
}
