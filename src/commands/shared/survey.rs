//! A look at the system, as narrow as the question.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::{
    About, Depth, Gap, OwnedSocket, Owner, Pid, Reach, Scope, Snapshot, Socket, Untrusted,
};
use crate::platform::{NamespaceTable, PlatformError, SocketTable, System};
use crate::query::Filter;

/// Looks at the sockets that `filter` may admit, at their owners and at no others.
///
/// # Errors
/// When the sockets cannot be read at all, or their owners not be searched as was asked.
pub(in crate::commands) fn survey(
    system: &impl System,
    filter: &Filter,
    depth: Depth,
) -> Result<Snapshot, PlatformError> {
    let table = system.sockets(&filter.scope(depth.detail))?;
    complete(system, table, depth.about, |socket| filter.admits_socket(socket))
}

/// The same in every network namespace.
///
/// # Errors
/// When the sockets cannot be read at all, or their owners not be searched as was asked.
pub(in crate::commands) fn survey_everywhere(
    system: &impl System,
    filter: &Filter,
    depth: Depth,
) -> Result<Snapshot, PlatformError> {
    let scope = filter.scope(depth.detail);
    let mut table = system.sockets(&scope)?;
    let mut elsewhere = system.sockets_elsewhere(&scope, Reach::Descriptors)?;
    elsewhere.table.gaps.extend(incomplete(&elsewhere));
    table.sockets.extend(elsewhere.table.sockets);
    for gap in elsewhere.table.gaps {
        if !table.gaps.contains(&gap) {
            table.gaps.push(gap);
        }
    }
    let snapshot = complete(system, table, depth.about, |socket| filter.admits_socket(socket))?;
    Ok(Snapshot { namespaces: elsewhere.namespaces, ..snapshot })
}

/// The gap of network namespaces that processes may live in which could not be asked, unless another gap
/// tells already.
pub(in crate::commands) fn incomplete(elsewhere: &NamespaceTable) -> Option<Gap> {
    let is_told = elsewhere.table.gaps.iter().any(Gap::is_about_namespaces);
    let why = Some("not readable for some processes".to_owned());
    (!elsewhere.complete && !is_told).then_some(Gap::NamespacesUnseen { why })
}

/// Looks at the sockets in `scope` that `wanted` keeps, and at their owners.
///
/// # Errors
/// When the sockets cannot be read at all, or their owners not be searched as was asked.
pub(in crate::commands) fn survey_scope(
    system: &impl System,
    scope: &Scope,
    about: About,
    wanted: impl Fn(&Socket) -> bool,
) -> Result<Snapshot, PlatformError> {
    complete(system, system.sockets(scope)?, about, wanted)
}

/// Adds owners, processes and names to the sockets that are wanted.
///
/// # Errors
/// When the owners cannot be searched as was asked.
pub(in crate::commands) fn complete(
    system: &impl System,
    table: SocketTable,
    about: About,
    wanted: impl Fn(&Socket) -> bool,
) -> Result<Snapshot, PlatformError> {
    let mut sockets = table.sockets;
    sockets.retain(&wanted);
    let mut owned = system.owners_now(sockets, &wanted)?;
    // A socket may have changed its state since.
    owned.sockets.retain(|row| wanted(&row.socket));
    let interfaces = system.interface_names(&each(&owned.sockets, |socket| {
        // Another namespace numbers its interfaces anew.
        socket.interface.filter(|_| socket.netns.is_none())
    }));
    let complete = system.all_there(&owned.sockets, owned.counted);
    let mut snapshot = Snapshot {
        privileged: system.is_privileged(),
        sockets: owned.sockets,
        owners_from: owned.from,
        complete,
        interfaces,
        gaps: table.gaps.into_iter().chain(owned.gaps).collect(),
        ..Snapshot::empty(system.capabilities())
    };
    name_all(system, about, &mut snapshot);
    Ok(snapshot)
}

/// Describes the processes in a snapshot that are not described yet.
pub(in crate::commands) fn name_all(system: &impl System, about: About, snapshot: &mut Snapshot) {
    let rows = || [&snapshot.sockets, &snapshot.listeners, &snapshot.peers].into_iter().flatten();
    let pids: BTreeSet<_> = rows().flat_map(|row| row.owner.pids()).collect();
    let unknown = pids.into_iter().filter(|pid| !snapshot.processes.contains_key(pid));
    let pids: BTreeSet<Pid> = unknown.collect();
    let is_unowned = |row: &&OwnedSocket| matches!(row.owner, Owner::Hidden | Owner::NotFound);
    // A name service may be slow, and the user of a socket with an owner is not in the tables.
    let with_user = rows().filter(|row| about != About::Table || is_unowned(row));
    let uids: BTreeSet<_> = with_user.filter_map(|row| row.socket.uid).collect();
    let uids = uids.into_iter().filter(|uid| !snapshot.users.contains_key(uid));
    let users: BTreeMap<_, Untrusted> =
        uids.filter_map(|uid| Some((uid, system.user_name(uid)?))).collect();
    let groups = rows().filter(is_unowned).filter_map(|row| row.socket.cgroup);
    let groups: BTreeSet<u64> = groups.collect();
    let groups = groups.into_iter().filter(|id| !snapshot.creators.contains_key(id)).collect();
    snapshot.processes.extend(system.processes(&pids, about));
    let unidentified = unidentified(system, &pids, snapshot);
    if !unidentified.is_empty() {
        let why = "owners of sockets are not in it".to_owned();
        snapshot.gaps.push(Gap::ProcessesUnreadable { why });
        snapshot.unidentified.extend(unidentified);
    }
    snapshot.users.extend(users);
    snapshot.creators.extend(system.creators(&groups));
    if about == About::Everything {
        snapshot.gaps.extend(commands_cut(snapshot));
    }
    for gap in [withheld(snapshot), services_unreadable(snapshot)].into_iter().flatten() {
        if !snapshot.gaps.contains(&gap) {
            snapshot.gaps.push(gap);
        }
    }
}

/// Those of `pids` that were not described although they may run: the list of processes failed. A list
/// without anybody has failed too, because portwho runs.
fn unidentified(system: &impl System, pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> BTreeSet<Pid> {
    let missing = pids.iter().filter(|pid| !snapshot.processes.contains_key(pid)).copied();
    let mut missing: BTreeSet<Pid> = missing.collect();
    if !snapshot.capabilities.protected_processes || missing.is_empty() {
        return BTreeSet::new();
    }
    // What exited after the sockets were read is in no list either.
    if let Some(all) = system.all_processes().filter(|all| !all.is_empty()) {
        missing.retain(|pid| all.contains(pid));
    }
    missing
}

/// The gap of processes that the system tells nothing of.
fn withheld(snapshot: &Snapshot) -> Option<Gap> {
    let count = snapshot.processes.values().filter(|process| process.withheld.details).count();
    (count > 0).then_some(Gap::DetailsWithheld { count })
}

/// The gap of services that could not be listed.
fn services_unreadable(snapshot: &Snapshot) -> Option<Gap> {
    let is_unread = snapshot.processes.values().any(|process| process.withheld.services);
    is_unread.then_some(Gap::ServicesUnreadable)
}

/// The gap of the command lines that were not read to their end.
fn commands_cut(snapshot: &Snapshot) -> Option<Gap> {
    let cut: Vec<_> = snapshot.processes.values().filter(|process| process.command_cut).collect();
    if cut.is_empty() {
        return None;
    }
    let users: BTreeSet<&Untrusted> =
        cut.iter().filter_map(|process| process.user.as_ref()).collect();
    Some(Gap::CommandsCut { count: cut.len(), users: users.into_iter().cloned().collect() })
}

fn each<T: Ord>(rows: &[OwnedSocket], part: impl Fn(&Socket) -> Option<T>) -> BTreeSet<T> {
    rows.iter().filter_map(|row| part(&row.socket)).collect()
}
