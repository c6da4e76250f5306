//! One look after another. What was found out at one look is kept for the next: a socket that is known
//! keeps its owner, and only what is new is searched for, until all are searched again.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::likely::likely;
use super::seen::Look;
use super::subject::Subject;
use crate::commands::shared::survey::{incomplete, name_all};
use crate::model::{
    About, Gap, Namespace, OwnedSocket, Owner, Pid, Process, Reach, Scope, Snapshot, Socket,
    SocketKey, TableOwner, Uid, Untrusted,
};
use crate::platform::{NamespaceTable, PlatformError, SocketTable, System};
use crate::query::Unread;

/// After this time every owner is searched again: a socket may be passed on while it stays what it is.
/// So are network namespaces.
const CONFIRMED: Duration = Duration::from_secs(10);

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

/// Looks, and remembers.
#[derive(Debug)]
pub(super) struct Looker<'a, S: System> {
    system: &'a S,
    subject: &'a Subject,
    owners: FxHashMap<SocketKey, Known>,
    /// How much is asked of processes.
    about: About,
    /// Other network namespaces, if they are looked at.
    namespaces: Option<S::Namespaces>,
    /// When all owners were searched last.
    confirmed: Option<Duration>,
    processes: BTreeMap<Pid, Process>,
    users: BTreeMap<Uid, Untrusted>,
    /// What could not be seen of owners.
    gaps: Vec<Gap>,
}

impl<'a, S: System> Looker<'a, S> {
    /// One that has not looked yet.
    pub(super) fn new(system: &'a S, subject: &'a Subject) -> Self {
        Self {
            system,
            subject,
            owners: FxHashMap::default(),
            about: subject.depth.about,
            namespaces: None,
            confirmed: None,
            processes: BTreeMap::new(),
            users: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    /// From now on asks more of processes, if this is more.
    #[cfg(feature = "watch")]
    pub(super) fn deepen(&mut self, about: About) {
        if about > self.about {
            self.about = about;
            self.processes.clear();
        }
    }

    /// Looks; `now` counts from any time on.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn look(&mut self, now: Duration) -> Result<Look, PlatformError> {
        let is_due = |last: Duration| now.saturating_sub(last) >= CONFIRMED;
        if self.confirmed.is_none_or(is_due) {
            self.forget();
            self.confirmed = Some(now);
        }
        let (table, namespaces, unread) = self.table()?;
        let filter = &self.subject.filter;
        let (asked, mut others): (Vec<Socket>, Vec<Socket>) =
            table.sockets.into_iter().partition(|socket| filter.admits_socket(socket));
        let (rows, new) = self.owned(asked)?;
        let mut snapshot = self.described(rows, &new, table.gaps);
        snapshot.namespaces = namespaces;
        let all = mem::take(&mut snapshot.sockets);
        let (rows, left): (Vec<OwnedSocket>, Vec<OwnedSocket>) =
            all.into_iter().partition(|row| filter.admits(row, &snapshot));
        others.extend(left.into_iter().map(|row| row.socket));
        let about = self.about;
        let snapshot = Snapshot { sockets: rows, ..snapshot };
        Ok(Look { about, ..Look::new(snapshot, others, unread, now) })
    }

    /// Every socket that was asked for, or was so at another time: in any state.
    fn table(&mut self) -> Result<(SocketTable, BTreeMap<u64, Namespace>, Unread), PlatformError> {
        let scope = self.subject.scope();
        let mut table = self.system.sockets(&scope)?;
        let tables = table.gaps.iter().any(Gap::may_hide_rows);
        if !self.subject.everywhere {
            table.sockets.retain(|socket| socket.netns.is_none());
            return Ok((table, BTreeMap::new(), Unread { tables, ..Unread::default() }));
        }
        let mut elsewhere = self.elsewhere(&scope)?;
        elsewhere.table.gaps.extend(incomplete(&elsewhere));
        let is_unread = |gap: &Gap| gap.is_about_namespaces() || gap.may_hide_rows();
        let namespaces = elsewhere.table.gaps.iter().any(is_unread);
        let unread = Unread { tables, namespaces, read: elsewhere.read };
        table.sockets.extend(elsewhere.table.sockets);
        for gap in elsewhere.table.gaps {
            if !table.gaps.contains(&gap) {
                table.gaps.push(gap);
            }
        }
        Ok((table, elsewhere.namespaces, unread))
    }

    /// The sockets of other network namespaces: of those that are known, as long as they are not searched
    /// again.
    fn elsewhere(&mut self, scope: &Scope) -> Result<NamespaceTable, PlatformError> {
        if let Some(known) = &self.namespaces {
            return Ok(self.system.sockets_of(known, scope));
        }
        let (table, found) = self.system.namespaces(scope, Reach::Descriptors)?;
        self.namespaces = Some(found);
        Ok(table)
    }

    fn forget(&mut self) {
        self.owners.clear();
        self.namespaces = None;
        self.processes.clear();
        self.gaps.clear();
    }

    /// The sockets with their owners, and which owners were searched for now.
    fn owned(
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
            match self.owners.get(&socket.key()).filter(|known| known.fits(&socket)) {
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
        self.owners.extend(known);
    }

    /// Forgets the owners of sockets that are not there, when those are as many as the others.
    fn forget_closed(&mut self, rows: &[OwnedSocket]) {
        if self.owners.len() > 2 * rows.len() + SPARE {
            let keys: FxHashSet<SocketKey> = rows.iter().map(|row| row.socket.key()).collect();
            self.owners.retain(|key, _| keys.contains(key));
        }
    }

    /// The rows with their processes and names. Those of `new` are described anew: a PID may be another
    /// process's since.
    fn described(
        &mut self,
        rows: Vec<OwnedSocket>,
        new: &BTreeSet<Pid>,
        gaps: Vec<Gap>,
    ) -> Snapshot {
        let owners: BTreeSet<Pid> = rows.iter().flat_map(|row| row.owner.pids()).collect();
        self.processes.retain(|pid, _| owners.contains(pid) && !new.contains(pid));
        let interfaces = rows.iter().filter(|row| row.socket.netns.is_none());
        let interfaces = interfaces.filter_map(|row| row.socket.interface).collect();
        let mut snapshot = Snapshot {
            privileged: self.system.is_privileged(),
            interfaces: self.system.interface_names(&interfaces),
            processes: mem::take(&mut self.processes),
            users: mem::take(&mut self.users),
            gaps: gaps.into_iter().chain(self.gaps.iter().cloned()).collect(),
            sockets: rows,
            ..Snapshot::empty(self.system.capabilities())
        };
        name_all(self.system, self.about, &mut snapshot);
        self.processes.clone_from(&snapshot.processes);
        self.users.clone_from(&snapshot.users);
        snapshot
    }
}
