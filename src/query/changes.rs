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

/// Rows by what they are recognized by. Where two have the same, as UDP sockets that share a port
/// may on a system without cookies, they are counted.
fn numbered<'a, T>(
    all: &'a [T],
    socket: impl Fn(&'a T) -> &'a Socket,
) -> impl Iterator<Item = ((SocketKey, u32), &'a T)> {
    let mut seen: FxHashMap<SocketKey, u32> = FxHashMap::default();
    all.iter().map(move |one| {
        let key = socket(one).key();
        // Nothing else has a cookie.
        if matches!(key, SocketKey::Cookie(..)) {
            return ((key, 0), one);
        }
        let number = seen.entry(key).and_modify(|number| *number += 1).or_default();
        ((key, *number), one)
    })
}

/// What changed from one look to the next: what opened and what changed, then what closed, each in the
/// table's own order. What a partial look misses has not closed.
#[must_use]
pub fn changes(before: Seen<'_>, after: Seen<'_>) -> Vec<Change> {
    let mut old: FxHashMap<_, _> = numbered(before.rows, |row| &row.socket).collect();
    let left_out: FxHashMap<_, _> = numbered(before.others, |socket| socket).collect();
    let mut changes = Vec::new();
    for (key, now) in numbered(after.rows, |row| &row.socket) {
        let previous = match (old.remove(&key), left_out.get(&key)) {
            (Some(previous), _) if is_unchanged(previous, now) => continue,
            (Some(previous), _) => Some(previous.clone()),
            // It was there, and was not what was asked for. Its owner was not looked for.
            (None, Some(socket)) => {
                Some(OwnedSocket { socket: (*socket).clone(), owner: now.owner.clone() })
            }
            (None, None) => None,
        };
        changes.push(match previous {
            Some(previous) => {
                Change::Changed { previous: previous.into(), now: now.clone(), leaves: false }
            }
            None => Change::Opened(now.clone()),
        });
    }
    let others: FxHashMap<_, _> = numbered(after.others, |socket| socket).collect();
    for (key, previous) in numbered(before.rows, |row| &row.socket) {
        if !old.contains_key(&key) {
            continue;
        }
        match others.get(&key) {
            Some(socket) => changes.push(left(previous, socket)),
            None if after.unread.may_have(&previous.socket) => {}
            None => changes.push(Change::Closed(previous.clone())),
        }
    }
    changes.sort_by(|one, other| {
        let is_closed = |change: &Change| matches!(change, Change::Closed(_));
        let by_kind = is_closed(one).cmp(&is_closed(other));
        by_kind.then_with(|| natural(one.row(), other.row()))
    });
    changes
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
mod tests {
    use super::*;
    use crate::model::{Endpoint, Holder, KernelReason, Pid, Protocol, TcpState};

    fn row(cookie: u64, state: TcpState, pid: u32) -> OwnedSocket {
        let local = Endpoint::new([127, 0, 0, 1].into(), 80);
        let foreign = (!state.holds_port()).then(|| Endpoint::new([127, 0, 0, 1].into(), 5000));
        let inode = if pid == 0 { 0 } else { cookie + 100 };
        let socket = Socket {
            state: Some(state),
            foreign,
            cookie: Some(cookie),
            inode: Some(inode),
            ..Socket::at(Protocol::Tcp, local)
        };
        let owner = match socket.kernel_reason() {
            Some(reason) => Owner::Kernel(reason),
            None => Owner::of_process(Pid(pid)),
        };
        OwnedSocket { socket, owner }
    }

    fn compared(before: &[OwnedSocket], after: &[OwnedSocket]) -> Vec<Change> {
        let unread = Unread::default();
        let seen = |rows| Seen { rows, others: &[], unread: &unread };
        changes(seen(before), seen(after))
    }

    #[test]
    fn what_closed_is_told_last() {
        let listener = row(1, TcpState::Listening, 812);
        let open = row(2, TcpState::Established, 812);
        let over = row(2, TcpState::TimeWait, 0);
        let before = [listener.clone(), open.clone()];
        let after = [row(3, TcpState::Established, 812), over.clone()];
        let expected = [
            Change::Changed { previous: open.into(), now: over, leaves: false },
            Change::Opened(after[0].clone()),
            Change::Closed(listener),
        ];
        assert_eq!(compared(&before, &after), expected);
        assert_eq!(compared(&after, &after), []);
    }

    #[test]
    fn an_owner_is_a_change_and_a_descriptor_is_none() {
        let before = row(1, TcpState::Listening, 812);
        let with = |holders: &[(u32, u32)]| {
            let holder = |(pid, fd): &(u32, u32)| Holder { pid: Pid(*pid), descriptor: Some(*fd) };
            let owner = Owner::Processes(holders.iter().map(holder).collect());
            OwnedSocket { owner, ..before.clone() }
        };
        assert_eq!(compared(std::slice::from_ref(&before), &[with(&[(812, 3), (812, 4)])]), []);
        let shared = compared(std::slice::from_ref(&before), &[with(&[(812, 3), (813, 3)])]);
        assert!(matches!(shared.as_slice(), [Change::Changed { .. }]), "{shared:?}");
    }

    #[test]
    fn what_could_not_be_read_has_not_closed() {
        let before = [row(1, TcpState::Listening, 812)];
        let all = Unread::default();
        let none = Unread { tables: true, ..Unread::default() };
        let seen = |rows, unread| Seen { rows, others: &[], unread };
        assert_eq!(changes(seen(&before, &all), seen(&[], &none)), []);
        assert_eq!(changes(seen(&before, &none), seen(&[], &all)).len(), 1);
    }

    #[test]
    fn a_namespace_that_could_not_be_read_keeps_its_sockets_and_no_others() {
        let within = |cookie, netns| {
            let row = row(cookie, TcpState::Listening, 812);
            OwnedSocket { socket: Socket { netns, ..row.socket }, ..row }
        };
        let before = [within(1, None), within(2, Some(7)), within(3, Some(8))];
        let unread = Unread { namespaces: true, read: [7].into(), ..Unread::default() };
        let seen = |rows, unread| Seen { rows, others: &[], unread };
        let closed = changes(seen(&before, &unread), seen(&[], &unread));
        let closed: Vec<Option<u64>> = closed.iter().map(|it| it.row().socket.netns).collect();
        assert_eq!(closed, [None, Some(7)]);
    }

    #[test]
    fn a_socket_that_is_no_longer_asked_for_has_changed_and_not_closed() {
        let open = row(2, TcpState::Established, 812);
        let over = row(2, TcpState::TimeWait, 0);
        let unread = &Unread::default();
        let before = Seen { rows: std::slice::from_ref(&open), others: &[], unread };
        let others = std::slice::from_ref(&over.socket);
        let after = Seen { rows: &[], others, unread };
        let leaving =
            Change::Changed { previous: open.clone().into(), now: over.clone(), leaves: true };
        assert_eq!(over.owner, Owner::Kernel(KernelReason::TimeWait));
        assert_eq!(changes(before, after), [leaving]);
        // And the other way round.
        let back = changes(after, before);
        let [Change::Changed { previous, now, leaves: false }] = back.as_slice() else {
            panic!("{back:?}")
        };
        assert_eq!((&previous.socket, now), (&over.socket, &open));
    }

    #[test]
    fn sockets_that_nothing_tells_apart_are_counted() {
        let udp = |pid| OwnedSocket {
            socket: Socket::at(Protocol::Udp, Endpoint::new([0, 0, 0, 0].into(), 5353)),
            owner: Owner::of_process(Pid(pid)),
        };
        assert_eq!(compared(&[udp(1), udp(2)], &[udp(1), udp(2)]), []);
        assert_eq!(compared(&[udp(1), udp(2)], &[udp(1)]), [Change::Closed(udp(2))]);
        assert_eq!(compared(&[udp(1)], &[udp(1), udp(2)]), [Change::Opened(udp(2))]);
    }
}
