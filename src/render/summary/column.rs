//! The columns of tables with a row for each count.

use super::counts::{Foreign, Kind, OwnerKey, pid_and_image};
use crate::model::{Depth, Snapshot};

use crate::render::column::{Alignment, Column};
use crate::text::endpoints::address;

/// A count, and what is counted.
pub(super) struct Counted {
    /// The state; none for what is not counted by state.
    pub(super) kind: Option<Kind>,
    /// What else is counted.
    pub(super) subject: Subject,
    /// How many sockets.
    pub(super) count: usize,
}

/// What sockets are counted by, besides their state.
pub(super) enum Subject {
    /// Nothing else.
    State,
    /// The owner.
    Owner(OwnerKey),
    /// The foreign address.
    Foreign(Foreign),
    /// This many foreign addresses together.
    Others(usize),
}

/// A fact about a count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum CountColumn {
    /// The TCP state, or `UDP`.
    State,
    /// How many sockets.
    Count,
    /// The PID of the owner.
    Pid,
    /// The image name of the owner.
    Image,
    /// The foreign address.
    Foreign,
}

impl Column for CountColumn {
    type Row = Counted;
    type Context = Snapshot;

    fn title(self) -> &'static str {
        match self {
            Self::State => "State",
            Self::Count => "Count",
            Self::Pid => "PID",
            Self::Image => "Image Name",
            Self::Foreign => "Foreign Address",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::State => 15,
            Self::Count | Self::Pid => 8,
            Self::Image | Self::Foreign => 0,
        }
    }

    fn alignment(self) -> Alignment {
        match self {
            Self::State | Self::Image | Self::Foreign => Alignment::Left,
            Self::Count | Self::Pid => Alignment::Right,
        }
    }

    fn cell(self, row: &Counted, snapshot: &Snapshot) -> String {
        match (self, &row.subject) {
            (Self::State, _) => row.kind.map(state).unwrap_or_default(),
            (Self::Count, _) => row.count.to_string(),
            (Self::Pid, Subject::Owner(owner)) => pid_and_image(*owner, snapshot).0,
            (Self::Image, Subject::Owner(owner)) => pid_and_image(*owner, snapshot).1,
            (Self::Foreign, Subject::Foreign((foreign, interface))) => {
                address(*foreign, *interface, &snapshot.interfaces)
            }
            (Self::Foreign, Subject::Others(addresses)) => format!("({addresses} more)"),
            (Self::Pid | Self::Image | Self::Foreign, _) => String::new(),
        }
    }

    fn needs(self) -> Depth {
        match self {
            Self::State | Self::Count | Self::Pid | Self::Image | Self::Foreign => Depth::LEAST,
        }
    }
}

fn state(kind: Kind) -> String {
    match kind {
        (_, Some(state)) => state.to_string(),
        (protocol, None) => protocol.word().to_uppercase(),
    }
}
