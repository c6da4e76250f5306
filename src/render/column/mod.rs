//! Columns of tables: each knows its title, width, alignment and cells, and what must be known
//! of the system to fill them.
//!
//! A table is a list of columns and rows of one kind; [`super::table`] lays it out. There is an
//! enum of columns for each kind of row, so that a column cannot stand in a table whose rows
//! cannot fill it. A new column is a variant and its match arms. Those of sockets can be asked for
//! by their words, and are terms of the query: [`crate::query::SocketColumn`].

mod dashed;
mod lsof;
mod owners;
mod process;
mod socket;

pub(super) use dashed::Dashed;
pub(super) use lsof::{Held, LsofColumn};
pub(super) use owners::or_dash;
pub(super) use process::ProcessColumn;
pub(super) use socket::whole_cell;

use super::fit::GiveWay;
use crate::model::Depth;

/// The side of its column that a cell is aligned to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Alignment {
    Left,
    Right,
}

/// A column of a table.
pub(super) trait Column: Copy + Sync {
    /// A row of the table.
    type Row: Sync;
    /// What cells are made from in addition to the row: the names of users, for example.
    type Context: ?Sized + Sync;

    /// The title.
    fn title(self) -> &'static str;

    /// The minimum width in columns of the terminal; the title and longer cells widen it.
    fn width(self) -> usize;

    /// The alignment of the cells and of the title.
    fn alignment(self) -> Alignment;

    /// The cell of a row.
    fn cell(self, row: &Self::Row, context: &Self::Context) -> String;

    /// What must be known of sockets and processes for the cells to be complete.
    fn needs(self) -> Depth;

    /// When it gives way on a terminal that is too narrow.
    fn gives_way(self) -> GiveWay {
        GiveWay::Never
    }

    /// Whether other columns say what the cell of a row says, so that it gives way before addresses.
    fn is_repeated(self, row: &Self::Row) -> bool {
        let _ = row;
        false
    }

    /// The cell cut to `width` columns of the terminal, or to as few as it can have.
    fn shortened(self, cell: String, width: usize) -> String {
        let _ = width;
        cell
    }
}

/// What must be known to fill all of these columns.
pub(super) fn needs<C: Column>(columns: &[C]) -> Depth {
    columns.iter().fold(Depth::LEAST, |depth, column| depth.and(column.needs()))
}
