//! Connections with both ends on this machine, of which one side has closed.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::close_wait::Places;
use super::{Look, suspicion};
use crate::model::{
    Culprit, Endpoint, Evidence, LeakPlace, OwnedSocket, Owner, Suspicion, TcpState,
};

/// The pairs of each two processes: who has to close, and who waits.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let waiting = waiting(look);
    let places = Places::of(look);
    let mut groups: BTreeMap<(Culprit, Culprit, LeakPlace), usize> = BTreeMap::new();
    for row in look.rows(&[TcpState::CloseWait]) {
        let ends = row.socket.foreign.map(|foreign| (foreign, row.socket.local));
        if let Some(peer) = ends.and_then(|ends| waiting.get(&ends)) {
            let culprit = look.culprit(row);
            let place = places.place(row, &culprit, look);
            *groups.entry((culprit, look.culprit(peer), place)).or_default() += 1;
        }
    }
    let measured = groups.into_iter().map(|((culprit, waiting, place), count)| {
        suspicion(culprit, count, Evidence::HalfClosedPair { place, waiting })
    });
    measured.collect()
}

/// The FIN_WAIT_2 that somebody holds, by their two ends. One without a process ends by itself.
fn waiting<'a>(look: &Look<'a>) -> FxHashMap<(Endpoint, Endpoint), &'a OwnedSocket> {
    let held =
        look.rows(&[TcpState::FinWait2]).filter(|row| !matches!(row.owner, Owner::Kernel(_)));
    held.filter_map(|row| Some(((row.socket.local, row.socket.foreign?), row))).collect()
}
