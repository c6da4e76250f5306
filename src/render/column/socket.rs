//! The columns of tables with a row for each socket.

use super::{Alignment, Column, owners};
use crate::model::{Depth, OwnedSocket, Snapshot, Socket};
use crate::render::fit::GiveWay;
use crate::text::endpoints::{foreign_endpoint, local_endpoint, shortened_endpoint};
use crate::text::escape::{fitted, shortened};

/// A fact about a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::render) enum SocketColumn {
    /// `TCP` or `UDP`.
    Protocol,
    /// The local address and port.
    Local,
    /// The foreign address and port.
    Foreign,
    /// The TCP state; empty for UDP.
    State,
    /// The PIDs of the owners.
    Pid,
    /// The image names of the owners, or why there are none.
    Image,
    /// The network namespace; `-` for the one that portwho runs in.
    Namespace,
}

impl Column for SocketColumn {
    type Row = OwnedSocket;
    type Context = Snapshot;

    fn title(self) -> &'static str {
        match self {
            Self::Protocol => "Proto",
            Self::Local => "Local Address",
            Self::Foreign => "Foreign Address",
            Self::State => "State",
            Self::Pid => "PID",
            Self::Image => "Image Name",
            Self::Namespace => "Netns",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Protocol => 6,
            Self::Local | Self::Foreign => 22,
            Self::State => 15,
            Self::Pid => 8,
            Self::Image | Self::Namespace => 0,
        }
    }

    fn alignment(self) -> Alignment {
        Alignment::Left
    }

    fn cell(self, row: &OwnedSocket, snapshot: &Snapshot) -> String {
        let socket = &row.socket;
        match self {
            Self::Protocol => socket.protocol.word().to_uppercase(),
            Self::Local => local_endpoint(socket, snapshot),
            Self::Foreign => foreign_endpoint(socket, snapshot),
            Self::State => socket.state.map(|state| state.to_string()).unwrap_or_default(),
            Self::Pid => owners::pids(&row.owner),
            Self::Image => owners::images(row, snapshot),
            Self::Namespace => namespace(socket, snapshot),
        }
    }

    fn needs(self) -> Depth {
        match self {
            Self::Protocol
            | Self::Local
            | Self::Foreign
            | Self::State
            | Self::Pid
            | Self::Image
            | Self::Namespace => Depth::LEAST,
        }
    }

    fn gives_way(self) -> GiveWay {
        match self {
            Self::Protocol | Self::State => GiveWay::Never,
            Self::Local | Self::Foreign => GiveWay::Addresses,
            Self::Namespace => GiveWay::Late,
            Self::Pid | Self::Image => GiveWay::Last,
        }
    }

    fn shortened(self, cell: String, width: usize) -> String {
        match self {
            Self::Local | Self::Foreign => shortened_endpoint(&cell, width),
            Self::Pid => owners::shortened_pids(&cell, width),
            _ if self.gives_way() == GiveWay::Never => cell,
            _ => shortened(&cell, width.max(1)),
        }
    }
}

/// The maximum width of a namespace's name.
const NAMESPACE_WIDTH: usize = 25;

fn namespace(socket: &Socket, snapshot: &Snapshot) -> String {
    match socket.netns {
        Some(inode) => fitted(&snapshot.namespace_name(inode), NAMESPACE_WIDTH),
        None => "-".to_owned(),
    }
}
