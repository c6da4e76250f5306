//! Nothing was found here: it may be in another network namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::complete;
use crate::model::{Detail, Gap, Reach, Snapshot};
use crate::platform::System;
use crate::query::{Filter, Row, SortKey, select};
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;
use crate::text::{hints as text, owners};

/// How many namespaces are named.
const NAMED: usize = 5;

/// What other network namespaces have of what was asked for and not found here.
pub(super) struct Elsewhere {
    snapshot: Option<Snapshot>,
    /// Why they could not be looked at.
    pub(super) gaps: Vec<Gap>,
}

/// Looks there, where there is anything to look at. Only root can.
pub(super) fn look(filter: &Filter, system: &impl System) -> Elsewhere {
    let unseen = |why| Elsewhere { snapshot: None, gaps: vec![Gap::NamespacesUnseen { why }] };
    if !system.capabilities().network_namespaces
        || (!system.is_privileged() && filter.local.is_none())
    {
        return Elsewhere { snapshot: None, gaps: Vec::new() };
    }
    if !system.is_privileged() {
        return unseen(None);
    }
    let mut elsewhere = match system.sockets_elsewhere(&filter.scope(Detail::Brief), Reach::Hint) {
        Ok(elsewhere) => elsewhere,
        Err(error) => return unseen(Some(error.to_string())),
    };
    let gaps = std::mem::take(&mut elsewhere.table.gaps);
    let gaps = gaps.into_iter().filter(Gap::is_about_namespaces);
    let gaps = gaps.collect();
    let table = elsewhere.table;
    let snapshot = complete(system, table, filter.about(), |socket| filter.admits_socket(socket));
    Elsewhere { snapshot: Some(Snapshot { namespaces: elsewhere.names, ..snapshot }), gaps }
}

impl Elsewhere {
    /// Where the sockets are.
    pub(super) fn hints(&self, filter: &Filter) -> Vec<String> {
        self.snapshot.as_ref().map(|snapshot| hints(snapshot, filter)).unwrap_or_default()
    }
}

fn hints(snapshot: &Snapshot, filter: &Filter) -> Vec<String> {
    let rows = select(snapshot, filter, SortKey::Port).rows;
    let mut by_namespace: BTreeMap<u64, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows {
        by_namespace.entry(row.socket.netns.unwrap_or_default()).or_default().push(row);
    }
    let count = by_namespace.len();
    let hint = |(inode, rows): (u64, Vec<Row<'_>>)| in_namespace(inode, &rows, snapshot);
    let mut hints: Vec<String> = by_namespace.into_iter().take(NAMED).map(hint).collect();
    if count > NAMED {
        hints.push(text::more_elsewhere(count - NAMED));
    }
    hints
}

fn in_namespace(inode: u64, rows: &[Row<'_>], snapshot: &Snapshot) -> String {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let namespace = Escaped(&snapshot.namespace_name(inode)).to_string();
    match rows {
        [one] if one.socket.holds_port() => {
            text::held_elsewhere(&local_endpoint(&one.socket, snapshot), &namespace, &owners)
        }
        rows => text::sockets_elsewhere(rows.len(), &namespace, &owners),
    }
}
