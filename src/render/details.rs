//! The particulars of each owner, below the tables.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::{Duration, SystemTime};

use super::escape::{Escaped, LONGEST, MORE, beginning};
use super::json_process::rfc3339;
use super::{Style, counted, ends, who};
use crate::model::{Os, OwnedSocket, Particulars, Pid, Process, Snapshot, Untrusted};
use crate::query::Rows;

/// How wide the labels are.
const LABEL: usize = 13;

/// Writes a block for each owner.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let bold = if style.color { anstyle::Style::new().bold() } else { anstyle::Style::new() };
    let far_ends = FarEnds::new(rows);
    for process in rows.processes() {
        let title = who::process(process.pid, rows.snapshot);
        writeln!(out, "\n{}{title}{}", bold.render(), bold.render_reset())?;
        let particulars = rows.snapshot.particulars.get(&process.pid);
        let known = particulars.cloned().unwrap_or_default();
        for (label, value) in lines(process, &known, rows.snapshot) {
            writeln!(out, "  {label:LABEL$}{value}")?;
        }
        for peer in far_ends.of(process.pid) {
            writeln!(out, "  {:LABEL$}{peer}", "connected to")?;
        }
    }
    Ok(())
}

/// What is known of a process, by label. What is not known has no line.
fn lines(
    process: &Process,
    particulars: &Particulars,
    snapshot: &Snapshot,
) -> Vec<(&'static str, String)> {
    let text = |text: &Untrusted| Escaped(text).to_string();
    let is_windows = snapshot.os == Os::Windows;
    let mut lines = Vec::new();
    lines.extend(process.user.as_ref().map(|user| ("user", text(user))));
    lines.extend(process.started.and_then(started).map(|since| ("started", since)));
    lines.extend(command(process).map(|command| ("command", command)));
    lines.extend(process.executable.as_ref().map(|path| {
        let deleted = if particulars.executable_deleted { " (deleted)" } else { "" };
        ("executable", format!("{}{deleted}", text(path)))
    }));
    lines.extend(particulars.working_directory.as_ref().map(|path| ("directory", text(path))));
    lines.extend(parents(process, snapshot).map(|chain| ("parents", chain)));
    let services: Vec<String> =
        process.services.iter().map(|service| text(&service.name)).collect();
    let label = if is_windows { "service" } else { "unit" };
    lines.extend((!services.is_empty()).then(|| (label, services.join(", "))));
    lines.extend(process.container.as_ref().map(|container| {
        let (id, name) = (Escaped(&container.short_id()).to_string(), who::container(container));
        ("container", format!("{name} ({id})"))
    }));
    let label = if is_windows { "handles" } else { "descriptors" };
    lines.extend(particulars.descriptors.map(|open| (label, descriptors(open, particulars))));
    lines
}

/// `2026-11-20T04:19:00Z, 2 h 12 min ago`.
fn started(time: SystemTime) -> Option<String> {
    let ago = SystemTime::now().duration_since(time).ok();
    let ago = ago.map(|since| format!(", {} ago", age(since))).unwrap_or_default();
    Some(format!("{}{ago}", rfc3339(time)?))
}

/// A span of time in its two largest units: `3 d 4 h`, `12 min 5 s`, `0 s`.
#[must_use]
pub fn age(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [("d", 86400), ("h", 3600), ("min", 60), ("s", 1)];
    let parts = units.iter().scan(seconds, |left, (unit, length)| {
        let count = *left / length;
        *left %= length;
        Some((count, *unit))
    });
    let words: Vec<String> = parts
        .skip_while(|(count, unit)| *count == 0 && *unit != "s")
        .take(2)
        .map(|(count, unit)| format!("{count} {unit}"))
        .collect();
    words.join(" ")
}

/// The command line, its arguments told apart: one with a blank or a quote stands in quotes.
fn command(process: &Process) -> Option<String> {
    let word = |argument: &Untrusted| {
        let text = Escaped(argument).to_string();
        if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '\'') {
            format!("'{}'", text.replace('\'', r"\'"))
        } else {
            text
        }
    };
    joined(process.command.iter().map(word), process.command_cut)
}

/// The words of a line that ends in `…` where it would be too long, or where words are missing.
fn joined(words: impl Iterator<Item = String>, mut is_cut: bool) -> Option<String> {
    let mut line = String::new();
    for mut word in words {
        if line.is_empty() && word.len() > LONGEST {
            word.truncate(beginning(&word, usize::MAX, LONGEST).len());
            is_cut = true;
        } else if line.len() + word.len() >= LONGEST {
            is_cut = true;
            break;
        }
        let blank = if line.is_empty() { "" } else { " " };
        line.extend([blank, &word]);
    }
    if is_cut {
        let blank = if line.is_empty() { "" } else { " " };
        line.extend([blank, MORE]);
    }
    (!line.is_empty()).then_some(line)
}

/// `bash (PID 700) < sshd (PID 650) < systemd (PID 1)`.
fn parents(process: &Process, snapshot: &Snapshot) -> Option<String> {
    let chain = snapshot.ancestors(process);
    let names: Vec<String> = chain.iter().map(|&pid| who::process(pid, snapshot)).collect();
    (!names.is_empty()).then(|| names.join(" < "))
}

/// `12 of 1024 open`.
fn descriptors(open: u64, particulars: &Particulars) -> String {
    match particulars.descriptor_limit {
        Some(limit) => format!("{open} of {limit}"),
        None => open.to_string(),
    }
}

/// The far ends of the connections within the machine, by the process at the near end.
struct FarEnds(BTreeMap<Pid, BTreeMap<String, Vec<String>>>);

/// How many connections to the same process are named before they are only counted.
const CONNECTIONS_NAMED: usize = 3;

impl FarEnds {
    fn new(rows: &Rows<'_>) -> Self {
        let snapshot = rows.snapshot;
        let key = |row: &OwnedSocket| {
            let socket = &row.socket;
            socket.foreign.map(|foreign| (socket.protocol, socket.local, foreign))
        };
        let by_ends: BTreeMap<_, &OwnedSocket> =
            snapshot.peers.iter().filter_map(|peer| Some((key(peer)?, peer))).collect();
        let mut found: BTreeMap<Pid, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for row in &rows.rows {
            let Some((protocol, local, foreign)) = key(row) else { continue };
            let Some(peer) = by_ends.get(&(protocol, foreign, local)) else { continue };
            for pid in row.owner.pids() {
                let end = ends::foreign_end(&row.socket, snapshot);
                let connections = found.entry(pid).or_default();
                connections.entry(who::owner(peer, snapshot)).or_default().push(end);
            }
        }
        Self(found)
    }

    /// `curl (PID 900), at 127.0.0.1:50390`; `curl (PID 900), 12 connections`.
    fn of(&self, pid: Pid) -> Vec<String> {
        let line = |(owner, ends): (&String, &Vec<String>)| match ends.len() {
            count if count > CONNECTIONS_NAMED => {
                format!("{owner}, {}", counted(count, "connection"))
            }
            _ => format!("{owner}, at {}", ends.join(", ")),
        };
        self.0.get(&pid).into_iter().flatten().map(line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_has_an_end_which_is_said() {
        let joined =
            |words: &[&str], is_cut| joined(words.iter().map(|&word| word.to_owned()), is_cut);
        assert_eq!(joined(&["a", "b"], false).unwrap(), "a b");
        assert_eq!(joined(&["a", "b"], true).unwrap(), "a b …");
        assert_eq!(joined(&[], true).unwrap(), "…");
        assert_eq!(joined(&[], false), None);
        assert_eq!(
            joined(&vec!["''"; 4000], false).unwrap(),
            format!("{} …", vec!["''"; 1365].join(" "))
        );
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(joined(&[&long, "b"], false).unwrap(), format!("{} …", "x".repeat(LONGEST)));
    }

    #[test]
    fn an_age_has_two_units_at_most() {
        let cases = [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (7920, "2 h 12 min"),
            (86400, "1 d 0 h"),
            (400 * 86400, "400 d 0 h"),
        ];
        for (seconds, expected) in cases {
            assert_eq!(age(Duration::from_secs(seconds)), expected);
        }
    }
}
