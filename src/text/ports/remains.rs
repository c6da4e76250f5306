//! Connections in teardown states on a port that no process holds.

use std::collections::BTreeMap;
use std::fmt;

use crate::model::{Capabilities, Socket, StateSet, TcpState};
use crate::text::durations;

/// Connections in teardown states, which may block a bind: how many in each state, and how long the
/// longest TIME_WAIT has left.
#[derive(Debug, Default)]
pub struct Remains {
    counts: BTreeMap<TcpState, usize>,
    /// Milliseconds; none where the system does not report it.
    time_wait_ms: Option<u32>,
    /// Whether they block a bind without SO_REUSEADDR.
    blocks: bool,
    /// Which binds they block, as far as that is known.
    reuse: Reuse,
}

/// Whether the old sockets had set SO_REUSEADDR. A bind with it succeeds beside them only if they had, and
/// no table shows that.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Reuse {
    /// Reports only that a bind without SO_REUSEADDR fails.
    #[default]
    Unsaid,
    /// Only a bind would show it.
    Unknown,
    /// A bind with SO_REUSEADDR has failed.
    Unset,
}

impl Remains {
    /// The same, with what is known of the old sockets.
    #[must_use]
    pub fn with(self, reuse: Reuse) -> Self {
        Self { reuse, ..self }
    }

    /// Whether they may block a bind, and only a bind would show it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.blocks && !self.counts.is_empty() && self.reuse == Reuse::Unknown
    }

    /// Counts those among `sockets` that are being torn down.
    #[must_use]
    pub fn of<'a>(sockets: impl Iterator<Item = &'a Socket>, capabilities: Capabilities) -> Self {
        let mut remains = Self { blocks: capabilities.teardown_blocks_bind, ..Self::default() };
        for socket in sockets {
            let Some(state) = socket.state.filter(|state| StateSet::TEARDOWN.contains(*state))
            else {
                continue;
            };
            *remains.counts.entry(state).or_insert(0) += 1;
            if let (TcpState::TimeWait, Some(timer)) = (state, socket.timer) {
                remains.time_wait_ms = remains.time_wait_ms.max(Some(timer.expires_ms));
            }
        }
        remains
    }
}

impl fmt::Display for Remains {
    /// ` (12 TIME_WAIT, 58s left; until they end, a bind without SO_REUSEADDR fails)`, or nothing.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.counts.is_empty() {
            return Ok(());
        }
        let counts = self.counts.iter().map(|(state, count)| match (state, self.time_wait_ms) {
            (TcpState::TimeWait, Some(left)) => {
                format!("{count} TIME_WAIT, {} left", durations::left(left))
            }
            (state, _) => format!("{count} {state}"),
        });
        let counts = counts.collect::<Vec<_>>().join(", ");
        let is_one = self.counts.values().sum::<usize>() == 1;
        let until = if is_one { "until it ends" } else { "until they end" };
        let all = if is_one { "both sockets" } else { "they and the new socket" };
        match self.reuse {
            _ if !self.blocks => write!(f, " ({counts})"),
            Reuse::Unsaid => write!(f, " ({counts}; {until}, a bind without SO_REUSEADDR fails)"),
            Reuse::Unknown => write!(
                f,
                " ({counts}; {until}, a bind fails unless {all} set SO_REUSEADDR, which no table shows)"
            ),
            Reuse::Unset => write!(f, " ({counts}; {until}, a bind fails even with SO_REUSEADDR)"),
        }
    }
}
