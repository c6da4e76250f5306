//! The order of rows.

use std::cmp::{Ordering, Reverse};
use std::net::IpAddr;

use super::Row;
use crate::model::{Endpoint, Family, Protocol, Snapshot, Socket};

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
}

/// Sorts rows.
pub(super) fn sort(rows: &mut [Row<'_>], key: SortKey, snapshot: &Snapshot) {
    rows.sort_unstable_by(|a, b| natural(a, b));
    match key {
        SortKey::Port => {}
        SortKey::Local => rows.sort_by_key(|row| end_key(&row.socket.local)),
        SortKey::Foreign => rows.sort_by_key(|row| row.socket.foreign.as_ref().map(end_key)),
        SortKey::State => rows.sort_by_key(|row| (row.socket.state.is_none(), row.socket.state)),
        SortKey::Pid => rows.sort_by_key(|row| {
            let first = row.owner.pids().next();
            (first.is_none(), first)
        }),
        SortKey::Image => rows.sort_by_cached_key(|row| {
            let first = row.owner.pids().next().and_then(|pid| snapshot.processes.get(&pid));
            let name = first.map(|process| process.name.to_lossy().to_lowercase());
            (name.is_none(), name)
        }),
        SortKey::User => rows.sort_by_cached_key(|row| {
            let name = row.socket.uid.map(|uid| snapshot.user_name(uid));
            (name.is_none(), name)
        }),
        SortKey::RecvQ => rows.sort_by_key(|row| Reverse(row.socket.queues.receive)),
        SortKey::SendQ => rows.sort_by_key(|row| Reverse(row.socket.queues.send)),
    }
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
