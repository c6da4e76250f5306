//! Network namespaces other than portwho's own: network_namespaces(7), setns(2).
//!
//! A namespace is entered by a thread of its own, which ends there: the rest of the program never
//! leaves the one that it was started in.

mod identities;
mod known;
mod unowned_namespaces;
mod visits;

use self::identities::identities;
use self::known::Known;
use self::unowned_namespaces::UnownedNamespaces;
use self::visits::{merge, visit_all};
use super::owners::Inodes;
use super::{bound, bounds};
use crate::model::{Gap, Reach, Scope};
use crate::platform::{NamespaceTable, PlatformError};

/// How many namespaces of one user are searched.
const fn most_of_a_user(reach: Reach) -> usize {
    match reach {
        Reach::Hint => bounds::NAMESPACES_FOR_HINT,
        Reach::Processes | Reach::Descriptors => bounds::NAMESPACES,
    }
}

/// The sockets in `scope` of other network namespaces than this thread's own, as far as `reach`
/// tells.
///
/// # Errors
/// When the namespaces cannot be listed.
pub(super) fn sockets(scope: &Scope, reach: Reach) -> Result<NamespaceTable, PlatformError> {
    if !rustix::process::geteuid().is_root() {
        let mut unseen = NamespaceTable::default();
        unseen.table.gaps.push(Gap::NamespacesUnseen { why: None });
        return Ok(unseen);
    }
    let cannot_list = |error| PlatformError::io("cannot list network namespaces", error);
    let mut known = Known::new(most_of_a_user(reach)).map_err(cannot_list)?;
    known.list().map_err(cannot_list)?;
    let mut found = NamespaceTable::default();
    let visits = visit_all(&known.namespaces, scope, reach);
    if reach == Reach::Descriptors {
        let listed: Vec<&Inodes> = visits.iter().map(|visit| &visit.inodes).collect();
        let unowned = UnownedNamespaces::search(&mut known, &listed);
        merge(visits, &mut found.table);
        unowned.complete(&mut found.table);
        let visits = visit_all(&unowned.namespaces, scope, Reach::Processes);
        merge(visits, &mut found.table);
        known.namespaces.extend(unowned.namespaces);
    } else {
        merge(visits, &mut found.table);
    }
    found.table.gaps.extend(known.left_out());
    found.table.gaps.dedup();
    found.complete = known.complete;
    found.namespaces = identities(&known.namespaces);
    Ok(found)
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
