//! Whether a connection that its peer has closed just passes through CLOSE_WAIT, is in use, or lasts.

use super::Looks;
use crate::model::{OwnedSocket, TimerKind};

/// When a load test closes hundreds at once, a server takes its time to drain them: a younger one
/// counts only if it is still there at a second snapshot.
pub(super) const YOUNG_MS: u32 = 2_000;

/// By how much the moments may differ at which two snapshots read the same socket.
const JITTER_MS: u128 = 250;

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

/// Whether data was sent between the snapshots, in both of which it is a CLOSE_WAIT.
fn has_sent_since(row: &OwnedSocket, looks: &Looks<'_>) -> bool {
    looks.pair(row).is_some_and(|(earlier, later, over)| {
        let sent = |row: &OwnedSocket| row.socket.tcp_info.map(|info| info.last_data_sent_ms);
        let aged = |before: u32| u128::from(before) + over.as_millis();
        // Without data it would be as much older now.
        sent(earlier)
            .zip(sent(later))
            .is_some_and(|(before, now)| u128::from(now) + JITTER_MS < aged(before))
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
