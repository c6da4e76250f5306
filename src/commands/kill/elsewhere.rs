//! Nothing holds a PORT here: it may be held in another network namespace.

use std::collections::BTreeSet;

use super::Kill;
use super::operand::Operand;
use crate::cli::KillRequest;
use crate::commands::shared::elsewhere::{NAMESPACES_TOLD, by_namespace, look};
use crate::model::Snapshot;
use crate::platform::System;
use crate::query::{Filter, Row};
use crate::text::advice::{Remedy, run_to};
use crate::text::endpoints::local_endpoint;
use crate::text::{gaps, hints as text, namespaces, owners, remedies};

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
        let found = snapshot.iter();
        for line in found.flat_map(|found| lines(&vacant, self.filter, self.request, found)) {
            self.report.remark(line);
        }
    }
}

/// A line for each namespace in which one of the PORTs is held.
fn lines(
    vacant: &[&Operand],
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> Vec<String> {
    let mut held = by_namespace(filter, snapshot);
    for rows in held.values_mut() {
        rows.retain(|row| {
            row.socket.holds_port() && vacant.iter().any(|it| !it.rows(&[*row]).is_empty())
        });
    }
    held.retain(|_, rows| !rows.is_empty());
    let more = held.len().saturating_sub(NAMESPACES_TOLD);
    let told = held.into_iter().take(NAMESPACES_TOLD);
    told.map(|(namespace, rows)| line(namespace, &rows, vacant, request, snapshot))
        .chain((more > 0).then(|| text::more_namespaces(more, &list(vacant, snapshot))))
        .collect()
}

/// `127.0.0.1:80 is held in the network namespace web by nginx (PID 812); to terminate it there, run:
/// nsenter -t 812 -n portwho kill 80`. One in which no process lives is only listed.
fn line(
    namespace: u64,
    rows: &[Row<'_>],
    vacant: &[&Operand],
    request: &KillRequest,
    snapshot: &Snapshot,
) -> String {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    let owners = namespaces::others(owners.into_iter().collect(), namespace, snapshot);
    let sockets: BTreeSet<String> =
        rows.iter().map(|row| local_endpoint(&row.socket, snapshot)).collect();
    let sockets: Vec<String> = sockets.into_iter().collect();
    let held = text::held_in_namespace(&sockets, &namespaces::named(namespace, snapshot), &owners);
    if let Some(kill) = kill_there(namespace, rows, vacant, request, snapshot) {
        return run_to("to terminate the holder there", &held, &kill);
    }
    let purpose = if sockets.len() == 1 { "to see it" } else { "to see them" };
    run_to(purpose, &held, &list(vacant, snapshot))
}

/// `nsenter -t 812 -n portwho kill 80`; none for a namespace in which no process lives.
fn kill_there(
    namespace: u64,
    rows: &[Row<'_>],
    vacant: &[&Operand],
    request: &KillRequest,
    snapshot: &Snapshot,
) -> Option<Remedy> {
    let resident = snapshot.namespaces.get(&namespace)?.resident.as_ref()?;
    let there = vacant.iter().filter(|operand| !operand.rows(rows).is_empty());
    let typed: Vec<String> = there.flat_map(|operand| operand.typed()).collect();
    let kill = request.command(snapshot.capabilities.shell, &[], &typed);
    let kill = remedies::in_namespace_of(resident.pid, kill, snapshot.privileged);
    resident.by_first_thread.then_some(kill)
}

/// `portwho --all-netns 80`.
fn list(vacant: &[&Operand], snapshot: &Snapshot) -> Remedy {
    let typed = vacant.iter().flat_map(|operand| operand.typed());
    let typed = ["--all-netns".to_owned()].into_iter().chain(typed);
    remedies::list(snapshot.capabilities.shell, typed).into()
}
