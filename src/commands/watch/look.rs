//! One look after another. What was found out at one look is kept for the next: a socket that is known
//! keeps its owner, and only what is new is searched for, until all are searched again.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::commands::shared::survey::name_all;
use crate::model::{
    Depth, Gap, Namespace, OwnedSocket, Owner, Pid, Process, Reach, Scope, Snapshot, Socket,
    SocketKey, StateSet, TableOwner, Uid, Untrusted,
};
use crate::platform::{PlatformError, SocketTable, System};
use crate::query::{Filter, Seen};

/// After this time every owner is searched again: a socket may be passed on while it stays what it is.
const CONFIRMED: Duration = Duration::from_secs(10);

/// What is looked at.
#[derive(Debug)]
pub(super) struct Subject {
    /// The rows that were asked for.
    pub(super) filter: Filter,
    /// How much is shown of them.
    pub(super) depth: Depth,
    /// Whether every network namespace is looked at.
    pub(super) everywhere: bool,
}

/// What one look has seen.
#[derive(Debug)]
pub(super) struct Look {
    /// The rows that were asked for, and what is known of them.
    pub(super) snapshot: Snapshot,
    /// The sockets that were read and are not among them.
    pub(super) others: Vec<Socket>,
}

impl Look {
    /// The same, with what `before` had seen and this look may have missed.
    pub(in crate::commands::watch) fn after(mut self, before: &Self) -> Self {
        if self.seen().is_partial {
            let keys = |look: &Self| {
                let rows = look.snapshot.sockets.iter().map(|row| row.socket.key());
                rows.chain(look.others.iter().map(Socket::key)).collect::<FxHashSet<SocketKey>>()
            };
            let seen = keys(&self);
            let missed = before.snapshot.sockets.iter();
            let missed = missed.filter(|row| !seen.contains(&row.socket.key()));
            self.snapshot.sockets.extend(missed.cloned());
            for (pid, process) in &before.snapshot.processes {
                self.snapshot.processes.entry(*pid).or_insert_with(|| process.clone());
            }
        }
        self
    }

    /// As far as the next look is compared with it.
    pub(in crate::commands::watch) fn seen(&self) -> Seen<'_> {
        Seen {
            rows: &self.snapshot.sockets,
            others: &self.others,
            is_partial: self.snapshot.gaps.iter().any(Gap::may_hide_rows),
        }
    }
}

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
pub(super) struct Looker<'a, S> {
    system: &'a S,
    subject: &'a Subject,
    owners: FxHashMap<SocketKey, Known>,
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
            confirmed: None,
            processes: BTreeMap::new(),
            users: BTreeMap::new(),
            gaps: Vec::new(),
        }
    }

    /// Looks; `now` counts from any time on.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn look(&mut self, now: Duration) -> Result<Look, PlatformError> {
        let (table, namespaces) = self.table()?;
        let is_due = |last: Duration| now.saturating_sub(last) >= CONFIRMED;
        if self.confirmed.is_none_or(is_due) {
            self.forget();
            self.confirmed = Some(now);
        }
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
        Ok(Look { snapshot: Snapshot { sockets: rows, ..snapshot }, others })
    }

    /// Every socket that was asked for, or was so at another time: in any state.
    fn table(&self) -> Result<(SocketTable, BTreeMap<u64, Namespace>), PlatformError> {
        let Subject { filter, depth, everywhere } = self.subject;
        let scope = in_every_state(filter, filter.scope(depth.detail));
        let mut table = self.system.sockets(&scope)?;
        if !everywhere {
            table.sockets.retain(|socket| socket.netns.is_none());
            return Ok((table, BTreeMap::new()));
        }
        let elsewhere = self.system.sockets_elsewhere(&scope, Reach::Descriptors)?;
        table.sockets.extend(elsewhere.table.sockets);
        for gap in elsewhere.table.gaps {
            if !table.gaps.contains(&gap) {
                table.gaps.push(gap);
            }
        }
        Ok((table, elsewhere.namespaces))
    }

    fn forget(&mut self) {
        self.owners.clear();
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
        let new = self.search(unknown)?;
        let pids = new.iter().flat_map(|row| row.owner.pids()).collect();
        let keys: FxHashSet<SocketKey> = new.iter().map(|row| row.socket.key()).collect();
        // What took the port of a socket that closed meanwhile may be known.
        rows.retain(|row| !keys.contains(&row.socket.key()));
        rows.extend(new);
        self.remember(&rows);
        Ok((rows, pids))
    }

    fn search(&mut self, sockets: Vec<Socket>) -> Result<Vec<OwnedSocket>, PlatformError> {
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

    fn remember(&mut self, rows: &[OwnedSocket]) {
        let known = rows.iter().map(|row| {
            let OwnedSocket { socket: Socket { inode, table_owner, .. }, owner } = row;
            let (inode, table_owner, owner) = (*inode, *table_owner, owner.clone());
            (row.socket.key(), Known { inode, table_owner, owner })
        });
        self.owners = known.collect();
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
        name_all(self.system, self.subject.depth.about, &mut snapshot);
        self.processes.clone_from(&snapshot.processes);
        self.users.clone_from(&snapshot.users);
        snapshot
    }
}

/// The same scope in every state of a connection: one that leaves the state that was asked for has not
/// closed. Where only those are asked for that hold a port, the others would be read in vain.
fn in_every_state(filter: &Filter, scope: Scope) -> Scope {
    let connections = StateSet::ALL.without(StateSet::HOLDING);
    if filter.listening || scope.tcp.intersection(connections).is_empty() {
        return scope;
    }
    Scope { tcp: scope.tcp.union(connections), ..scope }
}
