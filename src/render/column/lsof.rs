//! lsof's columns, with a row for each process and descriptor of a socket.

use std::marker::PhantomData;

use super::{Alignment, Column};
use crate::model::{Depth, Holder, OwnedSocket, Snapshot};
use crate::query::SocketColumn;
use crate::text::escape::Escaped;

/// A socket, and one of those who hold it. There may be very many of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::render) struct Held<'a> {
    /// The socket.
    pub(in crate::render) row: &'a OwnedSocket,
    /// The process, and its descriptor.
    pub(in crate::render) holder: Holder,
}

/// A column of sockets as lsof prints it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) struct LsofColumn<'a>(SocketColumn, PhantomData<&'a OwnedSocket>);

impl LsofColumn<'_> {
    /// Those of lsof, in its order.
    pub(in crate::render) const ALL: [Self; 9] = [
        Self(SocketColumn::Image, PhantomData),
        Self(SocketColumn::Pid, PhantomData),
        Self(SocketColumn::User, PhantomData),
        Self(SocketColumn::Descriptor, PhantomData),
        Self(SocketColumn::Type, PhantomData),
        Self(SocketColumn::Device, PhantomData),
        Self(SocketColumn::Size, PhantomData),
        Self(SocketColumn::Node, PhantomData),
        Self(SocketColumn::Name, PhantomData),
    ];
}

impl<'a> Column for LsofColumn<'a> {
    type Row = Held<'a>;
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

    /// A name has no blank, and no cell is empty, so that the columns can be told apart.
    fn cell(self, held: &Held<'a>, snapshot: &Snapshot) -> String {
        let process = snapshot.processes.get(&held.holder.pid);
        let cell = match self.0 {
            SocketColumn::Image => process.map(|process| without_blanks(Escaped(&process.name))),
            SocketColumn::User => process
                .and_then(|process| process.user.as_ref())
                .map(|user| without_blanks(Escaped(user))),
            SocketColumn::Pid => Some(held.holder.pid.to_string()),
            // Every socket is open for reading and writing, lsof's `u`.
            SocketColumn::Descriptor => held.holder.descriptor.map(|number| format!("{number}u")),
            column => Some(column.cell(held.row, snapshot)),
        };
        cell.filter(|cell| !cell.is_empty()).unwrap_or_else(|| "-".to_owned())
    }

    fn needs(self) -> Depth {
        self.0.needs()
    }
}

/// As lsof prints a blank in a name.
fn without_blanks(name: Escaped<'_>) -> String {
    name.to_string().replace(' ', "\\x20")
}
