//! The details of a socket: asked for by a key, and anew when the socket changes.

use super::event::Effect;
use super::mode::{Details, Mode, Text, TextKind};
use super::state::State;
use crate::model::SocketKey;
use crate::query::same_owners;

impl State {
    pub(super) fn describe(&mut self) -> Vec<Effect> {
        let Some(row) = self.current().cloned() else { return Vec::new() };
        let details =
            Details { row: row.clone(), is_missing: false, is_awaited: true, lines: Vec::new() };
        self.read(TextKind::Details(Box::new(details)));
        vec![Effect::Describe(Box::new(row))]
    }

    /// The details that are on the screen.
    fn details(&mut self) -> Option<&mut Details> {
        match &mut self.mode {
            Mode::Text(Text { kind: TextKind::Details(details), .. }) => Some(details),
            _ => None,
        }
    }

    /// Shows them, unless they are those of another socket.
    pub(super) fn note_details(&mut self, key: SocketKey, lines: Vec<String>) {
        if let Some(details) = self.details().filter(|details| details.row.socket.key() == key) {
            details.lines = lines;
            details.is_awaited = false;
        }
    }

    /// Asks for them again where the last look shows another state or another owner. Of a socket that it
    /// does not show, the system is asked once more: it may have left only what is watched.
    pub(super) fn follow_details(&mut self) -> Option<Effect> {
        let look = self.table.look.clone()?;
        // The socket may change at each look: an answer that is awaited comes first.
        let details = self.details().filter(|details| !details.is_awaited)?;
        let key = details.row.socket.key();
        let now = look.snapshot.sockets.iter().find(|row| row.socket.key() == key);
        let is_same = match now {
            Some(now) => {
                !details.is_missing
                    && now.socket.state == details.row.socket.state
                    && same_owners(&now.owner, &details.row.owner)
            }
            None => details.is_missing,
        };
        details.is_missing = now.is_none();
        if let Some(now) = now {
            details.row = now.clone();
        }
        details.is_awaited = !is_same;
        (!is_same).then(|| Effect::Describe(Box::new(details.row.clone())))
    }
}
