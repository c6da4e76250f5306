//! Whether a process still holds what it was to be ended for.

use std::io;

use super::watch;
use crate::model::{Gap, Scope, Socket, StateSet};
use crate::platform::{OpenProcess, PlatformError, System};
use crate::text::kill::verdicts as text;

/// The sockets of a group as they were confirmed.
pub(super) struct Confirmed<'a, S> {
    sockets: &'a [&'a Socket],
    system: &'a S,
}

impl<'a, S: System> Confirmed<'a, S> {
    /// These sockets, searched in the tables of `system` at each call.
    pub(super) const fn new(sockets: &'a [&'a Socket], system: &'a S) -> Self {
        Self { sockets, system }
    }

    /// Whether the process holds one of them at this moment, and that one still holds its port.
    /// The descriptors are read between two dumps that agree: a process may have so many that the
    /// socket changes meanwhile.
    ///
    /// # Errors
    /// [`PlatformError::NoSuchProcess`] when it has exited; otherwise when its descriptors or the
    /// tables cannot be read.
    pub(super) fn is_held_by(&self, process: &S::Process) -> Result<bool, PlatformError> {
        let mut holding = self.still_holding(self.sockets)?;
        loop {
            if !process.holds_any(&holding)? {
                return Ok(false);
            }
            let again = self.still_holding(&holding)?;
            if again.len() == holding.len() {
                return Ok(true);
            }
            holding = again;
        }
    }

    /// Those of `sockets` that hold their ports. All sockets of the port are dumped: an exact
    /// request finds no BOUND socket, and may meet another member of a SO_REUSEPORT group.
    fn still_holding<'s>(&self, sockets: &[&'s Socket]) -> Result<Vec<&'s Socket>, PlatformError> {
        if sockets.is_empty() {
            return Ok(Vec::new());
        }
        let scope: Scope = watch::scope(&sockets.iter().copied(), StateSet::HOLDING);
        let now = self.system.sockets(&scope)?;
        let holds = |socket: &&&Socket| now.sockets.iter().any(|later| socket.still_holds(later));
        let holding: Vec<&Socket> = sockets.iter().filter(holds).copied().collect();
        if holding.len() < sockets.len() && now.gaps.iter().any(Gap::may_hide_rows) {
            return Err(PlatformError::Io {
                what: text::UNKNOWN_HOLD.to_owned(),
                why: io::Error::other(text::TABLE_UNREADABLE),
            });
        }
        Ok(holding)
    }
}
