//! Processes that are ended together.

use std::collections::BTreeSet;

use super::refusal::Refusal;
use crate::model::Pid;
use crate::query::Row;

/// Related processes that hold sockets together: one cannot be ended without the others' socket
/// staying held.
#[derive(Clone, Debug, Default)]
pub(super) struct Group<'a> {
    /// The sockets they hold.
    pub(super) sockets: Vec<Row<'a>>,
    /// Those of the holders that were asked for, and no others.
    pub(super) holders: BTreeSet<Pid>,
    /// Every process that holds one of the sockets, asked for or not.
    pub(super) all_holders: BTreeSet<Pid>,
    /// Others that hold these sockets and were asked for, but are unrelated: a group of their own.
    pub(super) unrelated: BTreeSet<Pid>,
    /// The ports they hold, of those asked for.
    pub(super) ports: BTreeSet<u16>,
    /// The ports they hold beside those.
    pub(super) other_ports: BTreeSet<u16>,
    /// Why none of them is ended, if so.
    pub(super) refusal: Option<(Pid, Refusal)>,
    /// Whether these are several groups, which are too many to be reported one by one.
    pub(super) is_crowd: bool,
}

impl Group<'_> {
    /// Those of the holders that hold this port.
    pub(super) fn holders_of(&self, port: u16) -> BTreeSet<Pid> {
        let rows = self.sockets.iter().filter(|row| row.socket.local.port == port);
        rows.flat_map(|row| row.owner.pids()).filter(|pid| self.holders.contains(pid)).collect()
    }
}
