//! Whether connect() may take the port of a TIME_WAIT.

use super::Path;
use crate::model::{OwnedSocket, TcpSettings, TcpState};

/// How long TIME_WAIT lasts (`TCP_TIMEWAIT_LEN` in include/net/tcp.h).
const TIME_WAIT_MS: u32 = 60_000;
/// What `tcp_tw_reuse_delay` is unless it was changed, and before Linux 6.14 always.
const REUSE_DELAY_MS: u32 = 1_000;

/// Whether it is a TIME_WAIT whose port connect() may take: an old one, where the settings allow it.
pub(super) fn is_reusable(row: &OwnedSocket, path: &Path, settings: &TcpSettings) -> bool {
    let delay = settings.time_wait_reuse_delay_ms.unwrap_or(REUSE_DELAY_MS);
    let age = row.socket.timer.map(|timer| TIME_WAIT_MS.saturating_sub(timer.expires_ms));
    row.socket.state == Some(TcpState::TimeWait)
        && age.is_some_and(|age| age > delay)
        && may_reuse(path, settings)
}

/// Whether connect() may take the port of an old TIME_WAIT on this path, with these settings
/// (tcp_tw_reuse in the kernel's ip-sysctl.rst; `tcp_twsk_unique()`: an address of this machine that
/// is not a loopback one does not suffice for 2).
pub(super) fn may_reuse(path: &Path, settings: &TcpSettings) -> bool {
    let (local, foreign) = (path.0, path.1.address);
    has_timestamps(settings)
        && match settings.time_wait_reuse {
            Some(1) => true,
            Some(2) => local.is_loopback() || foreign.is_loopback(),
            _ => false,
        }
}

/// Whether the peer's timestamps matter too, without which connect() takes no port of its TIME_WAIT
/// (`tcp_twsk_unique()`: `tw_ts_recent_stamp`). Nothing reports whether it had them. A peer at a loopback
/// address has the settings of this machine.
pub(super) fn needs_timestamps(path: &Path) -> bool {
    !path.0.is_loopback() && !path.1.address.is_loopback()
}

/// Whether there are timestamps, without which no port is taken.
pub(super) fn has_timestamps(settings: &TcpSettings) -> bool {
    settings.timestamps.is_some_and(|value| value != 0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Endpoint;

    #[test]
    fn only_loopback_addresses_are_reused_by_default() {
        let settings = |reuse, timestamps| TcpSettings {
            time_wait_reuse: Some(reuse),
            timestamps: Some(timestamps),
            ..TcpSettings::default()
        };
        let path: Path = ([10, 0, 0, 1].into(), Endpoint::new([10, 0, 0, 2].into(), 443));
        let own = (path.0, Endpoint { address: path.0, port: 443 });
        let loopback = ([127, 0, 0, 1].into(), Endpoint::new([127, 0, 0, 1].into(), 443));
        assert_eq!(
            [path, own, loopback].map(|path| may_reuse(&path, &settings(2, 1))),
            [false, false, true]
        );
        assert_eq!([path, own, loopback].map(|path| may_reuse(&path, &settings(1, 1))), [true; 3]);
        assert_eq!([path, own, loopback].map(|path| may_reuse(&path, &settings(1, 0))), [false; 3]);
        assert_eq!([path, own, loopback].map(|path| may_reuse(&path, &settings(0, 1))), [false; 3]);
    }
}
