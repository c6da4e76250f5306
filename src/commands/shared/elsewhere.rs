//! Nothing was found here: it may be in another network namespace.

use std::collections::BTreeMap;

use super::survey::complete;
use crate::model::{Detail, Gap, Reach, Scope, Snapshot, Socket, StateSet};
use crate::platform::System;
use crate::query::{Filter, Row, SortKey, select};

/// How many network namespaces are reported.
pub(in crate::commands) const NAMESPACES_TOLD: usize = 5;

/// What other network namespaces have of what was asked for, where there is anything to look at,
/// and why they could not be looked at. Only root can.
pub(in crate::commands) fn look(
    filter: &Filter,
    system: &impl System,
) -> (Option<Snapshot>, Vec<Gap>) {
    let unseen = |why| (None, vec![Gap::NamespacesUnseen { why }]);
    if !system.capabilities().network_namespaces
        || (!system.is_privileged() && filter.local.is_none())
    {
        return (None, Vec::new());
    }
    if !system.is_privileged() {
        return unseen(None);
    }
    let scope = told(filter);
    let mut elsewhere = match system.sockets_elsewhere(&scope, Reach::Hint) {
        Ok(elsewhere) => elsewhere,
        Err(error) => return unseen(Some(error.to_string())),
    };
    let gaps = std::mem::take(&mut elsewhere.table.gaps);
    let gaps = gaps.into_iter().filter(Gap::is_about_namespaces).collect();
    let table = elsewhere.table;
    let is_told = |socket: &Socket| {
        filter.admits_socket(socket) && socket.state.is_none_or(|state| scope.tcp.contains(state))
    };
    let snapshot = match complete(system, table, filter.about(), is_told) {
        Ok(snapshot) => snapshot,
        Err(error) => return unseen(Some(error.to_string())),
    };
    (Some(Snapshot { namespaces: elsewhere.namespaces, ..snapshot }), gaps)
}

/// What is asked of other namespaces. Where a port was asked for, what holds it: its connections there
/// say nothing of the port here, and the kernel would have to look at each of them.
fn told(filter: &Filter) -> Scope {
    let scope = filter.scope(Detail::Brief);
    if filter.local.is_none() || scope.tcp != StateSet::ALL {
        return scope;
    }
    Scope { tcp: StateSet::HOLDING, ..scope }
}

/// What was asked for, by the network namespace that it is in.
pub(in crate::commands) fn by_namespace<'a>(
    filter: &'a Filter,
    snapshot: &'a Snapshot,
) -> BTreeMap<u64, Vec<Row<'a>>> {
    let mut by_namespace: BTreeMap<u64, Vec<Row<'a>>> = BTreeMap::new();
    for row in select(snapshot, filter, SortKey::Port).rows {
        by_namespace.entry(row.socket.netns.unwrap_or_default()).or_default().push(row);
    }
    by_namespace
}
