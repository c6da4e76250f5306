//! The columns of tables with a row for each socket.

use super::{Alignment, Column, owners};
use crate::model::{About, Depth, Detail, Family, OwnedSocket, Owner, Snapshot, Socket, Timer};
use crate::query::SocketColumn;
use crate::render::fit::GiveWay;
use crate::text::durations::milliseconds;
use crate::text::endpoints::{foreign_endpoint, local_endpoint, shortened_endpoint};
use crate::text::escape::{fitted, shortened};
use crate::text::{lsof, namespaces};

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
            Self::User => "User",
            Self::Command => "Command",
            Self::LocalPort => "Port",
            Self::ForeignPort => "Foreign Port",
            Self::Service => "Service",
            Self::RecvQ => "Recv-Q",
            Self::SendQ => "Send-Q",
            Self::Timer => "Timer",
            Self::Idle => "Idle",
            Self::Age => "Age",
            Self::Inode => "Inode",
            Self::Descriptor => "FD",
            Self::Namespace => "Netns",
            Self::V6Only => "V6Only",
            Self::Type => "Type",
            Self::Device => "Device",
            Self::Size => "Size/Off",
            Self::Node => "Node",
            Self::Name => "Name",
        }
    }

    /// As wide as in the netstat table; other columns are as wide as their cells.
    fn width(self) -> usize {
        match self {
            Self::Protocol => 6,
            Self::Local | Self::Foreign => 22,
            Self::State => 15,
            Self::Pid => 8,
            _ => 0,
        }
    }

    fn alignment(self) -> Alignment {
        match self {
            Self::RecvQ | Self::SendQ | Self::LocalPort | Self::ForeignPort => Alignment::Right,
            _ => Alignment::Left,
        }
    }

    fn cell(self, row: &OwnedSocket, snapshot: &Snapshot) -> String {
        let socket = &row.socket;
        match self {
            Self::Protocol | Self::Node => socket.protocol.word().to_uppercase(),
            Self::Local => local_endpoint(socket, snapshot),
            Self::Foreign => foreign_endpoint(socket, snapshot),
            Self::State => or_empty(socket.state),
            Self::Pid => owners::pids(&row.owner),
            Self::Image => owners::images(row, snapshot),
            Self::User => owners::users(row, snapshot),
            Self::Command => owners::command(row, snapshot),
            Self::LocalPort => socket.local.port.to_string(),
            Self::ForeignPort => or_empty(socket.foreign.map(|end| end.port)),
            Self::Service => owners::services(row, snapshot),
            Self::RecvQ => or_empty(socket.queues.receive),
            Self::SendQ => or_empty(socket.queues.send),
            Self::Timer => socket.timer.map(timer).unwrap_or_default(),
            Self::Idle => socket.idle_ms.map(milliseconds).unwrap_or_default(),
            Self::Age => owners::age(row, snapshot),
            Self::Inode | Self::Device => or_empty(socket.inode),
            Self::Descriptor => owners::descriptors(&row.owner),
            Self::Namespace => namespace(socket, snapshot),
            Self::V6Only => socket.v6_only.map(yes_or_no).unwrap_or_default().to_owned(),
            Self::Type => socket_type(socket).to_owned(),
            Self::Size => "0t0".to_owned(),
            Self::Name => lsof::name(socket, snapshot),
        }
    }

    fn needs(self) -> Depth {
        match self {
            Self::User | Self::Age => Depth { about: About::Identity, ..Depth::LEAST },
            Self::Command => Depth { about: About::Everything, ..Depth::LEAST },
            Self::Idle => Depth { detail: Detail::Idle, ..Depth::LEAST },
            _ => Depth::LEAST,
        }
    }

    fn gives_way(self) -> GiveWay {
        match self {
            Self::Command => GiveWay::First,
            Self::Local | Self::Foreign => GiveWay::Addresses,
            Self::User | Self::Service | Self::Timer | Self::Namespace => GiveWay::Late,
            Self::Pid | Self::Descriptor => GiveWay::Counted,
            Self::Image => GiveWay::Last,
            _ => GiveWay::Never,
        }
    }

    /// Why the kernel keeps a socket is in its state, or in a remark below.
    fn is_repeated(self, row: &OwnedSocket) -> bool {
        self == Self::Image && matches!(row.owner, Owner::Kernel(_))
    }

    fn shortened(self, cell: String, width: usize) -> String {
        match self {
            Self::Local | Self::Foreign => shortened_endpoint(&cell, width),
            Self::Pid | Self::Descriptor => owners::counted(cell),
            _ if self.gives_way() == GiveWay::Never => cell,
            _ => shortened(&cell, width.max(1)),
        }
    }
}

/// The cell for a program: of a list, all of it, and of command lines the first.
pub(in crate::render) fn whole_cell(
    column: SocketColumn,
    row: &OwnedSocket,
    snapshot: &Snapshot,
) -> String {
    match column {
        SocketColumn::Pid => owners::all_pids(&row.owner),
        SocketColumn::Image => owners::all_images(row, snapshot),
        SocketColumn::Descriptor => owners::all_descriptors(&row.owner),
        SocketColumn::Command => owners::first_command(row, snapshot),
        SocketColumn::Namespace if row.socket.netns.is_none() => String::new(),
        column => column.cell(row, snapshot),
    }
}

fn or_empty(fact: Option<impl ToString>) -> String {
    fact.map(|fact| fact.to_string()).unwrap_or_default()
}

const fn yes_or_no(is_so: bool) -> &'static str {
    if is_so { "yes" } else { "no" }
}

/// `keepalive 2h`, `retransmit 400ms, retransmitted 3 times`.
fn timer(timer: Timer) -> String {
    let again = match timer.retransmits {
        0 => String::new(),
        1 => ", retransmitted once".to_owned(),
        several => format!(", retransmitted {several} times"),
    };
    format!("{} {}{again}", timer.kind.word(), milliseconds(timer.expires_ms))
}

/// The family that the socket was made for: an IPv4 connection may be on an IPv6 socket.
fn socket_type(socket: &Socket) -> &'static str {
    if socket.mapped || socket.family() == Family::V6 { "IPv6" } else { "IPv4" }
}

/// The maximum width of a namespace's name.
const NAMESPACE_WIDTH: usize = 25;

fn namespace(socket: &Socket, snapshot: &Snapshot) -> String {
    match socket.netns {
        Some(inode) => fitted(&namespaces::label(inode, snapshot), NAMESPACE_WIDTH),
        None => "-".to_owned(),
    }
}
