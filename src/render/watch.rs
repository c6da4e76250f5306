//! What changes between looks: a line for each change, or a JSON object. The names of the fields are a
//! stable interface.

use std::io::{self, Write};
use std::time::SystemTime;

use serde::Serialize;
use unicode_width::UnicodeWidthStr;

use super::column::{Alignment, Column, Dashed};
use super::json::{JsonGap, SCHEMA};
use super::json_process::JsonProcess;
use super::json_socket::JsonSocket;
use super::json_text;
use crate::model::{Gap, Snapshot};
use crate::query::{Change, Row, SocketColumn};
use crate::text::reasons::Reasons;
use crate::text::{gaps, watch as text};

/// Two looks at the system, and what is known of what each has seen.
#[derive(Clone, Copy, Debug)]
pub struct Looks<'a> {
    /// The look before.
    pub before: &'a Snapshot,
    /// This look.
    pub now: &'a Snapshot,
    /// When it was.
    pub at: SystemTime,
}

impl Looks<'_> {
    fn time(self) -> String {
        humantime::format_rfc3339_millis(self.at).to_string()
    }
}

/// A JSON object for each change.
#[derive(Clone, Copy, Debug)]
pub struct JsonChanges<'a>(pub Looks<'a>);

#[derive(Serialize)]
struct JsonChange<'a> {
    schema: u32,
    change: &'static str,
    time: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    socket: Option<JsonSocket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    previous: Option<JsonSocket>,
    #[serde(skip_serializing_if = "Option::is_none")]
    processes: Option<Vec<JsonProcess>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    gap: Option<JsonGap>,
    /// The gap as a sentence.
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
}

impl<'a> JsonChange<'a> {
    const fn new(change: &'static str, time: &'a str) -> Self {
        let (socket, previous, processes, gap, message) = (None, None, None, None, None);
        Self { schema: SCHEMA, change, time, socket, previous, processes, gap, message }
    }

    fn of(self, row: Row<'_>, reasons: &Reasons<'_>, snapshot: &Snapshot) -> Self {
        let known = row.owner.pids().filter_map(|pid| snapshot.processes.get(&pid));
        let processes = known.map(|process| JsonProcess::new(process, snapshot)).collect();
        let socket = JsonSocket::new(row, snapshot, reasons);
        Self { socket: Some(socket), processes: Some(processes), ..self }
    }
}

impl JsonChanges<'_> {
    /// Writes what was there at the first look, and that this is all.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_present(&self, rows: &[Row<'_>], out: &mut dyn Write) -> io::Result<()> {
        let (time, now) = (self.0.time(), self.0.now);
        let reasons = Reasons::new(now);
        for row in rows {
            let present = JsonChange::new(text::PRESENT, &time).of(row, &reasons, now);
            json_text::write_line(&present, out)?;
        }
        json_text::write_line(&JsonChange::new(text::READY, &time), out)
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        let Looks { before, now, .. } = self.0;
        let time = self.0.time();
        let (old, new) = (Reasons::new(before), Reasons::new(now));
        for change in changes {
            let line = match change {
                Change::Opened(row) => JsonChange::new(text::OPENED, &time).of(row, &new, now),
                Change::Closed(row) => JsonChange::new(text::CLOSED, &time).of(row, &old, before),
                Change::Changed { previous, now: row, leaves } => JsonChange {
                    previous: Some(JsonSocket::new(previous, before, &old)),
                    ..JsonChange::new(text::CHANGED, &time).of(
                        row,
                        if *leaves { &old } else { &new },
                        if *leaves { before } else { now },
                    )
                },
            };
            json_text::write_line(&line, out)?;
        }
        Ok(())
    }

    /// Writes what could not be read.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_gaps(&self, gaps: &[Gap], out: &mut dyn Write) -> io::Result<()> {
        let time = self.0.time();
        for gap in gaps {
            let message = Some(gaps::line(gap));
            let gap = Some(JsonGap::new(gap));
            let line = JsonChange { gap, message, ..JsonChange::new(text::GAP, &time) };
            json_text::write_line(&line, out)?;
        }
        Ok(())
    }

    /// Writes that a look failed.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_failure(&self, why: &str, out: &mut dyn Write) -> io::Result<()> {
        let time = self.0.time();
        let message = Some(why.to_owned());
        json_text::write_line(&JsonChange { message, ..JsonChange::new(text::GAP, &time) }, out)
    }
}

/// A line for each change: the time in UTC, what became of it, and the columns. Widths do not change
/// while lines are printed: a cell that is too long moves the others.
#[derive(Clone, Copy, Debug)]
pub struct LineChanges<'a> {
    /// The looks.
    pub looks: Looks<'a>,
    /// The columns.
    pub columns: &'a [SocketColumn],
}

/// The width of `2026-11-29T07:31:02Z`.
const TIME: usize = 20;
/// The width of `changed`.
const WORD: usize = 7;

impl LineChanges<'_> {
    /// Writes the titles.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write_titles(&self, out: &mut dyn Write) -> io::Result<()> {
        let titles = self.columns.iter().map(|column| column.title().to_owned());
        let line = self.line("Time", "Change", titles);
        writeln!(out, "{}", line.trim_end())
    }

    /// Writes what has changed.
    ///
    /// # Errors
    /// What `out` answers.
    pub fn write(&self, changes: &[Change], out: &mut dyn Write) -> io::Result<()> {
        let Looks { before, now, at } = self.looks;
        let time = humantime::format_rfc3339_seconds(at).to_string();
        for change in changes {
            let (word, row, snapshot) = match change {
                Change::Opened(row) => (text::OPENED, row, now),
                Change::Closed(row) => (text::CLOSED, row, before),
                // What is no longer asked for is not described anew.
                Change::Changed { now: row, leaves: true, .. } => (text::CHANGED, row, before),
                Change::Changed { now: row, .. } => (text::CHANGED, row, now),
            };
            let cells = self.columns.iter().map(|column| Dashed(*column).cell(row, snapshot));
            let line = self.line(&time, word, cells);
            let line = line.trim_end();
            match change {
                Change::Changed { previous, now: row, .. } => {
                    writeln!(out, "{line} ({})", text::was(previous, before, row))?;
                }
                _ => writeln!(out, "{line}")?,
            }
        }
        Ok(())
    }

    fn line(&self, time: &str, word: &str, cells: impl Iterator<Item = String>) -> String {
        let mut line = format!("{time:TIME$} {word:WORD$}");
        for (column, cell) in self.columns.iter().zip(cells) {
            let width = column.width().max(column.title().len());
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            line.push(' ');
            match column.alignment() {
                Alignment::Left => line.extend([cell, padding]),
                Alignment::Right => line.extend([padding, cell]),
            }
        }
        line
    }
}
