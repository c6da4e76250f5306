//! By which descriptors the holders hold their sockets, as the walk has found.

use rustc_hash::FxHashMap;

use super::plan::Group;
use crate::model::Pid;

/// At most this many descriptors of a process are known: it holds what it was to be ended for as long as it
/// has one.
const KNOWN: usize = 4;

/// The descriptors of each holder that the walk has found, with the inodes of their sockets.
pub(super) fn known_descriptors(group: &Group<'_>) -> FxHashMap<Pid, Vec<(u32, u64)>> {
    let mut known: FxHashMap<Pid, Vec<(u32, u64)>> =
        group.holders.iter().map(|pid| (*pid, Vec::new())).collect();
    for row in &group.sockets {
        for holder in row.owner.holders() {
            let descriptor = holder.descriptor.zip(row.socket.inode);
            if let Some(of_one) = known.get_mut(&holder.pid).filter(|known| known.len() < KNOWN) {
                of_one.extend(descriptor);
            }
        }
    }
    known
}
