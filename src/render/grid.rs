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
    /// Whether the protocol was left out.
    has_no_protocol: bool,
}

/// The columns that a narrow screen can leave out, the least useful first. Which socket it is and whose
/// always stays; what the state is, its color tells too.
const LEFT_OUT: [SocketColumn; 6] = [
    SocketColumn::Command,
    SocketColumn::User,
    SocketColumn::Namespace,
    SocketColumn::Protocol,
    SocketColumn::Pid,
    SocketColumn::State,
];

/// The columns without so many of those that can be left out.
#[must_use]
pub fn without(columns: &[SocketColumn], count: usize) -> Vec<SocketColumn> {
    let left_out = LEFT_OUT.iter().filter(|column| columns.contains(column)).take(count);
    let left_out: Vec<&SocketColumn> = left_out.collect();
    columns.iter().filter(|column| !left_out.contains(column)).copied().collect()
}

/// How narrow a line can be with whole addresses.
fn least_width(rooms: &[Room]) -> usize {
    let between = rooms.len().saturating_sub(1);
    rooms.iter().map(Room::least_beside_addresses).sum::<usize>() + between
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
        Self { columns: columns.to_vec(), widths, has_no_protocol: false }
    }

    /// The columns on a narrow screen, on which addresses are whole as far as those of IPv4 go: first the
    /// others are cut, and where that is not enough they have to be left out, see [`Grid::left_out`].
    #[must_use]
    pub fn on_screen(columns: &[SocketColumn], rows: &[Named<'_>], room: usize) -> Self {
        let rooms: Vec<Room> = columns.iter().map(|column| needed(*column, rows)).collect();
        let (_, widths) = fit(0, &rooms, room);
        let whole: Vec<Room> = rooms.iter().copied().map(Room::with_whole_address).collect();
        let has_room = least_width(&rooms) <= room;
        let widths = if has_room { fit(0, &whole, room).1 } else { widths };
        let has_no_protocol = !columns.contains(&SocketColumn::Protocol);
        Self { columns: columns.to_vec(), widths, has_no_protocol }
    }

    /// How many of `columns` a screen has to leave out for addresses to be whole, `at_least` so many.
    #[must_use]
    pub fn left_out(
        columns: &[SocketColumn],
        rows: &[Named<'_>],
        room: usize,
        at_least: usize,
    ) -> usize {
        let most = LEFT_OUT.iter().filter(|column| columns.contains(column)).count();
        let fits = |count: &usize| {
            let columns = without(columns, *count);
            let rooms: Vec<Room> = columns.iter().map(|column| needed(*column, rows)).collect();
            least_width(&rooms) <= room
        };
        (at_least..most).find(fits).unwrap_or(most)
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
            let cell = self.cell(column, (row, snapshot));
            if cell.width() > width { column.shortened(cell, width) } else { cell }
        })
    }

    /// The cell, or the protocol in the place of a state that UDP has none of, where no column has it.
    fn cell(&self, column: SocketColumn, (row, snapshot): Named<'_>) -> String {
        let cell = column.cell(row, snapshot);
        let is_free = column == SocketColumn::State && cell.is_empty();
        if is_free && self.has_no_protocol {
            return SocketColumn::Protocol.cell(row, snapshot);
        }
        cell
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
