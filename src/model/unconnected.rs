//! TCP sockets that are not connected, and that processes keep.

use std::collections::{BTreeMap, BTreeSet};

use super::{Gap, Pid};

/// TCP sockets that processes have descriptors of and that neither listen nor are connected: they were
/// reset, or never connected. They are BOUND, or no table of the kernel has them.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unconnected {
    /// The inodes of these sockets, by process.
    pub sockets: BTreeMap<Pid, BTreeSet<u64>>,
    /// Whether the descriptors of some processes could not be read.
    pub is_unreadable: bool,
    /// What else was left out.
    pub gaps: Vec<Gap>,
}
