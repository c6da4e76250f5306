//! The answer to a list: what is printed, as values.

use std::collections::BTreeSet;

use crate::commands::Outcome;
use crate::commands::shared::absent::AbsentOwner;
use crate::commands::shared::in_the_way::Alike;
use crate::commands::shared::near_misses::NearMiss;
use crate::model::{Gap, Snapshot, Socket, TcpState};
use crate::query::{BindAttempt, PortVerdict, PortVerdicts, Row, Rows};
use crate::text::advice::Remedy;

/// What is printed, and the exit code.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The rows, in order.
    pub(super) rows: Rows<'a>,
    /// The verdicts on the ports that were asked for, where they were judged.
    pub(super) ports: Option<PortVerdicts<'a>>,
    /// What is reported in addition to the rows, in this order.
    pub(super) remarks: Vec<Remark<'a>>,
    /// How it ends.
    pub(super) outcome: Outcome,
}

/// The ports that no socket holds, as they are reported.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Vacant<'a> {
    /// For each the verdicts by protocol.
    Each(Vec<Vec<PortVerdict<'a>>>),
    /// More ports than are reported one by one.
    Many(ManyPorts),
}

/// The verdict on many ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct ManyPorts {
    /// How many were asked for.
    pub(super) asked: usize,
    /// How many of them no socket holds.
    pub(super) vacant: usize,
    /// Whether sockets may hold some that cannot be seen.
    pub(super) is_unseen: bool,
    /// The first that is free.
    pub(super) first_free: Option<u16>,
    /// The first port that this process may bind, where some are below it.
    pub(super) first_unprivileged: Option<u16>,
}

impl ManyPorts {
    /// Counts one more, by its verdicts, and returns whether no socket holds it.
    pub(super) fn count(&mut self, verdicts: &[PortVerdict<'_>]) -> bool {
        let is_vacant = !verdicts.iter().any(PortVerdict::has_holder);
        self.asked += 1;
        self.vacant += usize::from(is_vacant);
        self.is_unseen |= verdicts.iter().any(PortVerdict::is_unseen);
        is_vacant
    }
}

/// What is reported in addition to the rows.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Remark<'a> {
    /// Something could not be seen that the answer may depend on.
    Gap(&'a Gap),
    /// What the tables cannot show of rows that are alike, in words.
    Rows(String),
    /// Rows are in this state, which was asked for, and in which sockets should not stay.
    Stuck(TcpState),
    /// No row has an owner whose PID could be printed.
    NoPid,
    /// No row has an owner: the kernel keeps them all.
    NoProcess,
    /// A driver holds this port in the name of a process of the kernel.
    Driver(u16),
    /// A service forwards this port.
    Forwarded(u16),
    /// No socket matches, and no verdict says more.
    NoSocket,
    /// An owner that was asked for does not exist.
    Absent(&'a AbsentOwner),
    /// This number follows `-p`, and was perhaps meant as a PID.
    ReadAsPort(u16),
    /// Sockets are in the way of an address that no socket holds.
    InTheWay(Alike<'a>),
    /// Sockets of IPv6 hold the port and leave that of IPv4, which was asked for.
    OnlyIpv6(BTreeSet<u16>),
    /// Sockets hold the port at other addresses, and leave the one that was asked for.
    Beside(Vec<&'a Socket>),
    /// Something was nearly asked for.
    NearMiss(NearMiss),
    /// The verdicts on the ports that no socket holds.
    Vacant(Vacant<'a>),
    /// Another network namespace has what was asked for.
    Elsewhere {
        /// Its inode number.
        namespace: u64,
        /// What it has.
        rows: Vec<Row<'a>>,
        /// Where the names are.
        snapshot: &'a Snapshot,
        /// What lists it.
        list: Remedy,
    },
    /// How many more network namespaces have it.
    MoreElsewhere(usize, Remedy),
    /// Ports belong to a container.
    Container {
        /// The container, in words.
        container: String,
        /// How to stop it.
        stop: Remedy,
        /// The ports.
        ports: BTreeSet<u16>,
    },
    /// How many more containers hold ports.
    MoreContainers(usize),
    /// A bind was tried.
    Bind(&'a BindAttempt),
}
