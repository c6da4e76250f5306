//! Who holds each socket: the PID in the table, if it is still the process that it was.

use std::collections::BTreeMap;

use super::{process, service_sockets, tables};
use crate::model::{
    Gap, KernelReason, OwnedSocket, Owner, Presence, Scope, Socket, StateSet, TableOwner, TcpState,
};
use crate::platform::OwnerTable;
use crate::platform::decode::process_list::{ListedProcess, presence};

/// Finds the owners of `sockets`.
pub(super) fn find(sockets: Vec<Socket>) -> OwnerTable {
    if sockets.is_empty() {
        return OwnerTable::default();
    }
    let listed = match process::list() {
        Ok(listed) => listed,
        Err(error) => {
            let gaps = vec![Gap::ProcessesUnreadable { why: error.to_string() }];
            let sockets = owned(sockets, as_told);
            return OwnerTable { sockets, gaps, ..OwnerTable::default() };
        }
    };
    let known = known(&sockets, &listed);
    let mut sockets = owned(sockets, |socket| owner(socket, &known));
    without_vanished(&mut sockets);
    service_sockets::name(&mut sockets);
    let count = sockets.iter().filter(|row| has_exited(row)).count();
    let gaps = if count > 0 { vec![Gap::OwnersExited { count }] } else { Vec::new() };
    OwnerTable { sockets, gaps, ..OwnerTable::default() }
}

fn owned(sockets: Vec<Socket>, owner: impl Fn(&Socket) -> Owner) -> Vec<OwnedSocket> {
    sockets.into_iter().map(|socket| OwnedSocket { owner: owner(&socket), socket }).collect()
}

/// Without a list of processes the table's word has to do.
fn as_told(socket: &Socket) -> Owner {
    match (socket.kernel_reason(), socket.table_owner) {
        (Some(reason), _) => Owner::Kernel(reason),
        (None, Some(named)) => Owner::of_process(named.pid),
        (None, None) => Owner::NotFound,
    }
}

/// What the list of processes tells of each that a table names, asked once for each.
fn known(sockets: &[Socket], listed: &[ListedProcess]) -> BTreeMap<TableOwner, Presence> {
    let named = sockets.iter().filter_map(|socket| socket.table_owner);
    let mut known = BTreeMap::new();
    for named in named {
        known.entry(named).or_insert_with(|| presence(named, listed));
    }
    known
}

fn owner(socket: &Socket, known: &BTreeMap<TableOwner, Presence>) -> Owner {
    if let Some(reason) = socket.kernel_reason() {
        return Owner::Kernel(reason);
    }
    let Some(named) = socket.table_owner else { return Owner::NotFound };
    match Owner::by_table(named, known.get(&named).copied().unwrap_or(Presence::Absent)) {
        // What its process left behind is torn down without it.
        Owner::Exited(_) if is_torn_down(socket) => Owner::Kernel(KernelReason::Orphaned),
        owner => owner,
    }
}

fn is_torn_down(socket: &Socket) -> bool {
    let torn_down = StateSet::TEARDOWN.without(StateSet::of(&[TcpState::CloseWait]));
    socket.state.is_some_and(|state| torn_down.contains(state))
}

fn has_exited(row: &OwnedSocket) -> bool {
    matches!(row.owner, Owner::Exited(_))
}

/// A process may exit between the reading of the sockets and that of the processes, and its
/// sockets with it. Those whose owner has exited are looked for once more.
fn without_vanished(sockets: &mut Vec<OwnedSocket>) {
    if !sockets.iter().any(has_exited) {
        return;
    }
    let Ok(now) = tables::sockets(&Scope::everything()) else { return };
    if now.gaps.iter().any(Gap::may_hide_rows) {
        return;
    }
    let remains = |socket: &Socket| now.sockets.iter().any(|other| other.is_same(socket));
    sockets.retain(|row| !has_exited(row) || remains(&row.socket));
}
