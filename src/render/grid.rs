//! Rows of sockets cell by cell, for a view that shows a few of many: only the rows that are given are
//! looked at.

use unicode_width::UnicodeWidthStr;

use super::column::{Alignment, Column};
use super::fit::{Room, fit};
use crate::model::{Depth, Snapshot};
use crate::query::{Row, SocketColumn};
use crate::text::escape::shortened;

/// Columns with the widths that they have on a screen.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grid {
    columns: Vec<SocketColumn>,
    widths: Vec<usize>,
}

/// A row, and where its names are.
pub type Named<'a> = (Row<'a>, &'a Snapshot);

impl Grid {
    /// What must be known to fill these columns.
    #[must_use]
    pub fn needs(columns: &[SocketColumn]) -> Depth {
        super::column::needs(columns)
    }

    /// The columns, wide enough for these rows, as far as `room` has that many.
    #[must_use]
    pub fn fitted(columns: &[SocketColumn], rows: &[Named<'_>], room: usize) -> Self {
        let rooms: Vec<Room> = columns.iter().map(|column| needed(*column, rows)).collect();
        let (_, widths) = fit(0, &rooms, room);
        Self { columns: columns.to_vec(), widths }
    }

    /// The titles as a line.
    #[must_use]
    pub fn titles(&self) -> String {
        let title = |column: SocketColumn, width| shortened(column.title(), width);
        self.line(title)
    }

    /// A row as a line.
    #[must_use]
    pub fn row(&self, (row, snapshot): Named<'_>) -> String {
        self.line(|column, width| {
            let cell = column.cell(row, snapshot);
            if cell.width() > width { column.shortened(cell, width) } else { cell }
        })
    }

    fn line(&self, cell: impl Fn(SocketColumn, usize) -> String) -> String {
        let mut line = String::new();
        for (column, width) in self.columns.iter().zip(&self.widths) {
            if !line.is_empty() {
                line.push(' ');
            }
            let cell = cell(*column, *width);
            let padding = " ".repeat(width.saturating_sub(cell.width()));
            match column.alignment() {
                Alignment::Left => line.extend([cell, padding]),
                Alignment::Right => line.extend([padding, cell]),
            }
        }
        line
    }
}

/// The text of a cell, by which rows can be sorted.
#[must_use]
pub fn cell(column: SocketColumn, (row, snapshot): Named<'_>) -> String {
    column.cell(row, snapshot)
}

/// The title of a column.
#[must_use]
pub fn title(column: SocketColumn) -> &'static str {
    column.title()
}

/// The widths that a column may have for these rows. Where there is room, cells that come later have the
/// same as in a list.
fn needed(column: SocketColumn, rows: &[Named<'_>]) -> Room {
    let title = column.title().len();
    let padded = column.width().max(title);
    let gives_way = column.gives_way();
    let mut room = Room { padded, title, cells: 0, own: 0, least: 0, gives_way };
    for (row, snapshot) in rows {
        let cell = column.cell(row, snapshot);
        let width = cell.width();
        room.padded = room.padded.max(width);
        room.cells = room.cells.max(width);
        if !column.is_repeated(row) {
            room.own = room.own.max(width);
        }
        room.least = room.least.max(column.shortened(cell, 0).width());
    }
    room
}
