//! The order of rows.

use std::cmp::{Ordering, Reverse};
use std::net::IpAddr;

use super::Row;
use crate::model::{About, Endpoint, Family, Process, Protocol, Snapshot, Socket};

/// What rows are sorted by. Rows that are equal in it stay in the table's own order.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum SortKey {
    /// The table's own order: protocol and family, local port, listeners first, address.
    #[default]
    Port,
    /// The local address, then its port.
    Local,
    /// The foreign address, then its port.
    Foreign,
    /// The state, in the order of a connection's life.
    State,
    /// The lowest PID that owns the socket; those without one last.
    Pid,
    /// The image name of that process.
    Image,
    /// The socket's user.
    User,
    /// The receive queue, longest first.
    RecvQ,
    /// The send queue, longest first.
    SendQ,
    /// How long the socket has existed, or else its process; the youngest first.
    Age,
}

impl SortKey {
    /// What must be known of processes.
    #[must_use]
    pub const fn about(self) -> About {
        match self {
            Self::User | Self::Age => About::Identity,
            _ => About::Table,
        }
    }
}

/// Sorts whatever has a row.
pub fn sort_by_row<T>(all: &mut [T], row: impl Fn(&T) -> Row<'_>, key: SortKey, from: &Snapshot) {
    all.sort_unstable_by(|a, b| natural(row(a), row(b)));
    order_by(all, row, key, from);
}

/// A row's place in the table's own order. Two of them are mostly told apart without a look at the rows, which
/// are all over the memory where there are very many.
#[derive(Clone, Copy, Debug)]
pub struct Natural<'a> {
    key: (Protocol, Family, u16, bool),
    address: IpAddr,
    row: Row<'a>,
}

impl<'a> Natural<'a> {
    /// That of a row.
    #[must_use]
    pub fn of(row: Row<'a>) -> Self {
        Self { key: natural_key(&row.socket), address: row.socket.local.address, row }
    }

    /// The row.
    #[must_use]
    pub const fn row(&self) -> Row<'a> {
        self.row
    }

    /// Which of two comes first.
    #[must_use]
    pub fn compare(&self, other: &Self) -> Ordering {
        let near = |it: &Self| (it.key, it.address);
        near(self).cmp(&near(other)).then_with(|| natural(self.row, other.row))
    }
}

/// Sorts what is in the table's own order by another key.
pub fn order_by<T>(all: &mut [T], row: impl Fn(&T) -> Row<'_>, key: SortKey, from: &Snapshot) {
    match key {
        SortKey::Port => {}
        SortKey::Local => all.sort_by_key(|one| end_key(&row(one).socket.local)),
        SortKey::Foreign => all.sort_by_key(|one| row(one).socket.foreign.as_ref().map(end_key)),
        SortKey::State => all.sort_by_key(|one| {
            let state = row(one).socket.state;
            (state.is_none(), state)
        }),
        SortKey::Pid => all.sort_by_key(|one| {
            let first = row(one).owner.pids().next();
            (first.is_none(), first)
        }),
        SortKey::Image => all.sort_by_cached_key(|one| {
            let name = first_owner(row(one), from).map(|it| it.name.to_lossy().to_lowercase());
            (name.is_none(), name)
        }),
        SortKey::User => all.sort_by_cached_key(|one| {
            let name = row(one).socket.uid.map(|uid| from.user_name(uid));
            (name.is_none(), name)
        }),
        SortKey::RecvQ => all.sort_by_key(|one| Reverse(row(one).socket.queues.receive)),
        SortKey::SendQ => all.sort_by_key(|one| Reverse(row(one).socket.queues.send)),
        SortKey::Age => all.sort_by_cached_key(|one| {
            let started = || first_owner(row(one), from).and_then(|owner| owner.started);
            Reverse(row(one).socket.created().or_else(started))
        }),
    }
}

fn first_owner<'a>(row: Row<'_>, snapshot: &'a Snapshot) -> Option<&'a Process> {
    row.owner.pids().next().and_then(|pid| snapshot.processes.get(&pid))
}

/// The table's own order.
pub(super) fn natural(a: Row<'_>, b: Row<'_>) -> Ordering {
    natural_key(&a.socket)
        .cmp(&natural_key(&b.socket))
        .then_with(|| a.socket.local.address.cmp(&b.socket.local.address))
        .then_with(|| a.socket.foreign.cmp(&b.socket.foreign))
        .then_with(|| a.socket.interface.cmp(&b.socket.interface))
        .then_with(|| a.socket.inode.cmp(&b.socket.inode))
}

fn natural_key(socket: &Socket) -> (Protocol, Family, u16, bool) {
    (socket.protocol, socket.family(), socket.local.port, !socket.is_listening())
}

fn end_key(end: &Endpoint) -> (IpAddr, u16) {
    (end.address, end.port)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use super::*;
    use crate::model::{Capabilities, Holder, OwnedSocket, Owner, Pid};

    #[test]
    fn the_youngest_owner_is_first_and_the_unknown_last() {
        let mut snapshot = Snapshot::empty(Capabilities::LINUX);
        for (pid, age) in [(1, Some(30)), (2, None), (3, Some(10)), (4, Some(20))] {
            let mut process = Process::named(Pid(pid), "web".into());
            process.started =
                age.map(|age| SystemTime::UNIX_EPOCH + Duration::from_secs(100 - age));
            snapshot.processes.insert(Pid(pid), process);
        }
        let held = |pid: u16| {
            let holder = Holder { pid: Pid(pid.into()), descriptor: None };
            let end = Endpoint::new([127, 0, 0, 1].into(), pid);
            OwnedSocket {
                socket: Socket::at(Protocol::Tcp, end),
                owner: Owner::Processes([holder].into()),
            }
        };
        let held: Vec<OwnedSocket> = (1..=4).map(held).collect();
        let mut rows: Vec<Row<'_>> = held.iter().collect();
        sort_by_row(&mut rows, |row| row, SortKey::Age, &snapshot);
        let ports: Vec<u16> = rows.iter().map(|row| row.socket.local.port).collect();
        assert_eq!(ports, [3, 4, 1, 2]);
    }
}
