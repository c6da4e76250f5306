//! One look after another. What was found out at one look is kept for the next.

use std::collections::{BTreeMap, BTreeSet};
use std::mem;
use std::time::Duration;

use super::owners::Owners;
use super::seen::Look;
use super::subject::Subject;
use crate::commands::shared::survey::{incomplete, name_all};
use crate::model::{
    About, Gap, Namespace, OwnedSocket, Pid, Process, Reach, Scope, Snapshot, Socket, Uid,
    Untrusted,
};
use crate::platform::{NamespaceTable, PlatformError, SocketTable, System};
use crate::query::Unread;

/// After this time network namespaces are searched again, and all processes described where that is needed.
const RENEWED: Duration = Duration::from_secs(10);

/// Looks, and remembers.
#[derive(Debug)]
pub(super) struct Looker<'a, S: System> {
    system: &'a S,
    subject: &'a Subject,
    owners: Owners<'a, S>,
    /// How much is asked of processes.
    about: About,
    /// Whether rows are chosen or ordered by what is known of processes: then all of them are described again
    /// with their owners. Otherwise one is described when its first socket is seen, and when another one is:
    /// that is what is printed.
    describes_all: bool,
    /// Other network namespaces, if they are looked at.
    namespaces: Option<S::Namespaces>,
    /// When that was searched last.
    renewed: Option<Duration>,
    processes: BTreeMap<Pid, Process>,
    users: BTreeMap<Uid, Untrusted>,
}

impl<'a, S: System> Looker<'a, S> {
    /// One that has not looked yet.
    pub(super) fn new(system: &'a S, subject: &'a Subject) -> Self {
        Self {
            system,
            subject,
            owners: Owners::new(system, subject),
            about: subject.depth.about,
            describes_all: subject.is_by_process(),
            namespaces: None,
            renewed: None,
            processes: BTreeMap::new(),
            users: BTreeMap::new(),
        }
    }

    /// From now on asks so much of all processes, and more only of those that are printed; returns whether
    /// that is more than before.
    #[cfg(feature = "watch")]
    pub(super) fn deepen(&mut self, needed: Option<About>) -> bool {
        self.describes_all = needed.is_some() || self.subject.is_by_process();
        let about = self.subject.depth.about.max(needed.unwrap_or(About::Table));
        let is_more = about > mem::replace(&mut self.about, about);
        if is_more {
            self.processes.clear();
        }
        is_more
    }

    /// Looks; `now` counts from any time on.
    ///
    /// # Errors
    /// When the sockets cannot be read at all.
    pub(super) fn look(&mut self, now: Duration) -> Result<Look, PlatformError> {
        let is_due = |last: Duration| now.saturating_sub(last) >= RENEWED;
        if self.renewed.is_none_or(is_due) {
            self.renew();
            self.renewed = Some(now);
        }
        let (table, namespaces, unread) = self.table()?;
        let filter = &self.subject.filter;
        // Most are left where they are: there may be very many.
        let mut asked = table.sockets;
        let mut others: Vec<Socket> =
            asked.extract_if(.., |socket| !filter.admits_socket(socket)).collect();
        let (rows, new) = self.owners.of(asked, now)?;
        let mut snapshot = self.described(rows, &new, table.gaps);
        snapshot.namespaces = namespaces;
        let mut rows = mem::take(&mut snapshot.sockets);
        let left = rows.extract_if(.., |row| !filter.admits(row, &snapshot));
        others.extend(left.map(|row| row.socket));
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

    fn renew(&mut self) {
        self.namespaces = None;
        if self.describes_all {
            self.processes.clear();
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
            gaps: gaps.into_iter().chain(self.owners.gaps().iter().cloned()).collect(),
            sockets: rows,
            ..Snapshot::empty(self.system.capabilities())
        };
        name_all(self.system, self.about, &mut snapshot);
        self.processes.clone_from(&snapshot.processes);
        self.users.clone_from(&snapshot.users);
        snapshot
    }
}
