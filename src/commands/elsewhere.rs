//! Nothing was found here: it may be in another network namespace.

use std::collections::{BTreeMap, BTreeSet};

use super::survey::complete;
use super::who;
use crate::model::{Detail, Os, Snapshot};
use crate::platform::System;
use crate::query::{Filter, Row, SortKey, select};
use crate::render::escape::Escaped;
use crate::render::{counted, local_end};

/// How many namespaces are named.
const NAMED: usize = 5;

/// Where else the sockets are that were asked for. Only root can look there.
pub(super) fn hints(filter: &Filter, system: &impl System) -> Vec<String> {
    if system.os() != Os::Linux || !system.is_privileged() {
        return Vec::new();
    }
    let Ok(elsewhere) = system.sockets_elsewhere(&filter.scope(Detail::Brief)) else {
        return Vec::new();
    };
    let snapshot =
        complete(system, elsewhere.table, filter.about(), |socket| filter.admits_socket(socket));
    let snapshot = Snapshot { namespaces: elsewhere.names, ..snapshot };
    let rows = select(&snapshot, filter, SortKey::Port).rows;
    let mut by_namespace: BTreeMap<u64, Vec<Row<'_>>> = BTreeMap::new();
    for row in rows {
        by_namespace.entry(row.socket.netns.unwrap_or_default()).or_default().push(row);
    }
    let count = by_namespace.len();
    let hint = |(inode, rows): (u64, Vec<Row<'_>>)| {
        let owners: BTreeSet<String> = rows.iter().map(|row| who::owner(row, &snapshot)).collect();
        let owners = owners.into_iter().collect::<Vec<_>>().join(", ");
        let name = snapshot.namespace_name(inode);
        let name = Escaped(&name);
        match rows.as_slice() {
            [one] if one.socket.holds_port() => {
                let end = local_end(&one.socket, &snapshot);
                format!(
                    "{end} is held in the network namespace {name} by {owners}: --all-netns shows it"
                )
            }
            rows => {
                let sockets = counted(rows.len(), "socket");
                let (verb, them) = if rows.len() == 1 { ("is", "it") } else { ("are", "them") };
                format!(
                    "{sockets} {verb} in the network namespace {name}, of {owners}: --all-netns \
                     shows {them}"
                )
            }
        }
    };
    let mut hints: Vec<String> = by_namespace.into_iter().take(NAMED).map(hint).collect();
    if count > NAMED {
        hints.push(format!("and in {} more network namespaces: --all-netns", count - NAMED));
    }
    hints
}
