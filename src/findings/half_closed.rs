//! Whether a connection that its peer has closed just passes through CLOSE_WAIT, is in use, or lasts.
//!
//! The kernel does not say when a FIN came in. It came after the last data from the peer, and not after
//! its last segment, which acknowledges what was sent meanwhile, or is the FIN itself.

use super::Looks;
use crate::model::{OwnedSocket, TcpInfo, TimerKind};

/// When a load test closes hundreds at once, a server takes its time to drain them: a younger one
/// counts only if it is still there at a second snapshot.
pub(super) const YOUNG_MS: u32 = 2_000;

/// A server that streams to peers that have nothing more to say sends something at least so often. No peer
/// that has closed its side waits longer for an answer.
pub(super) const LATELY_MS: u32 = 60_000;

/// In CLOSE_WAIT the kernel counts the FIN as a byte of the receive queue until it is read.
const END_OF_STREAM: u32 = 1;

/// By how much ages differ from the time that passes: the kernel counts in ticks of 10 ms at most.
const TICK_MS: u32 = 20;

/// What was sent longer than this before the peer's last segment was acknowledged by an earlier one. An
/// acknowledgment may be delayed by 200 ms, and takes as long as the network does.
const ACKNOWLEDGED_MS: u32 = 1_000;

/// What becomes of a CLOSE_WAIT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum HalfClosed {
    /// It may pass.
    Young,
    /// Its process has sent data since the peer closed its side.
    InUse,
    /// Its process has sent data within the last minute, before the peer closed its side or after.
    SentLately,
    /// Its process has read what the peer sent, not answered it yet, and may do so.
    Asked,
    /// It stays.
    Lasting,
}

/// What becomes of a CLOSE_WAIT, as far as can be told.
pub(super) fn of(row: &OwnedSocket, looks: &Looks<'_>) -> HalfClosed {
    let lasts = looks.lasts(row);
    if sends(row) || (lasts && has_sent_since(row, looks)) {
        HalfClosed::InUse
    } else if !lasts && last_segment_ms(row).is_none_or(|age| age < YOUNG_MS) {
        HalfClosed::Young
    } else if has_sent_lately(row) {
        HalfClosed::SentLately
    } else if may_be_answered(row, looks) {
        HalfClosed::Asked
    } else {
        HalfClosed::Lasting
    }
}

/// Whether the peer of a server sent a request, closed its side, and may wait for the answer: the request
/// was read, nothing was sent since, and the peer is not known to have closed altogether. (What a client
/// received last is the answer.)
fn may_be_answered(row: &OwnedSocket, looks: &Looks<'_>) -> bool {
    let is_asked = row.socket.tcp_info.is_some_and(|info| info.is_unanswered);
    is_asked
        && looks.machine.listener(&row.socket).is_some()
        && row.socket.queues.receive.is_some_and(|bytes| bytes <= END_OF_STREAM)
        && age_ms(row).is_some_and(|age| age < LATELY_MS)
        && !looks.machine.is_without_peer(row)
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

/// Whether data was sent within the last minute, perhaps after the FIN.
fn has_sent_lately(row: &OwnedSocket) -> bool {
    let may_be_later = |info: TcpInfo| {
        info.last_data_sent_ms < LATELY_MS && !is_sent_before_the_end(info, is_probed(row))
    };
    row.socket.tcp_info.is_some_and(may_be_later)
}

/// Whether the FIN came certainly after all that was sent: more data came in before it, or the last
/// segment is not the acknowledgment of what was sent. Answers to probes say nothing of that.
const fn is_sent_before_the_end(info: TcpInfo, is_probed: bool) -> bool {
    let TcpInfo { last_data_sent_ms: sent, last_ack_received_ms: ack, .. } = info;
    sent >= info.last_data_received_ms || (!is_probed && sent > ack.saturating_add(ACKNOWLEDGED_MS))
}

fn is_probed(row: &OwnedSocket) -> bool {
    row.socket.timer.is_some_and(|timer| timer.kind == TimerKind::Keepalive)
}

/// The time since the peer's last segment, normally its FIN.
fn last_segment_ms(row: &OwnedSocket) -> Option<u32> {
    row.socket.tcp_info.map(|info| info.last_ack_received_ms)
}

/// How long its process has left it at least, in milliseconds. Answers to keepalive probes make the
/// peer's last segment young again, so that only data tells.
#[must_use]
pub fn age_ms(row: &OwnedSocket) -> Option<u32> {
    if is_probed(row) { row.socket.idle_ms } else { last_segment_ms(row) }
}

/// Whether the age is that of the FIN, or of what may have been acknowledged after it.
pub(super) fn is_age_known(row: &OwnedSocket) -> bool {
    let is_known = |info| is_probed(row) || is_sent_before_the_end(info, false);
    row.socket.tcp_info.is_none_or(is_known)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_before_the_end() {
        let is_before = |ack, sent, received| {
            let info = TcpInfo {
                last_ack_received_ms: ack,
                last_data_received_ms: received,
                last_data_sent_ms: sent,
                is_unanswered: received < sent,
            };
            is_sent_before_the_end(info, false)
        };
        // Never sent, and not since the last request.
        assert!(is_before(9_000, 9_000, 9_000) && is_before(5_000, 8_000, 7_000));
        // The end came long after the answer.
        assert!(is_before(5_000, 6_001, 9_000));
        assert!(!is_before(5_000, 6_000, 9_000));
        assert!(!is_before(13_000, 13_001, 44_000));
    }
}
