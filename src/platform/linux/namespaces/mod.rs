//! Network namespaces other than portwho's own: network_namespaces(7), setns(2).
//!
//! A namespace is entered by a thread of its own, which ends there: the rest of the program never
//! leaves the one that it was started in.

mod identities;
mod known;
mod unowned_namespaces;
mod visits;

use std::collections::{BTreeMap, BTreeSet};

use self::identities::identities;
use self::known::{Known, Namespace};
use self::unowned_namespaces::UnownedNamespaces;
use self::visits::{merge, visit_all};
use super::owners::Inodes;
use super::{bound, bounds};
use crate::model::{self, Gap, Reach, Scope};
use crate::platform::{NamespaceTable, PlatformError, SocketTable};

/// Whether the first process of this PID namespace is in another network namespace.
pub(super) fn is_apart_from_first() -> Option<bool> {
    let of = |path: &str| rustix::fs::stat(path).map(|stat| (stat.st_dev, stat.st_ino)).ok();
    Some(of("/proc/thread-self/ns/net")? != of("/proc/1/ns/net")?)
}

/// How many namespaces of one user are searched.
const fn most_of_a_user(reach: Reach) -> usize {
    match reach {
        Reach::Hint => bounds::NAMESPACES_FOR_HINT,
        Reach::Processes | Reach::Descriptors => bounds::NAMESPACES,
    }
}

/// Namespaces that were found, each with a descriptor that keeps it: they can be read again without
/// another search.
#[derive(Debug, Default)]
pub struct Namespaces {
    all: BTreeMap<u64, Namespace>,
    /// What descriptors were searched for.
    unowned: Option<UnownedNamespaces>,
    /// What each is known by.
    identities: BTreeMap<u64, model::Namespace>,
    /// Those that were not found or not opened.
    gaps: Vec<Gap>,
    complete: bool,
}

impl Namespaces {
    /// The sockets in `scope` of other network namespaces than this thread's own, as far as `reach`
    /// tells, and these namespaces.
    ///
    /// # Errors
    /// When the namespaces cannot be listed.
    pub(super) fn find(
        scope: &Scope,
        reach: Reach,
    ) -> Result<(NamespaceTable, Self), PlatformError> {
        if !rustix::process::geteuid().is_root() {
            let unseen = vec![Gap::NamespacesUnseen { why: None }];
            let none = Self { gaps: unseen, ..Self::default() };
            return Ok((none.with(SocketTable::default(), BTreeSet::new()), none));
        }
        let cannot_list = |error| PlatformError::io("cannot list network namespaces", error);
        let mut known = Known::new(most_of_a_user(reach)).map_err(cannot_list)?;
        known.list().map_err(cannot_list)?;
        let mut table = SocketTable::default();
        let visits = visit_all(&known.namespaces, scope, reach);
        let mut unowned = None;
        let mut read;
        if reach == Reach::Descriptors {
            let listed: Vec<&Inodes> = visits.iter().map(|visit| &visit.inodes).collect();
            let mut search = UnownedNamespaces::search(&mut known, &listed);
            read = merge(visits, &mut table);
            search.complete(&mut table);
            let visits = visit_all(&search.namespaces, scope, Reach::Processes);
            read.extend(merge(visits, &mut table));
            known.namespaces.append(&mut search.namespaces);
            unowned = Some(search);
        } else {
            read = merge(visits, &mut table);
        }
        let found = Self {
            identities: identities(&known.namespaces),
            gaps: known.left_out().collect(),
            complete: known.complete,
            all: known.namespaces,
            unowned,
        };
        Ok((found.with(table, read), found))
    }

    /// The sockets in `scope` of these namespaces.
    pub(super) fn sockets(&self, scope: &Scope) -> NamespaceTable {
        let mut table = SocketTable::default();
        let read = merge(visit_all(&self.all, scope, Reach::Processes), &mut table);
        if let Some(unowned) = &self.unowned {
            unowned.complete(&mut table);
        }
        self.with(table, read)
    }

    fn with(&self, mut table: SocketTable, read: BTreeSet<u64>) -> NamespaceTable {
        table.gaps.extend(self.gaps.iter().cloned());
        table.gaps.dedup();
        let (namespaces, complete) = (self.identities.clone(), self.complete);
        NamespaceTable { table, namespaces, read, complete }
    }
}

/// The inodes of the sockets in `scope` that other network namespaces list.
pub(super) fn listed(scope: &Scope) -> Inodes {
    let Ok(mut known) = Known::new(most_of_a_user(Reach::Hint)) else { return Inodes::default() };
    if known.list().is_err() {
        return Inodes::default();
    }
    let visits = visit_all(&known.namespaces, scope, Reach::Hint);
    let tables = visits.into_iter().filter_map(|visit| visit.table.ok());
    tables.flat_map(|table| bound::inodes(&table.sockets)).collect()
}
