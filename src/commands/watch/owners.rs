//! Owners, kept from one look to the next: a socket that is known keeps its owner, and only what is new is
//! searched for, until all are searched again.

use std::collections::BTreeSet;
use std::mem;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::likely::likely;
use super::pace;
use super::subject::Subject;
use crate::commands::shared::measured::measured;
use crate::model::{Gap, OwnedSocket, Owner, Pid, Scope, Socket, SocketKey, TableOwner};
use crate::platform::{PlatformError, System};
use crate::query::same_owners;

/// How many owners of closed sockets may be kept in any case.
const SPARE: usize = 100;

/// The owner of a socket, and what has to be the same for it to hold still.
#[derive(Debug)]
struct Known {
    inode: Option<u64>,
    table_owner: Option<TableOwner>,
    owner: Owner,
}

impl Known {
    fn fits(&self, socket: &Socket) -> bool {
        (self.inode, self.table_owner) == (socket.inode, socket.table_owner)
    }
}

/// The owners of the sockets that are watched.
#[derive(Debug)]
pub(super) struct Owners<'a, S: System> {
    system: &'a S,
    subject: &'a Subject,
    known: FxHashMap<SocketKey, Known>,
    /// When all were searched last, and what that has cost.
    confirmed: Option<Duration>,
    cost: Duration,
    /// Whether some were found since by a search that was short: others may hold their sockets too.
    is_unsure: bool,
    /// What could not be seen.
    gaps: Vec<Gap>,
}

impl<'a, S: System> Owners<'a, S> {
    /// Nothing is known yet.
    pub(super) fn new(system: &'a S, subject: &'a Subject) -> Self {
        let (confirmed, cost, is_unsure) = (None, Duration::ZERO, false);
        let (known, gaps) = (FxHashMap::default(), Vec::new());
        Self { system, subject, known, confirmed, cost, is_unsure, gaps }
    }

    /// What could not be seen of them.
    pub(super) fn gaps(&self) -> &[Gap] {
        &self.gaps
    }

    /// The sockets with their owners, and the owners of those that are new; `now` counts from any time on.
    ///
    /// # Errors
    /// When they cannot be searched as was asked.
    pub(super) fn of(
        &mut self,
        sockets: Vec<Socket>,
        now: Duration,
    ) -> Result<(Vec<OwnedSocket>, BTreeSet<Pid>), PlatformError> {
        let since = self.confirmed.map(|last| now.saturating_sub(last));
        if since.is_some_and(|since| !pace::confirms(since, self.cost, self.is_unsure)) {
            return self.completed(sockets);
        }
        self.confirmed = Some(now);
        self.is_unsure = false;
        self.confirm(sockets)
    }

    /// Searches for the owners of all sockets, whatever is known.
    fn confirm(
        &mut self,
        sockets: Vec<Socket>,
    ) -> Result<(Vec<OwnedSocket>, BTreeSet<Pid>), PlatformError> {
        let before = mem::take(&mut self.known);
        self.gaps.clear();
        let (found, cost) = measured(self.system, || self.completed(sockets));
        self.cost = cost;
        let (rows, _) = found?;
        let is_new = |row: &&OwnedSocket| {
            let known = before.get(&row.socket.key());
            known.is_none_or(|known| !same_owners(&known.owner, &row.owner))
        };
        let new = rows.iter().filter(is_new).flat_map(|row| row.owner.pids()).collect();
        Ok((rows, new))
    }

    /// Searches for the owners of those that are not known.
    fn completed(
        &mut self,
        sockets: Vec<Socket>,
    ) -> Result<(Vec<OwnedSocket>, BTreeSet<Pid>), PlatformError> {
        let mut rows = Vec::with_capacity(sockets.len());
        let mut unknown = Vec::new();
        for socket in sockets {
            if let Some(reason) = socket.kernel_reason() {
                rows.push(OwnedSocket { owner: Owner::Kernel(reason), socket });
                continue;
            }
            match self.known.get(&socket.key()).filter(|known| known.fits(&socket)) {
                Some(known) => rows.push(OwnedSocket { owner: known.owner.clone(), socket }),
                None => unknown.push(socket),
            }
        }
        let asked: FxHashSet<SocketKey> = unknown.iter().map(Socket::key).collect();
        let new = self.search(unknown, &rows)?;
        let pids = new.iter().flat_map(|row| row.owner.pids()).collect();
        let keys: FxHashSet<SocketKey> = new.iter().map(|row| row.socket.key()).collect();
        // What took the port of a socket that closed meanwhile may be known.
        if !keys.is_subset(&asked) {
            rows.retain(|row| !keys.contains(&row.socket.key()));
        }
        self.remember(&new);
        rows.extend(new);
        self.forget_closed(&rows);
        Ok((rows, pids))
    }

    /// Searches first where the owners of `known` suggest it. What is not found there has closed as a rule:
    /// a search everywhere is for what is still there.
    fn search(
        &mut self,
        sockets: Vec<Socket>,
        known: &[OwnedSocket],
    ) -> Result<Vec<OwnedSocket>, PlatformError> {
        let likely = likely(&sockets, known);
        if likely.is_empty() {
            return self.search_everywhere(sockets);
        }
        let (mut found, rest) = self.system.owners_among(sockets, &likely);
        self.is_unsure |= !found.is_empty();
        let mut unfound = Vec::new();
        for socket in self.still_there(rest) {
            match socket.kernel_reason() {
                Some(reason) => found.push(OwnedSocket { owner: Owner::Kernel(reason), socket }),
                None => unfound.push(socket),
            }
        }
        found.extend(self.search_everywhere(unfound)?);
        Ok(found)
    }

    /// Those of `sockets` that are there at this moment, as they are now.
    fn still_there(&self, sockets: Vec<Socket>) -> Vec<Socket> {
        let ports: BTreeSet<u16> = sockets.iter().map(|socket| socket.local.port).collect();
        let is_elsewhere = sockets.iter().any(|socket| socket.netns.is_some());
        if sockets.is_empty() || is_elsewhere {
            return sockets;
        }
        let scope = self.subject.scope();
        let ports = ports.into_iter().map(|port| port..=port).collect();
        let Ok(table) = self.system.sockets(&Scope { local_ports: Some(ports), ..scope }) else {
            return sockets;
        };
        if table.gaps.iter().any(Gap::may_hide_rows) {
            return sockets;
        }
        let asked: FxHashSet<SocketKey> = sockets.iter().map(Socket::key).collect();
        table.sockets.into_iter().filter(|socket| asked.contains(&socket.key())).collect()
    }

    fn search_everywhere(
        &mut self,
        sockets: Vec<Socket>,
    ) -> Result<Vec<OwnedSocket>, PlatformError> {
        if sockets.is_empty() {
            return Ok(Vec::new());
        }
        let filter = &self.subject.filter;
        let wanted = |socket: &Socket| filter.admits_socket(socket);
        let mut found = self.system.owners_now(sockets, &wanted)?;
        found.sockets.retain(|row| wanted(&row.socket));
        for gap in found.gaps {
            // Of what was searched in several parts the first count is kept: it is of all at once.
            if !self.gaps.iter().any(|known| known.kind() == gap.kind()) {
                self.gaps.push(gap);
            }
        }
        Ok(found.sockets)
    }

    fn remember(&mut self, new: &[OwnedSocket]) {
        let known = new.iter().map(|row| {
            let OwnedSocket { socket: Socket { inode, table_owner, .. }, owner } = row;
            let (inode, table_owner, owner) = (*inode, *table_owner, owner.clone());
            (row.socket.key(), Known { inode, table_owner, owner })
        });
        self.known.extend(known);
    }

    /// Forgets the owners of sockets that are not there, when those are as many as the others.
    fn forget_closed(&mut self, rows: &[OwnedSocket]) {
        if self.known.len() > 2 * rows.len() + SPARE {
            let keys: FxHashSet<SocketKey> = rows.iter().map(|row| row.socket.key()).collect();
            self.known.retain(|key, _| keys.contains(key));
        }
    }
}
