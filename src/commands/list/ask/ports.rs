//! What the ports are judged by that were asked for: every socket on them, and the rules.

use crate::model::{Detail, PortRules, Protocol};
use crate::platform::{SocketTable, System};
use crate::query::{Filter, LocalSet, Rows};

/// What the system said of the ports.
#[derive(Debug)]
pub(in crate::commands::list) struct PortFacts {
    /// Every socket on them, at every address; none where the rows are these already.
    pub(in crate::commands::list) table: Option<SocketTable>,
    /// The rules, for TCP where both protocols are concerned: Windows takes its time for each.
    pub(in crate::commands::list) rules: PortRules,
}

/// Asks, where the ports are judged. Nothing is known where the sockets cannot be read.
pub(super) fn ask(local: &LocalSet, rows: &Rows<'_>, system: &impl System) -> Option<PortFacts> {
    if !are_judged(rows) {
        return None;
    }
    let table = if rows.filter.is_by_local_end_alone() && local.places.is_empty() {
        None
    } else {
        Some(all_on(local, system)?)
    };
    let protocol = if rows.filter.protocols.tcp { Protocol::Tcp } else { Protocol::Udp };
    Some(PortFacts { table, rules: system.port_rules(protocol) })
}

/// Whether anything is left to say of the ports. Rows that were picked by more than their port say
/// nothing of the others on it.
fn are_judged(rows: &Rows<'_>) -> bool {
    let is_held = rows.rows.iter().any(|row| row.socket.holds_port());
    !is_held && (rows.rows.is_empty() || rows.filter.is_by_local_end_alone())
}

/// Every socket on the ports, whatever else was asked of it.
fn all_on(local: &LocalSet, system: &impl System) -> Option<SocketTable> {
    let ports = LocalSet { ports: local.all_ports(), ..LocalSet::default() };
    let everything = Filter { local: Some(ports), ..Filter::everything() };
    let mut table = system.sockets(&everything.scope(Detail::Brief)).ok()?;
    table.sockets.retain(|socket| everything.admits_socket(socket));
    Some(table)
}
