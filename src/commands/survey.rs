//! A look at the system, as narrow as the question.

use std::collections::BTreeSet;

use crate::model::{Detail, OwnedSocket, Scope, Snapshot, Socket};
use crate::platform::{PlatformError, SocketTable, System};
use crate::query::Filter;

/// Looks at the sockets that `filter` may admit, at their owners and at no others.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(super) fn survey(
    system: &impl System,
    filter: &Filter,
    detail: Detail,
) -> Result<Snapshot, PlatformError> {
    let table = system.sockets(&filter.scope(detail))?;
    Ok(complete(system, table, |socket| filter.admits_socket(socket)))
}

/// Looks at the sockets in `scope` that `wanted` keeps, and at their owners.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(super) fn survey_scope(
    system: &impl System,
    scope: &Scope,
    wanted: impl Fn(&Socket) -> bool,
) -> Result<Snapshot, PlatformError> {
    Ok(complete(system, system.sockets(scope)?, wanted))
}

/// Adds owners, processes and names to the sockets that are wanted.
pub(super) fn complete(
    system: &impl System,
    table: SocketTable,
    wanted: impl Fn(&Socket) -> bool,
) -> Snapshot {
    let mut sockets = table.sockets;
    sockets.retain(wanted);
    let owned = system.owners(sockets);
    let pids: BTreeSet<_> = owned.sockets.iter().flat_map(|row| row.owner.pids()).collect();
    let processes = system.processes(&pids);
    let uids: BTreeSet<_> = each(&owned.sockets, |socket| socket.uid);
    let users = uids.into_iter().filter_map(|uid| Some((uid, system.user_name(uid)?)));
    let interfaces = system.interface_names(&each(&owned.sockets, |socket| socket.interface));
    Snapshot {
        os: system.os(),
        processes,
        users: users.collect(),
        interfaces,
        sockets: owned.sockets,
        gaps: table.gaps.into_iter().chain(owned.gaps).collect(),
    }
}

fn each<T: Ord>(rows: &[OwnedSocket], part: impl Fn(&Socket) -> Option<T>) -> BTreeSet<T> {
    rows.iter().filter_map(|row| part(&row.socket)).collect()
}
