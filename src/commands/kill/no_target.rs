//! Why a PORT has no process to end.

use std::collections::BTreeSet;

use super::operand::Operand;
use super::plan::is_target;
use crate::cli::KillRequest;
use crate::commands::Outcome;
use crate::commands::shared::in_the_way::ends;
use crate::model::{Gap, Owner, Protocol, Snapshot, Socket};
use crate::query::{Filter, Place, Protocols, Row, Way};
use crate::text::advice::Remedy;
use crate::text::endpoints::{local_endpoint, needs_scope};
use crate::text::kill::no_target::{self as text, NoTarget, Unseen};
use crate::text::ports::remains::{Remains, Reuse};
use crate::text::{owners, ports, remedies};

/// The verdict on a PORT that none of the targets is on.
pub(super) fn why(
    operand: &Operand,
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> (Outcome, String) {
    let why = reason(operand, filter, request, snapshot);
    let outcome = match why {
        NoTarget::Incomparable { .. }
        | NoTarget::OnlyUdp { .. }
        | NoTarget::Narrower { .. }
        | NoTarget::Unknown => Outcome::Failure,
        NoTarget::Unmatched { .. } | NoTarget::Excluded { .. } | NoTarget::NotHeld { .. } => {
            Outcome::Negative
        }
    };
    (outcome, text::no_target(&why))
}

fn reason(
    operand: &Operand,
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> NoTarget {
    let all: Vec<Row<'_>> = snapshot.sockets.iter().collect();
    let rows = operand.rows(&all);
    let excluded = those(&rows, |row| is_target(row, filter));
    if !excluded.is_empty() {
        let holders = owners(&excluded, snapshot);
        let is_unknown = excluded.iter().any(|row| row.owner.holders().is_empty());
        return if is_unknown {
            NoTarget::Incomparable { holders }
        } else {
            NoTarget::Unmatched { holders }
        };
    }
    let udp = those(&rows, |row| holds(row, Protocol::Udp));
    let is_tcp_held = rows.iter().any(|row| holds(row, Protocol::Tcp));
    if request.selection.protocols.is_none() && !udp.is_empty() && !is_tcp_held {
        let command =
            request.command(snapshot.capabilities.shell, &["-u"], &operand.typed()).into();
        return NoTarget::OnlyUdp { holders: owners(&udp, snapshot), command };
    }
    let others = those(&rows, |row| row.socket.holds_port());
    if !others.is_empty() {
        let sockets: BTreeSet<String> = others.iter().map(|row| address(row, snapshot)).collect();
        let sockets = sockets.into_iter().collect();
        return NoTarget::Excluded { sockets, holders: owners(&others, snapshot) };
    }
    if snapshot.gaps.iter().any(Gap::may_hide_rows) {
        return NoTarget::Unknown;
    }
    let narrower = narrower(operand, filter, snapshot);
    if !narrower.is_empty() {
        let typed: Vec<String> = narrower.iter().map(|row| typed(&row.socket, operand)).collect();
        let command = request.command(snapshot.capabilities.shell, &[], &typed).into();
        let sockets = ends(&narrower, snapshot);
        return NoTarget::Narrower { sockets, holders: owners(&narrower, snapshot), command };
    }
    let kernels = rows.iter().filter(|row| matches!(row.owner, Owner::Kernel(_)));
    NoTarget::NotHeld {
        remains: Remains::of(kernels.map(|row| &row.socket), snapshot.capabilities)
            .with(Reuse::Unknown)
            .to_string(),
        connections: connections(&rows),
    }
}

fn those<'a>(rows: &[Row<'a>], is_wanted: impl Fn(Row<'_>) -> bool) -> Vec<Row<'a>> {
    rows.iter().copied().filter(|row| is_wanted(row)).collect()
}

fn owners(rows: &[Row<'_>], snapshot: &Snapshot) -> Vec<String> {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    owners.into_iter().collect()
}

/// What is said of a socket whose holder cannot be named, let alone ended.
pub(super) fn unseen(
    row: Row<'_>,
    filter: &Filter,
    request: &KillRequest,
    privileged: bool,
    snapshot: &Snapshot,
) -> String {
    let port = row.socket.local.port;
    // The address that was asked for is asked for again.
    let typed = ports::typed_on(port, filter.local.as_ref());
    let why = match row.owner {
        Owner::Exited(pid) => Unseen::Inherited(pid.0),
        Owner::Hidden if privileged => Unseen::Always,
        Owner::Hidden => Unseen::Run(Remedy::privileged(request.command(
            snapshot.capabilities.shell,
            &[],
            &typed,
        ))),
        _ => Unseen::Run(remedies::list(snapshot.capabilities.shell, typed).into()),
    };
    text::unseen(port, &owners::owner(row, snapshot), &why)
}

/// `TCP [::]:80`.
fn address(row: Row<'_>, snapshot: &Snapshot) -> String {
    format!(
        "{} {}",
        row.socket.protocol.word().to_uppercase(),
        local_endpoint(&row.socket, snapshot)
    )
}

fn holds(row: Row<'_>, protocol: Protocol) -> bool {
    row.socket.protocol == protocol && row.socket.holds_port()
}

/// Connections that a process has on the port; the kernel's own are never meant as targets.
fn connections(rows: &[Row<'_>]) -> usize {
    let of_processes = rows.iter().filter(|row| !matches!(row.owner, Owner::Kernel(_)));
    of_processes.filter(|row| row.socket.foreign.is_some()).count()
}

/// The command is printed for at most this many sockets at narrower addresses.
const NARROWER_TOLD: usize = 16;

/// The sockets at one of the addresses that were asked for, which block a bind to all of them.
fn narrower<'a>(operand: &Operand, filter: &Filter, snapshot: &'a Snapshot) -> Vec<Row<'a>> {
    if !snapshot.capabilities.narrower_blocks_bind {
        return Vec::new();
    }
    let protocols = operand.protocol().map_or(filter.protocols, |_| Protocols::BOTH);
    let anywhere = Filter { local: None, protocols, ..filter.clone() };
    let mut rows: Vec<Row<'a>> = snapshot.sockets.iter().collect();
    rows.retain(|row| is_target(row, &anywhere) && is_within(&row.socket, operand));
    let mut seen = BTreeSet::new();
    rows.retain(|row| seen.insert((row.socket.local, row.socket.interface)));
    rows.truncate(NARROWER_TOLD);
    rows
}

/// Whether a socket stands in the way of `operand` only at an address among those it means.
fn is_within(socket: &Socket, operand: &Operand) -> bool {
    let mut asked = operand.places().iter().filter_map(|place| place.ask(socket.local.port));
    asked.any(|asked| asked.way(socket) == Some(Way::Within))
}

/// The local end of a socket as it can be typed,
/// with its protocol where the PORT has one.
fn typed(socket: &Socket, operand: &Operand) -> String {
    let (end, interface) = (socket.local, socket.interface);
    let interface = interface.filter(|_| needs_scope(end.address));
    let protocol = operand.protocol();
    ports::place(&Place { address: end.address, interface, ports: end.port..=end.port, protocol })
}
