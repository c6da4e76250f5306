//! What changed between two looks at the system. Pure: nothing here knows the time.

use std::collections::BTreeSet;

use rustc_hash::FxHashMap;

use super::Row;
use super::order::natural;
use crate::model::{OwnedSocket, Owner, Socket, SocketKey};

/// What one look has seen, as far as the next one is compared with it.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    /// The rows that were asked for.
    pub rows: &'a [OwnedSocket],
    /// The sockets that were read and are not among them.
    pub others: &'a [Socket],
    /// What could not be read.
    pub unread: &'a Unread,
}

/// What a look could not read: sockets may be missing there, and have not closed.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Unread {
    /// A table, of which it is not known whose sockets it has.
    pub tables: bool,
    /// Some other network namespaces.
    pub namespaces: bool,
    /// The network namespaces that were read all the same.
    pub read: BTreeSet<u64>,
}

impl Unread {
    /// Whether a socket may be there although it was not seen.
    #[must_use]
    pub fn may_have(&self, socket: &Socket) -> bool {
        let is_elsewhere = socket.netns.is_some_and(|netns| !self.read.contains(&netns));
        self.tables || (self.namespaces && is_elsewhere)
    }
}

/// What became of a socket.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Change {
    /// It was not there before.
    Opened(OwnedSocket),
    /// Its state, its ends or its owners are others.
    Changed {
        /// As it was.
        previous: Box<OwnedSocket>,
        /// As it is.
        now: OwnedSocket,
        /// Whether it is no longer what was asked for.
        leaves: bool,
    },
    /// It is gone.
    Closed(OwnedSocket),
}

impl Change {
    /// The row that it is about, as it is or was last.
    #[must_use]
    pub const fn row(&self) -> Row<'_> {
        match self {
            Self::Opened(row) | Self::Closed(row) | Self::Changed { now: row, .. } => row,
        }
    }
}

/// Sockets by what they are recognized by. Where two have the same, as UDP sockets that share a port
/// may on a system without cookies, they are counted.
fn numbered<'a, T: 'a>(
    all: impl IntoIterator<Item = &'a T>,
    socket: impl Fn(&'a T) -> &'a Socket,
) -> impl Iterator<Item = ((SocketKey, u32), &'a T)> {
    let mut seen: FxHashMap<SocketKey, u32> = FxHashMap::default();
    all.into_iter().map(move |one| {
        let key = socket(one).key();
        // Nothing else has a cookie.
        if matches!(key, SocketKey::Cookie(..)) {
            return ((key, 0), one);
        }
        let number = seen.entry(key).and_modify(|number| *number += 1).or_default();
        ((key, *number), one)
    })
}

/// How far apart the same socket is looked for in two looks.
const NEAR: usize = 16;

/// Two looks, without what is the same in both.
#[derive(Default)]
struct Differing<'a> {
    /// Sockets that are in both, and are not as they were.
    changed: Vec<(Row<'a>, Row<'a>)>,
    /// Those of the look before that are at another place, or gone.
    old: Vec<Row<'a>>,
    /// Those of this look that are at another place, or new.
    new: Vec<Row<'a>>,
}

impl<'a> Differing<'a> {
    /// Goes through both side by side: the kernel lists sockets in the order of its tables, in which almost
    /// all stay where they are. Without this, all of them would have to be looked up.
    fn of(mut before: &'a [OwnedSocket], mut after: &'a [OwnedSocket]) -> Self {
        let mut it = Self::default();
        while let ([old, olds @ ..], [new, news @ ..]) = (before, after) {
            let near = |rows: &'a [OwnedSocket], row| {
                rows.iter().take(NEAR).position(|other| has_same_cookie(other, row))
            };
            if has_same_cookie(old, new) {
                it.changed.extend((!is_unchanged(old, new)).then_some((old, new)));
                (before, after) = (olds, news);
            } else if let Some((come, rest)) =
                near(news, old).and_then(|n| after.split_at_checked(n + 1))
            {
                it.new.extend(come);
                after = rest;
            } else if let Some((gone, rest)) =
                near(olds, new).and_then(|n| before.split_at_checked(n + 1))
            {
                it.old.extend(gone);
                before = rest;
            } else {
                it.old.push(old);
                it.new.push(new);
                (before, after) = (olds, news);
            }
        }
        it.old.extend(before);
        it.new.extend(after);
        it
    }
}

/// Whether both are the same socket, by the kernel's own name for it. Without one they have to be counted.
fn has_same_cookie(one: Row<'_>, other: Row<'_>) -> bool {
    let name = |socket: &Socket| socket.cookie.map(|cookie| (socket.netns, cookie));
    name(&one.socket).is_some_and(|own| name(&other.socket) == Some(own))
}

/// What changed from one look to the next: what opened and what changed, then what closed, each in the
/// table's own order. What a partial look misses has not closed.
#[must_use]
pub fn changes(before: Seen<'_>, after: Seen<'_>) -> Vec<Change> {
    let differing = Differing::of(before.rows, after.rows);
    let mut changes: Vec<Change> =
        differing.changed.iter().map(|(previous, now)| changed(previous, now)).collect();
    changes.extend(come_and_gone(&differing, before, after));
    changes.sort_by(|one, other| {
        let is_closed = |change: &Change| matches!(change, Change::Closed(_));
        let by_kind = is_closed(one).cmp(&is_closed(other));
        by_kind.then_with(|| natural(one.row(), other.row()))
    });
    changes
}

fn come_and_gone(differing: &Differing<'_>, before: Seen<'_>, after: Seen<'_>) -> Vec<Change> {
    let gone = || differing.old.iter().copied();
    let come = || differing.new.iter().copied();
    if gone().next().is_none() && come().next().is_none() {
        return Vec::new();
    }
    let mut old: FxHashMap<_, _> = numbered(gone(), |row| &row.socket).collect();
    let left_out: FxHashMap<_, _> = numbered(before.others, |socket| socket).collect();
    let mut changes = Vec::new();
    for (key, now) in numbered(come(), |row| &row.socket) {
        changes.push(match (old.remove(&key), left_out.get(&key)) {
            (Some(previous), _) if is_unchanged(previous, now) => continue,
            (Some(previous), _) => changed(previous, now),
            // It was there, and was not what was asked for. Its owner was not looked for.
            (None, Some(socket)) => {
                let owner = now.owner.clone();
                changed(&OwnedSocket { socket: (*socket).clone(), owner }, now)
            }
            (None, None) => Change::Opened(now.clone()),
        });
    }
    let others: FxHashMap<_, _> = numbered(after.others, |socket| socket).collect();
    for (key, previous) in numbered(gone(), |row| &row.socket) {
        if !old.contains_key(&key) {
            continue;
        }
        match others.get(&key) {
            Some(socket) => changes.push(left(previous, socket)),
            None if after.unread.may_have(&previous.socket) => {}
            None => changes.push(Change::Closed(previous.clone())),
        }
    }
    changes
}

fn changed(previous: Row<'_>, now: Row<'_>) -> Change {
    Change::Changed { previous: previous.clone().into(), now: now.clone(), leaves: false }
}

fn left(previous: &OwnedSocket, now: &Socket) -> Change {
    let owner = now.kernel_reason().map_or_else(|| previous.owner.clone(), Owner::Kernel);
    let now = OwnedSocket { socket: now.clone(), owner };
    Change::Changed { previous: previous.clone().into(), now, leaves: true }
}

fn is_unchanged(before: Row<'_>, after: Row<'_>) -> bool {
    let facts = |socket: &Socket| (socket.state, socket.local, socket.foreign);
    facts(&before.socket) == facts(&after.socket) && same_owners(&before.owner, &after.owner)
}

/// Whether the same processes hold both. A descriptor may have another number.
#[must_use]
pub fn same_owners(one: &Owner, other: &Owner) -> bool {
    match (one, other) {
        (Owner::Processes(_), Owner::Processes(_)) => one.pids().eq(other.pids()),
        _ => one == other,
    }
}

#[cfg(test)]
mod tests;
