//! Listeners whose queue is longer than their backlog: the kernel's own mark for full
//! (`sk_acceptq_is_full`).

use super::{Look, suspicion};
use crate::model::{Evidence, Suspicion, TcpState};

/// The queue of each listener, where the system tells it.
pub(super) fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let measured = look.rows(&[TcpState::Listening]).filter_map(|row| {
        let (waiting, backlog) = row.socket.queues.receive.zip(row.socket.queues.send)?;
        let evidence = Evidence::AcceptQueueFull { local: row.socket.local, backlog };
        Some(suspicion(look.culprit(row), waiting as usize, evidence))
    });
    measured.collect()
}
