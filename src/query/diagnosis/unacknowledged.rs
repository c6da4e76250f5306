//! Connections that we have closed, and whose peer does not acknowledge it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Look, suspicion, thresholds};
use crate::model::{Culprit, Evidence, OwnedSocket, Suspicion, TcpState, TimerKind};

/// All that retransmit, or probe a window that does not answer.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let closed = look.rows(&[TcpState::FinWait1, TcpState::Closing, TcpState::LastAck]);
    let rows: Vec<(&OwnedSocket, u8)> =
        closed.filter_map(|row| Some((row, unanswered(row)?))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let mut states = BTreeMap::new();
    let mut peers = BTreeMap::new();
    for (row, _) in &rows {
        if let (Some(state), Some(foreign)) = (row.socket.state, row.socket.foreign) {
            *states.entry(state).or_default() += 1;
            *peers.entry(foreign.address).or_default() += 1;
        }
    }
    let culprits: BTreeSet<Culprit> = rows.iter().map(|(row, _)| look.culprit(row)).collect();
    let only = culprits.into_iter().collect::<Vec<_>>();
    let culprit = if let [only] = only.as_slice() { only.clone() } else { Culprit::Nobody };
    let most_retransmits = rows.iter().map(|(_, count)| *count).max().unwrap_or_default();
    let evidence = Evidence::UnacknowledgedClose { states, peers, most_retransmits };
    vec![suspicion(culprit, rows.len(), evidence)]
}

/// How often the last segment was sent in vain, where that is often. The kernel counts probes of
/// a closed window anew whenever one is answered.
fn unanswered(row: &OwnedSocket) -> Option<u8> {
    let timer = row.socket.timer?;
    let is_of_sending = matches!(timer.kind, TimerKind::Retransmit | TimerKind::Probe);
    (is_of_sending && timer.retransmits >= thresholds::RETRANSMITS).then_some(timer.retransmits)
}
