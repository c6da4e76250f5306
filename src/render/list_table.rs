//! Tables of sockets with the columns that were asked for.

use std::io::{self, Write};

use super::column::{self, Dashed, Held, LsofColumn, whole_cell};
use super::table::Layout;
use super::{Style, View, details, netstat};
use crate::model::Depth;
use crate::query::SocketColumn::{self, Namespace, User};
use crate::query::{Row, Rows};

/// One table with these columns.
#[derive(Clone, Debug)]
pub struct Columns {
    /// How it looks.
    pub style: Style,
    /// The columns.
    pub columns: Vec<SocketColumn>,
}

impl View for Columns {
    fn needs(&self) -> Depth {
        column::needs(&self.columns)
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let columns: Vec<Dashed> = self.columns.iter().copied().map(Dashed).collect();
        let all = || rows.rows.iter().copied();
        if rows.rows.is_empty() {
            return Ok(());
        }
        let layout = Layout::measure(&columns, 0, all(), rows.snapshot).fit(self.style, all);
        if self.style.header {
            layout.write_titles(self.style.color, out)?;
        }
        layout.write_rows(all().map(|row| (row, netstat::ansi(row, self.style))), out)
    }
}

/// One table with everything of use, the command lines last.
#[derive(Clone, Copy, Debug)]
pub struct Wide {
    /// How it looks.
    pub style: Style,
    /// Whether the details of each owner follow.
    pub verbose: bool,
}

impl View for Wide {
    fn needs(&self) -> Depth {
        column::needs(&SocketColumn::WIDE)
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut columns = SocketColumn::WIDE.to_vec();
        if !rows.snapshot.namespaces.is_empty() {
            let place = columns.iter().position(|column| *column == User);
            columns.insert(place.unwrap_or(columns.len()), Namespace);
        }
        Columns { style: self.style, columns }.write(rows, out)?;
        if self.verbose { details::write(rows, self.style, out) } else { Ok(()) }
    }
}

/// lsof's table, with a row for each process and descriptor: none for sockets without a process that
/// is known.
#[derive(Clone, Copy, Debug)]
pub struct Lsof {
    /// How it looks.
    pub style: Style,
    /// Whether the rows are sorted by process, as lsof does, and not as they come.
    pub by_process: bool,
}

impl View for Lsof {
    fn needs(&self) -> Depth {
        column::needs(&LsofColumn::ALL)
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut held: Vec<Held<'_>> = rows.rows.iter().copied().flat_map(each_holder).collect();
        if held.is_empty() {
            return Ok(());
        }
        if self.by_process {
            held.sort_by_key(|held| held.holder);
        }
        // As lsof, which cuts nothing for a terminal.
        let layout = Layout::measure(&LsofColumn::ALL, 0, held.iter(), rows.snapshot);
        if self.style.header {
            layout.write_titles(self.style.color, out)?;
        }
        layout.write_rows(held.iter().map(|held| (held, netstat::ansi(held.row, self.style))), out)
    }
}

fn each_holder(row: Row<'_>) -> impl Iterator<Item = Held<'_>> {
    row.owner.holders().iter().map(move |&holder| Held { row, holder })
}

/// Comma-separated values (RFC 4180), with the words of the columns first. What a table bounds is
/// whole; what is not known is empty.
#[derive(Clone, Debug)]
pub struct Csv {
    /// Whether the words of the columns come first.
    pub header: bool,
    /// The columns.
    pub columns: Vec<SocketColumn>,
}

impl View for Csv {
    fn needs(&self) -> Depth {
        column::needs(&self.columns)
    }

    fn write(&self, rows: &Rows<'_>, out: &mut dyn Write) -> io::Result<()> {
        let mut out = csv::Writer::from_writer(out);
        if self.header {
            let words = self.columns.iter().map(|column| column.word());
            out.write_record(words).map_err(unwritten)?;
        }
        for row in &rows.rows {
            let cells = self.columns.iter().map(|column| whole_cell(*column, row, rows.snapshot));
            let cells = cells.map(no_formula);
            out.write_record(cells).map_err(unwritten)?;
        }
        out.flush()
    }
}

/// A cell that no spreadsheet computes: the first character of what would be a formula is written as an
/// escape, as in the text of others.
fn no_formula(cell: String) -> String {
    match cell.chars().next() {
        Some(first @ ('=' | '+' | '-' | '@')) if cell.len() > 1 => {
            format!("\\x{:02x}{}", u32::from(first), cell.get(1..).unwrap_or_default())
        }
        _ => cell,
    }
}

/// What `out` answered: a reader that has left is told apart from other failures.
fn unwritten(error: csv::Error) -> io::Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error,
        other => io::Error::other(format!("{other:?}")),
    }
}
