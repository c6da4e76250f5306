//! lsof's columns: those of sockets, with its titles, for rows of one process and descriptor.

use super::{Alignment, Column};
use crate::model::{Depth, OwnedSocket, Snapshot};
use crate::query::SocketColumn;

/// A column of sockets as lsof prints it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) struct LsofColumn(pub(in crate::render) SocketColumn);

impl Column for LsofColumn {
    type Row = OwnedSocket;
    type Context = Snapshot;

    fn title(self) -> &'static str {
        match self.0 {
            SocketColumn::Image => "COMMAND",
            SocketColumn::User => "USER",
            SocketColumn::Type => "TYPE",
            SocketColumn::Device => "DEVICE",
            SocketColumn::Size => "SIZE/OFF",
            SocketColumn::Node => "NODE",
            SocketColumn::Name => "NAME",
            other => other.title(),
        }
    }

    fn width(self) -> usize {
        0
    }

    fn alignment(self) -> Alignment {
        match self.0 {
            SocketColumn::Image | SocketColumn::Node | SocketColumn::Name => Alignment::Left,
            _ => Alignment::Right,
        }
    }

    /// A name never has a blank, so that the columns can be told apart; neither is a cell empty.
    fn cell(self, row: &OwnedSocket, snapshot: &Snapshot) -> String {
        let cell = self.0.cell(row, snapshot);
        match self.0 {
            _ if cell.is_empty() => "-".to_owned(),
            SocketColumn::Image | SocketColumn::User => cell.replace(' ', "\\x20"),
            // Every socket is open for reading and writing, lsof's `u`.
            SocketColumn::Descriptor => cell + "u",
            _ => cell,
        }
    }

    fn needs(self) -> Depth {
        self.0.needs()
    }
}
