//! The table of processes, as Windows' `tasklist` prints it.

use std::io::{self, Write};

use anstyle::Style as Ansi;

use super::column::ProcessColumn::{self, Image, Memory, Pid, SessionName, SessionNumber};
use super::table::Layout;
use super::{Style, column};
use crate::model::{Depth, Process};
use crate::query::Rows;

const COLUMNS: &[ProcessColumn] = &[Image, Pid, SessionName, SessionNumber, Memory];

/// What must be known to fill the table.
pub(super) fn needs() -> Depth {
    column::needs(COLUMNS)
}

/// Writes the table of the rows' owners; nothing where no owner is known.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let processes: Vec<&Process> = rows.processes().collect();
    if processes.is_empty() {
        return Ok(());
    }
    let each = || processes.iter().copied();
    let layout = Layout::measure(COLUMNS, 0, each(), rows.snapshot).fit(style, each);
    writeln!(out)?;
    if style.header {
        layout.write_titles(style.color, out)?;
        layout.write_ruler(out)?;
    }
    layout.write_rows(processes.into_iter().map(|process| (process, Ansi::new())), out)
}
