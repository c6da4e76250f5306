//! Processes that do not close what their peers have closed.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::{Look, suspicion, thresholds};
use crate::model::{
    Cause, Culprit, Endpoint, Evidence, KernelReason, Leak, LeakPlace, OwnedSocket, Owner,
    Suspicion, TcpState,
};

/// The CLOSE_WAIT of each culprit: those of a server by their local port, those of a client by
/// where they went.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let places = Places::of(look);
    let mut groups: BTreeMap<(Culprit, LeakPlace), Vec<&OwnedSocket>> = BTreeMap::new();
    for row in look.rows(&[TcpState::CloseWait]) {
        if !waits_in_a_full_queue(row, look) {
            let culprit = look.culprit(row);
            let place = places.place(row, &culprit, look);
            groups.entry((culprit, place)).or_default().push(row);
        }
    }
    let measured = groups.into_iter().map(|((culprit, place), rows)| {
        let evidence = evidence(place, &rows, &culprit, look);
        suspicion(culprit, rows.len(), evidence)
    });
    measured.collect()
}

/// A client that gave up before it was accepted: its socket is in CLOSE_WAIT, and the full queue
/// is the finding.
fn waits_in_a_full_queue(row: &OwnedSocket, look: &Look<'_>) -> bool {
    let is_full = |listener: &OwnedSocket| {
        let queues = listener.socket.queues;
        queues.receive.zip(queues.send).is_some_and(|(waiting, backlog)| waiting > backlog)
    };
    is_unaccepted(row) && look.listener(&row.socket).is_some_and(is_full)
}

fn is_unaccepted(row: &OwnedSocket) -> bool {
    row.owner == Owner::Kernel(KernelReason::NotAccepted)
}

/// How many CLOSE_WAIT each culprit has at each local port, and to each foreign end.
pub(super) struct Places {
    ports: FxHashMap<(Culprit, u16), usize>,
    ends: FxHashMap<(Culprit, Endpoint), usize>,
}

impl Places {
    pub(super) fn of(look: &Look<'_>) -> Self {
        let mut places = Self { ports: FxHashMap::default(), ends: FxHashMap::default() };
        for row in look.rows(&[TcpState::CloseWait]) {
            let culprit = look.culprit(row);
            *places.ports.entry((culprit.clone(), row.socket.local.port)).or_default() += 1;
            if let Some(foreign) = row.socket.foreign {
                *places.ends.entry((culprit, foreign)).or_default() += 1;
            }
        }
        places
    }

    /// A port that is listened on is a server's. So is one that more connections share than go
    /// to the same end: its listener has been closed.
    pub(super) fn place(&self, row: &OwnedSocket, culprit: &Culprit, look: &Look<'_>) -> LeakPlace {
        let port = row.socket.local.port;
        let Some(foreign) = row.socket.foreign else { return LeakPlace::Port(port) };
        let at_port = self.ports.get(&(culprit.clone(), port)).copied().unwrap_or_default();
        let to_end = self.ends.get(&(culprit.clone(), foreign)).copied().unwrap_or_default();
        if at_port > to_end || look.listener(&row.socket).is_some() {
            LeakPlace::Port(port)
        } else {
            LeakPlace::Foreign(foreign)
        }
    }
}

fn evidence(
    place: LeakPlace,
    rows: &[&OwnedSocket],
    culprit: &Culprit,
    look: &Look<'_>,
) -> Evidence {
    let age = |row: &&OwnedSocket| row.socket.tcp_info.map(|info| info.last_ack_received_ms);
    let mut causes = BTreeMap::new();
    for queue in rows.iter().filter_map(|row| row.socket.queues.receive) {
        *causes.entry(Cause::of_queue(queue)).or_default() += 1;
    }
    let own = look.descriptors(culprit);
    Evidence::CloseWaitLeak(Leak {
        place,
        oldest_ms: rows.iter().filter_map(age).max(),
        old: rows.iter().filter_map(age).filter(|age| *age > thresholds::OLD_MS).count(),
        causes,
        not_accepted: rows.iter().filter(|row| is_unaccepted(row)).count(),
        descriptors: own.and_then(|own| own.descriptors),
        descriptor_limit: own.and_then(|own| own.descriptor_limit),
    })
}
