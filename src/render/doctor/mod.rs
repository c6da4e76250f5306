//! What is wrong with a machine, for a person and as JSON.

mod advice;
mod evidence;
mod json;
mod words;

use std::io::{self, Write};
use std::time::Duration;

use anstyle::{AnsiColor, Style as Ansi};

use super::counted;
use super::paragraph::{self, bold};
use crate::model::{Finding, FindingKind, Gap, Os, Severity, TcpCounters, TcpSettings};
use crate::query::diagnosis::{Look, thresholds};

pub use json::DoctorJson;

/// What was found, and where.
#[derive(Clone, Copy, Debug)]
pub struct Diagnosis<'a> {
    /// The machine as it was looked at last.
    pub look: &'a Look<'a>,
    /// What was found, the worst first.
    pub findings: &'a [Finding],
    /// What TCP had counted at an earlier look, and how long ago.
    pub earlier: Option<(&'a TcpCounters, Duration)>,
}

/// The findings in paragraphs.
#[derive(Clone, Copy, Debug)]
pub struct Doctor {
    /// With thresholds and settings.
    pub verbose: bool,
    /// With colours.
    pub color: bool,
}

impl Doctor {
    /// Writes them; a line where there is nothing to say.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(self, diagnosis: &Diagnosis<'_>, out: &mut dyn Write) -> io::Result<()> {
        if diagnosis.findings.is_empty() {
            writeln!(out, "{}", healthy(diagnosis))?;
        }
        for (place, finding) in diagnosis.findings.iter().enumerate() {
            if place > 0 {
                writeln!(out)?;
            }
            self.finding(finding, diagnosis, out)?;
        }
        if self.verbose {
            self.thresholds(out)?;
            self.settings(diagnosis, out)?;
        }
        Ok(())
    }

    fn finding(
        self,
        finding: &Finding,
        diagnosis: &Diagnosis<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let label = bold(self.color);
        let kind = finding.suspicion.evidence.kind().word();
        let (ansi, severity) = (self.severity(finding.severity), finding.severity.word());
        paragraph::write(severity, kind, ansi, out)?;
        paragraph::write(
            "who",
            &words::who(&finding.suspicion.culprit, diagnosis.look),
            label,
            out,
        )?;
        paragraph::write("what", &words::what(finding, diagnosis.look), label, out)?;
        for (place, line) in evidence::lines(finding, diagnosis).iter().enumerate() {
            paragraph::write(if place == 0 { "evidence" } else { "" }, line, label, out)?;
        }
        // A command is not broken into lines: it is there to be copied.
        let now = advice::now(finding, diagnosis.look);
        writeln!(out, "{label}{:1$}{label:#}{now}", "now", paragraph::LABEL)?;
        paragraph::write("fix", &advice::fix(finding, diagnosis.look), label, out)
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
        for kind in FindingKind::ALL {
            let (threshold, reason) = thresholds::words(kind);
            writeln!(out, "{}", kind.word())?;
            paragraph::write("", &format!("{threshold}: {reason}"), label, out)?;
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

/// `healthy: 1204 sockets of 31 processes, no finding`. What is hidden is not called healthy.
fn healthy(diagnosis: &Diagnosis<'_>) -> String {
    let snapshot = diagnosis.look.snapshot;
    let sockets = counted(snapshot.sockets.len(), "socket");
    let processes = match snapshot.processes.len() {
        1 => "1 process".to_owned(),
        count => format!("{count} processes"),
    };
    let is_partial = snapshot.gaps.iter().any(Gap::is_about_owners);
    let seen = if is_partial { " as far as can be seen" } else { "" };
    format!("healthy{seen}: {sockets} of {processes}, no finding")
}

/// What was read of the system's settings, by the names that its own tools have for them.
fn settings(diagnosis: &Diagnosis<'_>) -> Vec<(&'static str, String)> {
    let look = diagnosis.look;
    let range = look.rules.ephemeral.as_ref();
    let range = range.map(|range| format!("{} {}", range.start(), range.end()));
    let range_name = match look.snapshot.os {
        Os::Linux => "net.ipv4.ip_local_port_range",
        Os::Windows => "dynamic ports",
    };
    let TcpSettings { counters, .. } = look.settings;
    let number = |number: Option<u8>| number.map(|number| number.to_string());
    let large = |number: Option<u64>| number.map(|number| number.to_string());
    let all = [
        (range_name, range),
        ("net.ipv4.tcp_max_tw_buckets", large(look.settings.max_time_wait)),
        ("net.ipv4.tcp_tw_reuse", number(look.settings.time_wait_reuse)),
        ("net.ipv4.tcp_timestamps", number(look.settings.timestamps)),
        ("net.ipv4.tcp_syncookies", number(look.settings.syncookies)),
        ("net.core.somaxconn", large(look.settings.max_backlog)),
        ("net.ipv4.tcp_abort_on_overflow", number(look.settings.abort_on_overflow)),
        ("net.ipv4.tcp_orphan_retries", number(look.settings.orphan_retries)),
        ("ListenOverflows since boot", large(counters.listen_overflows)),
        ("ListenDrops since boot", large(counters.listen_drops)),
        ("SyncookiesSent since boot", large(counters.syncookies_sent)),
        ("TCPTimeWaitOverflow since boot", large(counters.time_wait_overflows)),
        ("orphans now", large(counters.orphans)),
    ];
    all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
}
