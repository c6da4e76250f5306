//! What has lately become of a socket, as a sign beside its row.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{OwnedSocket, Snapshot, SocketKey};
use crate::query::{Change, Row};

/// How long a row is marked.
const MARKED: Duration = Duration::from_secs(5);

/// How long a row that is gone stays while the order is frozen.
const FROZEN: Duration = Duration::from_mins(2);
/// How many rows that are gone stay, at most.
const MOST_GONE: usize = 5000;

/// What has become of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sign {
    /// It is new.
    New,
    /// It is another than it was.
    Changed,
    /// It is gone.
    Gone,
}

impl Sign {
    /// The sign.
    pub(super) const fn char(self) -> char {
        match self {
            Self::New => '+',
            Self::Changed => '~',
            Self::Gone => '-',
        }
    }
}

/// A mark on a row that is there.
#[derive(Debug)]
struct Mark {
    sign: Sign,
    since: Duration,
    /// As it was: it is sorted by that as long as it is marked.
    place: Option<OwnedSocket>,
}

/// A row that is gone.
#[derive(Clone, Debug)]
pub(super) struct Gone {
    /// As it was last.
    pub(super) row: OwnedSocket,
    /// What was known of it, and of nothing else: many may be kept.
    pub(super) names: Box<Snapshot>,
    since: Duration,
}

/// All marks.
#[derive(Debug, Default)]
pub(super) struct Marks {
    marks: FxHashMap<SocketKey, Mark>,
    gone: Vec<Gone>,
}

impl Marks {
    /// Takes note of what has changed; `names` says what was known of a row.
    pub(super) fn note(
        &mut self,
        changes: &[Change],
        names: impl Fn(Row<'_>) -> Snapshot,
        now: Duration,
    ) {
        let key = |change: &Change| change.row().socket.key();
        let keys: FxHashSet<SocketKey> = changes.iter().map(key).collect();
        self.gone.retain(|gone| !keys.contains(&gone.row.socket.key()));
        for change in changes {
            let key = key(change);
            let (row, sign, place) = match change {
                Change::Opened(_) => (None, Sign::New, None),
                Change::Changed { previous, leaves: false, .. } => {
                    (None, Sign::Changed, Some((**previous).clone()))
                }
                Change::Changed { now: row, .. } => (Some(row), Sign::Changed, None),
                Change::Closed(row) => (Some(row), Sign::Gone, None),
            };
            if let Some(row) = row {
                self.marks.remove(&key);
                let (row, names) = (row.clone(), names(row).into());
                self.gone.push(Gone { row, names, since: now });
            } else {
                self.marks.insert(key, Mark { sign, since: now, place });
            }
        }
    }

    /// Takes old marks off; `keeps` rows that are gone as long as the order is frozen. Returns whether
    /// anything was taken off.
    pub(super) fn expire(&mut self, now: Duration, keeps: bool) -> bool {
        let is_old = |since: Duration| now.saturating_sub(since) >= MARKED;
        let before = (self.marks.len(), self.gone.len());
        self.marks.retain(|_, mark| !is_old(mark.since));
        let kept = if keeps { FROZEN } else { MARKED };
        self.gone.retain(|gone| now.saturating_sub(gone.since) < kept);
        self.gone.drain(..self.gone.len().saturating_sub(MOST_GONE));
        before != (self.marks.len(), self.gone.len())
    }

    /// The sign of a row that is there.
    pub(super) fn sign(&self, key: &SocketKey) -> Option<Sign> {
        self.marks.get(key).map(|mark| mark.sign)
    }

    /// What a row that is there is sorted by, where that is not itself.
    pub(super) fn place(&self, key: &SocketKey) -> Option<&OwnedSocket> {
        self.marks.get(key)?.place.as_ref()
    }

    /// The rows that are gone.
    pub(super) fn gone(&self) -> &[Gone] {
        &self.gone
    }
}
