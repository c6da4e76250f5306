//! The columns of tables with a row for each socket.

use super::{Alignment, Column};
use crate::model::{Depth, OwnedSocket, Owner, Snapshot, Socket};
use crate::text::endpoints::{foreign_endpoint, local_endpoint};
use crate::text::escape::fitted;

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
            Self::Namespace => "Netns",
        }
    }

    fn width(self) -> usize {
        match self {
            Self::Protocol => 6,
            Self::Local | Self::Foreign => 22,
            Self::State => 15,
            Self::Pid => 8,
            Self::Namespace => 0,
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
            Self::Pid => pids(&row.owner),
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
            | Self::Namespace => Depth::LEAST,
        }
    }
}

/// How many PIDs a cell lists.
const PIDS_LISTED: usize = 4;

/// Up to four PIDs; `812 +7` for more; 0 where no process can hold the socket, and `?` where a
/// process holds it that is not known.
fn pids(owner: &Owner) -> String {
    match owner {
        Owner::Kernel(_) => "0".to_owned(),
        Owner::Hidden | Owner::NotFound | Owner::Exited(_) => "?".to_owned(),
        Owner::Processes(_) => {
            let pids: Vec<String> = owner.pids().map(|pid| pid.to_string()).collect();
            match pids.split_first() {
                Some((first, others)) if others.len() >= PIDS_LISTED => {
                    format!("{first} +{}", others.len())
                }
                _ => pids.join(","),
            }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Holder, KernelReason, Pid};

    #[test]
    fn the_pid_cell_lists_the_owners_or_marks_why_not() {
        let held_by = |numbers: &[u32]| {
            let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: Some(3) };
            pids(&Owner::Processes(numbers.iter().map(holder).collect()))
        };
        assert_eq!(held_by(&[812]), "812");
        assert_eq!(held_by(&[812, 812, 813, 814, 815]), "812,813,814,815");
        assert_eq!(held_by(&[812, 813, 814, 815, 816, 817, 818, 819]), "812 +7");
        assert_eq!(pids(&Owner::Kernel(KernelReason::TimeWait)), "0");
        assert_eq!(pids(&Owner::Hidden), "?");
        assert_eq!(pids(&Owner::NotFound), "?");
    }
}
