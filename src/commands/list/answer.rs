//! The answer to a list: what is printed, as values.

use std::collections::BTreeSet;

use crate::commands::Outcome;
use crate::commands::shared::absent::AbsentOwner;
use crate::commands::shared::near_misses::NearMiss;
use crate::model::{Gap, Snapshot};
use crate::query::{BindAttempt, PortVerdict, Row, Rows, Verdict};
use crate::text::advice::Remedy;

/// What is printed, and the exit code.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    /// The rows, in order.
    pub(super) rows: Rows<'a>,
    /// The verdicts on the ports that were asked for.
    pub(super) ports: Ports<'a>,
    /// What is told beside the rows, in this order.
    pub(super) remarks: Vec<Remark<'a>>,
    /// How it ends.
    pub(super) outcome: Outcome,
}

/// The verdicts on the ports that were asked for.
#[derive(PartialEq, Debug)]
pub(super) enum Ports<'a> {
    /// None: no port was asked for, the rows say who holds it, or it could not be looked at.
    NotJudged,
    /// For each port in turn, and for each of the protocols that were asked for.
    Each(Vec<PortVerdict<'a>>),
    /// For more ports than are told of one by one.
    Many(ManyPorts),
}

impl Ports<'_> {
    /// Whether there is a port that nothing holds.
    pub(super) fn is_any_vacant(&self) -> bool {
        match self {
            Self::NotJudged => false,
            Self::Each(verdicts) => vacant(verdicts).next().is_some(),
            Self::Many(many) => !many.is_any_held,
        }
    }
}

/// The ports that nothing holds for any of the protocols, each with its verdicts: one sentence
/// tells of them.
pub(super) fn vacant<'a>(
    verdicts: &'a [PortVerdict<'a>],
) -> impl Iterator<Item = &'a [PortVerdict<'a>]> {
    let ports =
        verdicts.chunk_by(|one, next| one.asked == next.asked && one.protocol < next.protocol);
    ports.filter(|verdicts| verdicts.iter().all(|one| one.verdict() != Verdict::Held))
}

/// The verdict on many ports.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct ManyPorts {
    /// Whether any is held.
    pub(super) is_any_held: bool,
    /// Whether sockets may hold some that cannot be seen.
    pub(super) is_unseen: bool,
    /// The first port that this process may bind, where some are below it.
    pub(super) first_unprivileged: Option<u16>,
}

/// What is told beside the rows.
#[derive(Clone, PartialEq, Debug)]
pub(super) enum Remark<'a> {
    /// Something could not be seen that the answer may depend on.
    Gap(&'a Gap),
    /// What the tables cannot show of rows that are alike, in words.
    Rows(String),
    /// No row has an owner whose PID could be printed.
    NoPid,
    /// No row has an owner: the kernel keeps them all.
    NoProcess,
    /// A driver holds this port in the name of a process of the kernel.
    Driver(u16),
    /// No socket matches, and no verdict says more.
    NoSocket,
    /// An owner that was asked for does not exist.
    Absent(&'a AbsentOwner),
    /// This number stands behind `-p`, and was perhaps meant as a PID.
    ReadAsPort(u16),
    /// Something was nearly asked for.
    NearMiss(NearMiss<'a>),
    /// The verdicts on the ports.
    Ports,
    /// Another network namespace has what was asked for.
    Elsewhere {
        /// Its inode number.
        namespace: u64,
        /// What it has.
        rows: Vec<Row<'a>>,
        /// Where the names are.
        snapshot: &'a Snapshot,
    },
    /// So many more network namespaces have it.
    MoreElsewhere(usize),
    /// Ports belong to a container.
    Container {
        /// The container, in words.
        container: String,
        /// How to stop it.
        stop: Remedy,
        /// The ports.
        ports: BTreeSet<u16>,
    },
    /// So many more containers hold ports.
    MoreContainers(usize),
    /// A bind was tried.
    Bind(&'a BindAttempt),
}
