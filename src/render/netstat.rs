//! The table of sockets, as Windows' `netstat -aon` prints it, and the names of their processes.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::table::Layout;
use super::{Style, column};
use crate::model::{Depth, StateSet, TcpState};
use crate::query::SocketColumn::{self, Foreign, Image, Local, Namespace, Pid, Protocol, State};
use crate::query::{Row, Rows};

/// They start in columns 2, 9, 32, 55, 71 and 80 of a line.
const COLUMNS: &[SocketColumn] = &[Protocol, Local, Foreign, State, Pid, Image];
/// Where sockets of other network namespaces are among the rows.
const WITH_NAMESPACE: &[SocketColumn] = &[Protocol, Local, Foreign, State, Pid, Image, Namespace];
const INDENT: usize = 2;

/// What must be known to fill the table.
pub(super) fn needs() -> Depth {
    column::needs(WITH_NAMESPACE)
}

/// Writes the table.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let snapshot = rows.snapshot;
    let columns = if snapshot.namespaces.is_empty() { COLUMNS } else { WITH_NAMESPACE };
    let layout = Layout::measure(columns, INDENT, rows.rows.iter().copied(), snapshot)
        .fit(style, || rows.rows.iter().copied());
    if style.header {
        writeln!(out, "\nActive Connections\n")?;
        layout.write_titles(style.color, out)?;
    }
    layout.write_rows(rows.rows.iter().map(|&row| (row, ansi(row, style))), out)
}

/// Listeners are green, stuck connections yellow, closed connections dimmed.
pub(super) fn ansi(row: Row<'_>, style: Style) -> Ansi {
    let plain = Ansi::new();
    match row.socket.state {
        Some(state) if !style.color || state == TcpState::Established => plain,
        Some(TcpState::Listening) => plain.fg_color(Some(AnsiColor::Green.into())),
        Some(TcpState::TimeWait) => plain.dimmed(),
        Some(state) if StateSet::STUCK.contains(state) => {
            plain.fg_color(Some(AnsiColor::Yellow.into()))
        }
        _ => plain,
    }
}
