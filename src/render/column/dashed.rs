//! Columns in tables whose cells are never empty.

use super::{Alignment, Column};
use crate::model::{Depth, OwnedSocket, Snapshot};
use crate::query::SocketColumn;
use crate::render::fit::GiveWay;

/// A column of sockets, as wide as its cells, with a `-` where there is nothing to show: a reader
/// can count its words.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) struct Dashed(pub(in crate::render) SocketColumn);

impl Column for Dashed {
    type Row = OwnedSocket;
    type Context = Snapshot;

    fn title(self) -> &'static str {
        self.0.title()
    }

    fn width(self) -> usize {
        0
    }

    fn alignment(self) -> Alignment {
        self.0.alignment()
    }

    fn cell(self, row: &OwnedSocket, snapshot: &Snapshot) -> String {
        Some(self.0.cell(row, snapshot))
            .filter(|cell| !cell.is_empty())
            .unwrap_or_else(|| "-".to_owned())
    }

    fn needs(self) -> Depth {
        self.0.needs()
    }

    fn gives_way(self) -> GiveWay {
        self.0.gives_way()
    }

    fn is_repeated(self, row: &OwnedSocket) -> bool {
        self.0.is_repeated(row)
    }

    fn shortened(self, cell: String, width: usize) -> String {
        self.0.shortened(cell, width)
    }
}
