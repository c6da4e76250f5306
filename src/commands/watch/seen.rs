//! What a look has seen, and what is kept of the look before where it could not see everything.

use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{About, Gap, OwnedSocket, Snapshot, Socket, SocketKey};
use crate::query::{Seen, Unread};

/// How long a socket is kept that may have closed where it cannot be seen.
const KEPT: Duration = Duration::from_mins(1);
/// How many of them are.
const MOST_KEPT: usize = 50_000;

/// What one look has seen.
#[derive(Debug)]
pub(super) struct Look {
    /// The rows that were asked for, and what is known of them.
    pub(super) snapshot: Snapshot,
    /// The sockets that were read and are not among them.
    pub(super) others: Vec<Socket>,
    /// How much is known of processes.
    #[cfg_attr(not(feature = "watch"), expect(dead_code, reason = "only the view asks for more"))]
    pub(super) about: About,
    /// What could not be read.
    pub(super) unread: Unread,
    /// When it was.
    pub(super) at: Duration,
    /// The rows that an earlier look has seen and this one may have missed, and when they were seen.
    pub(super) kept: FxHashMap<SocketKey, Duration>,
}

impl Look {
    /// One that has seen these; `at` counts from any time on.
    pub(super) fn new(
        snapshot: Snapshot,
        others: Vec<Socket>,
        unread: Unread,
        at: Duration,
    ) -> Self {
        Self { snapshot, others, about: About::Table, unread, at, kept: FxHashMap::default() }
    }

    /// The same, with what `before` had seen and this look may have missed: for a minute, and then it is
    /// a gap. It has not closed as far as anybody knows.
    pub(super) fn after(mut self, before: &Self) -> Self {
        if !self.unread.tables && !self.unread.namespaces {
            return self;
        }
        let rows = self.snapshot.sockets.iter().map(|row| row.socket.key());
        let seen: FxHashSet<_> = rows.chain(self.others.iter().map(Socket::key)).collect();
        let mut forgotten = 0;
        for row in &before.snapshot.sockets {
            let key = row.socket.key();
            if seen.contains(&key) || !self.unread.may_have(&row.socket) {
                continue;
            }
            let since = before.kept.get(&key).copied().unwrap_or(before.at);
            if self.at.saturating_sub(since) < KEPT && self.kept.len() < MOST_KEPT {
                self.keep(row, key, since, &before.snapshot);
            } else {
                forgotten += 1;
            }
        }
        if forgotten > 0 {
            self.snapshot.gaps.push(Gap::SocketsForgotten { count: forgotten });
        }
        self
    }

    fn keep(&mut self, row: &OwnedSocket, key: SocketKey, since: Duration, before: &Snapshot) {
        self.kept.insert(key, since);
        self.snapshot.sockets.push(row.clone());
        for pid in row.owner.pids() {
            if let Some(process) = before.processes.get(&pid) {
                self.snapshot.processes.entry(pid).or_insert_with(|| process.clone());
            }
        }
    }

    /// As far as the next look is compared with it.
    pub(super) fn seen(&self) -> Seen<'_> {
        Seen { rows: &self.snapshot.sockets, others: &self.others, unread: &self.unread }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Capabilities, Endpoint, Owner, Pid, Protocol};
    use crate::query::{Change, changes};

    fn look(at: u64, ports: &[u16], tables: bool) -> Look {
        let row = |port: &u16| {
            let end = Endpoint::new([127, 0, 0, 1].into(), *port);
            let socket = Socket { cookie: Some((*port).into()), ..Socket::at(Protocol::Tcp, end) };
            OwnedSocket { socket, owner: Owner::of_process(Pid(7)) }
        };
        let sockets = ports.iter().map(row).collect();
        let snapshot = Snapshot { sockets, ..Snapshot::empty(Capabilities::LINUX) };
        let unread = Unread { tables, ..Unread::default() };
        Look::new(snapshot, Vec::new(), unread, Duration::from_secs(at))
    }

    fn ports(look: &Look) -> Vec<u16> {
        look.snapshot.sockets.iter().map(|row| row.socket.local.port).collect()
    }

    #[test]
    fn what_was_not_seen_is_kept_for_a_minute_and_then_a_gap() {
        let first = look(0, &[80, 90], false);
        let second = look(1, &[90], true).after(&first);
        assert_eq!((ports(&second), second.snapshot.gaps.as_slice()), (vec![90, 80], &[][..]));
        let third = look(59, &[90], true).after(&second);
        assert_eq!(ports(&third), [90, 80]);
        let last = look(60, &[90], true);
        assert_eq!(changes(third.seen(), last.seen()), [], "it has not closed");
        let last = last.after(&third);
        assert_eq!(ports(&last), [90]);
        assert_eq!(last.snapshot.gaps, [Gap::SocketsForgotten { count: 1 }]);
    }

    #[test]
    fn what_was_kept_has_closed_when_all_is_seen_again_and_it_is_not_there() {
        let second = look(1, &[], true).after(&look(0, &[80], false));
        let third = look(2, &[], false);
        let told = changes(second.seen(), third.seen());
        assert!(matches!(told.as_slice(), [Change::Closed(_)]), "{told:?}");
        assert_eq!(ports(&third.after(&second)), [0; 0]);
    }
}
