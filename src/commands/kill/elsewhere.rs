//! Nothing holds a PORT here: it may be held in another network namespace.

use std::collections::BTreeSet;

use super::Kill;
use super::operand::Operand;
use crate::commands::shared::elsewhere::{NAMESPACES_TOLD, by_namespace, look};
use crate::model::Snapshot;
use crate::platform::System;
use crate::query::{Filter, Row};
use crate::text::advice::Remedy;
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;
use crate::text::{gaps, hints as text, owners, remedies};

impl<S: System> Kill<'_, S> {
    /// Says who holds the PORTs in other network namespaces, as the list does, where nothing holds them in
    /// this one.
    pub(super) fn remark_on_namespaces(&mut self, operands: &[Operand]) {
        let all: Vec<Row<'_>> = self.snapshot.sockets.iter().collect();
        let is_held = |row: &Row<'_>| row.socket.holds_port();
        let vacant = |operand: &&Operand| !operand.rows(&all).iter().any(is_held);
        let vacant: Vec<&Operand> = operands.iter().filter(vacant).collect();
        if vacant.is_empty() {
            return;
        }
        let (snapshot, gaps) = look(self.filter, self.system);
        for gap in &gaps {
            self.report.remark(gaps::line(gap));
        }
        for line in snapshot.iter().flat_map(|found| lines(&vacant, self.filter, found)) {
            self.report.remark(line);
        }
    }
}

/// A line for each namespace in which one of the PORTs is held.
fn lines(vacant: &[&Operand], filter: &Filter, snapshot: &Snapshot) -> Vec<String> {
    let mut held = by_namespace(filter, snapshot);
    for rows in held.values_mut() {
        rows.retain(|row| {
            row.socket.holds_port() && vacant.iter().any(|it| !it.rows(&[*row]).is_empty())
        });
    }
    held.retain(|_, rows| !rows.is_empty());
    let typed = vacant.iter().flat_map(|operand| operand.typed());
    let typed = ["--all-netns".to_owned()].into_iter().chain(typed);
    let list: Remedy = remedies::list(snapshot.capabilities.shell, typed).into();
    let more = held.len().saturating_sub(NAMESPACES_TOLD);
    let told = held.into_iter().take(NAMESPACES_TOLD);
    told.map(|(namespace, rows)| line(namespace, &rows, snapshot, &list))
        .chain((more > 0).then(|| text::more_namespaces(more, &list)))
        .collect()
}

/// `127.0.0.1:80 is held in the network namespace web by nginx (PID 812); to see it, run: ...`.
fn line(namespace: u64, rows: &[Row<'_>], snapshot: &Snapshot, list: &Remedy) -> String {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let namespace = Escaped(&snapshot.namespace_name(namespace)).to_string();
    let sockets: BTreeSet<String> =
        rows.iter().map(|row| local_endpoint(&row.socket, snapshot)).collect();
    let sockets: Vec<String> = sockets.into_iter().collect();
    text::held_in_namespace(&sockets, &namespace, &owners, list)
}
