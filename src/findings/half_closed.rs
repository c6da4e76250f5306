//! Whether a connection that its peer has closed just passes through CLOSE_WAIT, is in use, or lasts.

use super::Looks;
use crate::model::{OwnedSocket, TimerKind};

/// When a load test closes hundreds at once, a server takes its time to drain them: a younger one
/// counts only if it is still there at a second snapshot.
pub(super) const YOUNG_MS: u32 = 2_000;

/// By how much ages differ from the time that passes: the kernel counts in ticks of 10 ms at most.
const TICK_MS: u32 = 20;

/// What becomes of a CLOSE_WAIT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HalfClosed {
    /// It may pass.
    Young,
    /// Its process has sent data since the peer closed its side.
    InUse,
    /// It stays.
    Lasting,
}

/// What becomes of a CLOSE_WAIT, as far as can be told.
pub(super) fn of(row: &OwnedSocket, looks: &Looks<'_>) -> HalfClosed {
    let lasts = looks.lasts(row);
    if sends(row) || (lasts && has_sent_since(row, looks)) {
        HalfClosed::InUse
    } else if lasts || last_segment_ms(row).is_some_and(|age| age >= YOUNG_MS) {
        HalfClosed::Lasting
    } else {
        HalfClosed::Young
    }
}

/// Whether data was sent after the last segment came in, which is the FIN or a later one.
fn sends(row: &OwnedSocket) -> bool {
    let info = row.socket.tcp_info;
    info.is_some_and(|info| info.last_data_sent_ms < info.last_ack_received_ms)
}

/// Whether data was sent between the snapshots, in both of which it is a CLOSE_WAIT. Nothing comes in
/// after a FIN, so that the age of the last data that did tells how much time has passed: how long the
/// snapshots themselves took does not matter.
fn has_sent_since(row: &OwnedSocket, looks: &Looks<'_>) -> bool {
    let infos = looks
        .pair(row)
        .and_then(|(earlier, later)| earlier.socket.tcp_info.zip(later.socket.tcp_info));
    infos.is_some_and(|(earlier, later)| {
        let passed = later.last_data_received_ms.saturating_sub(earlier.last_data_received_ms);
        let unsent = earlier.last_data_sent_ms.saturating_add(passed);
        later.last_data_sent_ms.saturating_add(TICK_MS) < unsent
    })
}

/// The time since the peer's last segment, normally its FIN.
fn last_segment_ms(row: &OwnedSocket) -> Option<u32> {
    row.socket.tcp_info.map(|info| info.last_ack_received_ms)
}

/// How long its process has left it, in milliseconds. Answers to keepalive probes make the peer's last
/// segment young again, so that only data tells.
pub(super) fn age_ms(row: &OwnedSocket) -> Option<u32> {
    let is_probed = row.socket.timer.is_some_and(|timer| timer.kind == TimerKind::Keepalive);
    if is_probed { row.socket.idle_ms } else { last_segment_ms(row) }
}
