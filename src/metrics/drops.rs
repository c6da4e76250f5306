//! What listeners have dropped since this process looks: the kernel counts for each socket, and forgets
//! with it.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::listeners::Place;
use crate::model::{Socket, SocketIdentity};

/// A socket that has dropped so much since it was made.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dropping<'a> {
    pub(super) place: Place,
    pub(super) socket: &'a Socket,
    pub(super) dropped: u32,
}

/// The drops that were counted from look to look.
#[derive(Debug, Default)]
pub struct Drops {
    last: FxHashMap<SocketIdentity, u32>,
    totals: BTreeMap<Place, u64>,
}

impl Drops {
    /// Adds what was dropped since the last look. The total of a place does not fall when one of its sockets
    /// is closed; it begins anew when the last one is.
    pub(super) fn counted<'a>(
        &mut self,
        rows: impl Iterator<Item = Dropping<'a>>,
    ) -> BTreeMap<Place, u64> {
        let mut now = FxHashMap::default();
        let mut totals: BTreeMap<Place, u64> = BTreeMap::new();
        for row in rows {
            let identity = row.socket.identity();
            // The kernel's counter wraps.
            let before = self.last.get(&identity).copied().unwrap_or_default();
            let more = u64::from(row.dropped.wrapping_sub(before));
            now.insert(identity, row.dropped);
            let begun = || self.totals.get(&row.place).copied().unwrap_or_default();
            *totals.entry(row.place).or_insert_with(begun) += more;
        }
        self.last = now;
        self.totals.clone_from(&totals);
        totals
    }
}
