//! The table of sockets, as Windows' `netstat -aon` prints it.

use std::io::{self, Write};

use anstyle::{AnsiColor, Style as Ansi};

use super::escape::fitted;
use super::table::{Column, Layout, Line};
use super::{Style, foreign_end, local_end};
use crate::model::{Owner, Snapshot, StateSet, TcpState};
use crate::query::{Row, Rows};

/// Column starts 2, 9, 32, 55 and 71.
const COLUMNS: [Column; 5] = [
    Column::left("Proto", 6),
    Column::left("Local Address", 22),
    Column::left("Foreign Address", 22),
    Column::left("State", 15),
    Column::left("PID", 0),
];
const INDENT: usize = 2;
/// How wide the owners are at least where something stands behind them.
const PID: usize = 8;
/// How many owners are named in the PID cell.
const OWNERS_NAMED: usize = 4;

/// Behind the owners, where sockets of other network namespaces are among the rows.
const NAMESPACE: Column = Column::left("Netns", 0);
const NAMESPACE_WIDTH: usize = 25;

/// Writes the table.
pub(super) fn write(rows: &Rows<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    if rows.snapshot.namespaces.is_empty() {
        return write_table(rows, COLUMNS, style, cells, out);
    }
    let [proto, local, foreign, state, pid] = COLUMNS;
    let columns = [proto, local, foreign, state, Column { width: PID, ..pid }, NAMESPACE];
    write_table(rows, columns, style, cells_with_namespace, out)
}

fn write_table<const N: usize>(
    rows: &Rows<'_>,
    columns: [Column; N],
    style: Style,
    cells: impl Fn(Row<'_>, &Snapshot) -> [String; N],
    out: &mut dyn Write,
) -> io::Result<()> {
    let cells = || rows.rows.iter().map(|row| cells(row, rows.snapshot));
    let layout = Layout::measure(columns, INDENT, cells());
    if style.header {
        writeln!(out, "\nActive Connections\n")?;
        layout.write_titles(style.color, out)?;
    }
    let lines = rows.rows.iter().zip(cells());
    let lines = lines.map(|(row, cells)| Line { cells, ansi: ansi(row, style) });
    layout.write_lines(lines, out)
}

fn cells(row: Row<'_>, snapshot: &Snapshot) -> [String; 5] {
    let socket = &row.socket;
    [
        socket.protocol.word().to_uppercase(),
        local_end(socket, snapshot),
        foreign_end(socket, snapshot),
        socket.state.map(|state| state.to_string()).unwrap_or_default(),
        owner_cell(&row.owner),
    ]
}

fn cells_with_namespace(row: Row<'_>, snapshot: &Snapshot) -> [String; 6] {
    let [proto, local, foreign, state, pid] = cells(row, snapshot);
    let name = row.socket.netns.map(|inode| snapshot.namespace_name(inode));
    let name = name.map_or_else(|| "-".to_owned(), |name| fitted(&name, NAMESPACE_WIDTH));
    [proto, local, foreign, state, pid, name]
}

/// Up to four owners; `812 +7` for more; 0 where nobody can hold the socket, and `?` where
/// somebody does who cannot be named.
fn owner_cell(owner: &Owner) -> String {
    match owner {
        Owner::Kernel(_) => "0".to_owned(),
        Owner::Hidden | Owner::NotFound | Owner::Exited(_) => "?".to_owned(),
        Owner::Processes(_) => {
            let pids: Vec<String> = owner.pids().map(|pid| pid.to_string()).collect();
            match pids.split_first() {
                Some((first, others)) if others.len() >= OWNERS_NAMED => {
                    format!("{first} +{}", others.len())
                }
                _ => pids.join(","),
            }
        }
    }
}

/// Listeners stand out, stuck connections warn, what is over recedes.
fn ansi(row: Row<'_>, style: Style) -> Ansi {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Holder, KernelReason, Pid};

    #[test]
    fn the_pid_cell_says_who_or_why_not() {
        let held_by = |pids: &[u32]| {
            let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: Some(3) };
            owner_cell(&Owner::Processes(pids.iter().map(holder).collect()))
        };
        assert_eq!(held_by(&[812]), "812");
        assert_eq!(held_by(&[812, 812, 813, 814, 815]), "812,813,814,815");
        assert_eq!(held_by(&[812, 813, 814, 815, 816, 817, 818, 819]), "812 +7");
        assert_eq!(owner_cell(&Owner::Kernel(KernelReason::TimeWait)), "0");
        assert_eq!(owner_cell(&Owner::Hidden), "?");
        assert_eq!(owner_cell(&Owner::NotFound), "?");
    }
}
