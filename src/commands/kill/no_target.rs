//! Why a PORT has nothing to end.

use std::collections::BTreeSet;

use super::look::Wish;
use super::plan::is_target;
use crate::cli::KillRequest;
use crate::commands::remains::Remains;
use crate::commands::{Outcome, hints, remedy, who};
use crate::model::{Gap, Owner, Protocol, Snapshot};
use crate::query::{Filter, Row};
use crate::render::local_end;

/// The verdict on a PORT that none of the targets is on.
pub(super) fn why(
    wish: &Wish,
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> (Outcome, String) {
    let asked = request.selection.protocols;
    let all: Vec<Row<'_>> = snapshot.sockets.iter().collect();
    let rows = wish.rows(&all);
    let names = |rows: &[Row<'_>]| {
        let names: BTreeSet<String> = rows.iter().map(|row| who::owner(row, snapshot)).collect();
        names.into_iter().collect::<Vec<_>>().join(", ")
    };
    let those = |wanted: &dyn Fn(Row<'_>) -> bool| -> Vec<Row<'_>> {
        rows.iter().copied().filter(|row| wanted(row)).collect()
    };
    let left_out = those(&|row| is_target(row, filter));
    if left_out.iter().any(|row| row.owner.holders().is_empty()) {
        let held =
            format!("held by {}, whom the filters cannot be compared with", names(&left_out));
        return (Outcome::Failure, held);
    }
    if !left_out.is_empty() {
        let held = format!("held by {}, which the filters leave out", names(&left_out));
        return (Outcome::Negative, held);
    }
    let udp = those(&|row| asked.is_none() && holds(row, Protocol::Udp));
    if !udp.is_empty() && those(&|row| holds(row, Protocol::Tcp)).is_empty() {
        let held = format!("only UDP sockets hold it, of {}", names(&udp));
        return (Outcome::Failure, format!("{held}: {}", request.command(&["-u"], &wish.typed())));
    }
    let others = those(&|row| row.socket.holds_port());
    if !others.is_empty() {
        let ends: BTreeSet<String> = others.iter().map(|row| end(row, snapshot)).collect();
        let ends = ends.into_iter().collect::<Vec<_>>().join(", ");
        let held = format!("the options leave out {ends}, held by {}", names(&others));
        return (Outcome::Negative, held);
    }
    if snapshot.gaps.iter().any(Gap::may_hide_rows) {
        return (Outcome::Failure, "cannot tell whether anything holds it".to_owned());
    }
    let kernels = rows.iter().filter(|row| matches!(row.owner, Owner::Kernel(_)));
    let remains = Remains::of(kernels.map(|row| &row.socket), snapshot.os);
    let (connected, wildcards) = (connected(&rows), wildcards(wish, snapshot));
    (Outcome::Negative, format!("nothing holds it{remains}{connected}{wildcards}"))
}

/// The verdict on a socket whose holder cannot be named, let alone ended.
pub(super) fn unseen(
    row: Row<'_>,
    request: &KillRequest,
    privileged: bool,
    snapshot: &Snapshot,
) -> String {
    let port = row.socket.local.port;
    let remedy = match row.owner {
        Owner::Exited(pid) => {
            format!("end the child of PID {pid} that inherited it, by its own PID")
        }
        Owner::Hidden if privileged => "no more rights would show it".to_owned(),
        Owner::Hidden => {
            remedy::more_rights(snapshot.os, &request.command(&[], &[port.to_string()]))
        }
        _ => format!("see portwho {port}"),
    };
    format!("port {port}: held by {}: {remedy}", who::owner(row, snapshot))
}

/// `TCP [::]:80`.
fn end(row: Row<'_>, snapshot: &Snapshot) -> String {
    format!("{} {}", row.socket.protocol.word().to_uppercase(), local_end(&row.socket, snapshot))
}

fn holds(row: Row<'_>, protocol: Protocol) -> bool {
    row.socket.protocol == protocol && row.socket.holds_port()
}

/// Connections that a process has at either end of the port; the kernel's own are no targets
/// anybody could mean.
fn connected(rows: &[Row<'_>]) -> String {
    let has_process =
        |row: &&Row<'_>| row.socket.foreign.is_some() && !matches!(row.owner, Owner::Kernel(_));
    match rows.iter().filter(has_process).count() {
        0 => String::new(),
        1 => "; 1 connection is there, whose process is never ended".to_owned(),
        count => format!("; {count} connections are there, whose processes are never ended"),
    }
}

/// Who holds the port at every address, where one address was asked for.
fn wildcards(wish: &Wish, snapshot: &Snapshot) -> String {
    let covering = snapshot
        .sockets
        .iter()
        .filter(|row| wish.places().iter().any(|place| hints::covers(&row.socket, place)));
    let held = covering.map(|row| {
        let end = local_end(&row.socket, snapshot);
        format!("; {end} is held by {}", who::owner(row, snapshot))
    });
    held.collect::<BTreeSet<_>>().into_iter().collect()
}
