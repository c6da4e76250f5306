//! The netstat table as the specification draws it, computed here a second time: what the
//! program prints is compared with this, to the column.

/// A row of the netstat table.
pub struct SocketRow {
    cells: [String; 5],
}

/// A row of the netstat table; an empty `state` is UDP's.
pub fn socket(
    protocol: &str,
    local: impl ToString,
    foreign: impl ToString,
    state: &str,
    pid: impl ToString,
) -> SocketRow {
    SocketRow {
        cells: [
            protocol.to_owned(),
            local.to_string(),
            foreign.to_string(),
            state.to_owned(),
            pid.to_string(),
        ],
    }
}

/// The whole netstat table; a cell longer than its column widens it for all rows.
pub fn netstat(rows: &[SocketRow]) -> String {
    const TITLES: [&str; 5] = ["Proto", "Local Address", "Foreign Address", "State", "PID"];
    const WIDTHS: [usize; 4] = [6, 22, 22, 15];
    let width = |column: usize| {
        let cells = rows.iter().map(|row| row.cells[column].chars().count());
        cells.max().unwrap_or(0).max(WIDTHS[column])
    };
    let widths: Vec<usize> = (0..4).map(width).collect();
    let line = |cells: [&str; 5]| {
        let mut line = " ".to_owned();
        for (cell, width) in cells.iter().zip(&widths) {
            line.push_str(&format!(" {cell:<width$}"));
        }
        format!("{line} {}\n", cells[4])
    };
    let mut table = format!("\nActive Connections\n\n{}", line(TITLES));
    for row in rows {
        table.push_str(&line(row.cells.each_ref().map(String::as_str)));
    }
    table
}
