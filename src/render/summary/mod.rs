//! Counts by state, by state and process, and by state and foreign address.

mod column;
mod counts;
mod json;

use std::io::{self, Write};

use anstyle::Style as Ansi;

use self::column::CountColumn::{self, Count, Foreign, Image, Pid, State};
use self::column::{Counted, Subject};
use super::column::needs;
use super::table::Layout;
use super::{Style, View};
use crate::model::Depth;
use crate::query::Rows;

pub(super) use self::counts::{Counts, pid_and_image};
pub use self::json::SummaryJson;

/// The counts as tables.
#[derive(Clone, Copy, Debug)]
pub struct Summary(pub Style);

const BY_STATE: &[CountColumn] = &[State, Count];
const BY_OWNER: &[CountColumn] = &[State, Count, Pid, Image];
const BY_FOREIGN: &[CountColumn] = &[State, Count, Foreign];

/// How many foreign addresses the table shows; the others are one row. JSON has all.
const LARGEST: usize = 10;

impl View for Summary {
    fn needs(&self) -> Depth {
        needs(BY_STATE).and(needs(BY_OWNER)).and(needs(BY_FOREIGN))
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        if rows.rows.is_empty() {
            return Ok(());
        }
        let counts = Counts::of(rows);
        self.write_table(BY_STATE, &by_state(&counts), rows, out)?;
        self.write_gap(out)?;
        self.write_table(BY_OWNER, &by_owner(&counts), rows, out)?;
        if counts.foreign.is_empty() {
            return Ok(());
        }
        self.write_gap(out)?;
        self.write_table(BY_FOREIGN, &by_foreign(&counts), rows, out)
    }
}

impl Summary {
    /// An empty line separates tables without titles.
    fn write_gap(self, out: &mut dyn Write) -> io::Result<()> {
        if self.0.header { Ok(()) } else { writeln!(out) }
    }

    fn write_table(
        self,
        columns: &[CountColumn],
        counts: &[Counted],
        rows: &Rows<'_>,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let layout = Layout::measure(columns, 0, counts.iter(), rows.snapshot);
        if self.0.header {
            writeln!(out)?;
            layout.write_titles(self.0.color, out)?;
            layout.write_ruler(out)?;
        }
        layout.write_rows(counts.iter().map(|row| (row, Ansi::new())), out)
    }
}

fn by_state(counts: &Counts) -> Vec<Counted> {
    let rows = counts.states.iter();
    rows.map(|&(kind, count)| Counted { kind: Some(kind), subject: Subject::State, count })
        .collect()
}

fn by_owner(counts: &Counts) -> Vec<Counted> {
    let rows = counts.owners.iter();
    rows.map(|&((kind, owner), count)| Counted {
        kind: Some(kind),
        subject: Subject::Owner(owner),
        count,
    })
    .collect()
}

/// The largest counts, then the sum of the others.
fn by_foreign(counts: &Counts) -> Vec<Counted> {
    let (largest, others) = counts.foreign.split_at(counts.foreign.len().min(LARGEST));
    let mut rows: Vec<Counted> = largest
        .iter()
        .map(|&((kind, foreign), count)| Counted {
            kind: Some(kind),
            subject: Subject::Foreign(foreign),
            count,
        })
        .collect();
    if !others.is_empty() {
        let count = others.iter().map(|(_, count)| count).sum();
        rows.push(Counted { kind: None, subject: Subject::Others(others.len()), count });
    }
    rows
}
