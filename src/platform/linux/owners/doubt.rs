//! Sockets without an owner that ought to have one: what they are now, and what took their ports.

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::bound;
use super::super::sock_diag::SockDiag;
use super::ports::Ports;
use super::search::Inodes;
use super::walk::Walk;
use crate::model::{Detail, Protocol, Socket, StateSet, TcpState};

/// How often a port that seems to be free is dumped again. The kernel's tables are read bucket by
/// bucket: a socket that begins to listen just then is in none of those that are read.
const CONFIRMATIONS: usize = 2;

/// What a caller wants of sockets.
pub(super) type Wanted<'a> = &'a dyn Fn(&Socket) -> bool;

/// What names a socket: its cookie, or its inode where the table has no cookie.
pub(super) type Name = (Protocol, Option<u64>, Option<u64>);

/// The name of a socket.
pub(super) fn name(socket: &Socket) -> Name {
    let inode = socket.inode.filter(|_| socket.cookie.is_none());
    (socket.protocol, socket.cookie, inode)
}

/// What is asked of successors.
#[derive(Clone, Copy)]
pub(super) struct Terms<'a> {
    /// Which of them ought to be found.
    pub(super) mine: Wanted<'a>,
    /// Which of them are of interest.
    pub(super) wanted: Wanted<'a>,
}

/// Sockets without an owner, and their successors.
pub(super) struct Doubt<'a> {
    /// Those of them that still exist.
    pub(super) rows: Vec<Socket>,
    /// Sockets that are no successors, because they were there before.
    known: FxHashSet<Name>,
    /// The successors that were added.
    joined: FxHashSet<Name>,
    /// The inodes that were searched everywhere.
    pub(super) searched: Inodes,
    /// The ports that are asked for.
    ports: Ports,
    /// How much was wanted to know of each.
    detail: Detail,
    /// What was found so far.
    pub(super) found: &'a mut Walk,
    terms: Terms<'a>,
}

impl<'a> Doubt<'a> {
    /// No successor is known yet, and nothing asked again.
    pub(super) fn new(
        rows: Vec<Socket>,
        known: FxHashSet<Name>,
        found: &'a mut Walk,
        terms: Terms<'a>,
    ) -> Self {
        let detail = detail(&rows);
        Self {
            rows,
            known,
            joined: FxHashSet::default(),
            searched: Inodes::default(),
            ports: Ports::default(),
            detail,
            found,
            terms,
        }
    }

    /// Asks for all of them, and from then on only for the ports that changed hands.
    pub(super) fn ask_again(&mut self) {
        self.ask_connected();
        self.ports = self.rows.iter().filter(|row| !is_asked_exactly(row)).collect();
        self.ports = self.renew();
    }

    /// Connections may be the kernel's by now, or gone. Each is asked for by its ends and cookie.
    fn ask_connected(&mut self) {
        if !self.rows.iter().any(is_asked_exactly) {
            return;
        }
        let Ok(mut diag) = SockDiag::open() else { return };
        self.rows.retain_mut(|socket| {
            if !is_asked_exactly(socket) {
                return true;
            }
            match diag.again(socket) {
                Ok(Some(now)) => *socket = now,
                Ok(None) => return false,
                // What it has become is not known; what it was is.
                Err(_) => {}
            }
            true
        });
    }

    /// Replaces the rows on the ports by what is there now, and returns the ports of those that
    /// have closed. Where the tables cannot be read everything stays as it is.
    pub(super) fn renew(&mut self) -> Ports {
        let mut changed = Ports::default();
        let Some(now) = self.dump() else { return changed };
        let mut now: FxHashMap<Name, Socket> =
            now.into_iter().map(|socket| (name(&socket), socket)).collect();
        let ports = &self.ports;
        self.rows.retain_mut(|row| {
            if is_asked_exactly(row) || !ports.has(row) || is_unlisted(row) {
                return true;
            }
            let Some(same) = now.remove(&name(row)) else {
                changed.insert(row);
                return false;
            };
            *row = same;
            true
        });
        self.join(now.into_values(), &changed);
        changed
    }

    /// Adds what took a port of `changed` since.
    fn join(&mut self, sockets: impl Iterator<Item = Socket>, changed: &Ports) {
        // A port may have been taken by more than one.
        let taken: Ports = self.successors().collect();
        for socket in sockets {
            let is_successor = socket.holds_port()
                && (changed.has(&socket) || taken.has(&socket))
                && !self.known.contains(&name(&socket));
            if is_successor && (self.terms.wanted)(&socket) {
                self.joined.insert(name(&socket));
                self.rows.push(socket);
            }
        }
    }

    /// What holds the ports now; where a port seems to be free, or a socket closed, what has become
    /// of it. None where a table cannot be read.
    fn dump(&self) -> Option<Vec<Socket>> {
        let mut now = self.ports.of_tcp().dump(StateSet::HOLDING, self.detail)?;
        // For BOUND sockets the kernel walks the table of all ports, which takes a millisecond or
        // more; listeners have a small one. Their rows are to be young when they are searched.
        now.retain(|socket| socket.state == Some(TcpState::Bound));
        now.extend(self.ports.dump(StateSet::of(&[TcpState::Listening]), self.detail)?);
        for _ in 0..CONFIRMATIONS {
            let unclear = self.unclear(&now);
            if unclear.is_empty() {
                break;
            }
            now.extend(unclear.dump(StateSet::ALL, self.detail)?);
        }
        Some(now)
    }

    /// The ports that nothing holds, and those of rows that were there from the beginning and are
    /// missing: they may be in another state.
    fn unclear(&self, now: &[Socket]) -> Ports {
        let there: FxHashSet<Name> = now.iter().map(name).collect();
        let held: Ports = now.iter().filter(|socket| socket.holds_port()).collect();
        let dumped = self.rows.iter().filter(|row| !is_asked_exactly(row) && !is_unlisted(row));
        let unclear = dumped.filter(|row| self.ports.has(row)).filter(|row| {
            let is_missing = !there.contains(&name(row)) && !self.joined.contains(&name(row));
            is_missing || !held.has(row)
        });
        unclear.collect()
    }

    /// The successors that were added and are still there.
    pub(super) fn successors(&self) -> impl Iterator<Item = &Socket> {
        self.rows.iter().filter(|row| self.joined.contains(&name(row)))
    }

    /// The inodes of the successors without an owner that ought to be found.
    pub(super) fn sought(&self) -> Inodes {
        let mine = self.successors().filter(|row| (self.terms.mine)(row));
        let inodes = mine.filter_map(|row| row.inode);
        let unknown = inodes.filter(|&inode| inode != 0 && self.found.holders.get(inode).is_none());
        unknown.filter(|inode| !self.searched.contains(inode)).collect()
    }
}

/// As much as is known of the rows.
fn detail(rows: &[Socket]) -> Detail {
    if rows.iter().any(|row| row.drops.is_some()) {
        Detail::Drops
    } else if rows.iter().any(|row| row.idle_ms.is_some()) {
        Detail::Idle
    } else {
        Detail::Brief
    }
}

/// Whether no dump has a socket: it was found among descriptors, and stays as it was found.
fn is_unlisted(socket: &Socket) -> bool {
    socket.state == Some(TcpState::Bound) && bound::are_unlisted()
}

/// Whether a socket is asked for by its ends and its cookie. An exact request finds no BOUND
/// socket, may meet another listener at its port (SO_REUSEPORT), and swaps the ends of UDP.
fn is_asked_exactly(socket: &Socket) -> bool {
    socket.protocol == Protocol::Tcp && socket.foreign.is_some() && socket.cookie.is_some()
}
