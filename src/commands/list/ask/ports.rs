//! What the ports are judged by that were asked for: every socket on them, and the rules.

use std::collections::BTreeMap;

use crate::model::{Detail, Gap, PortRules, Protocol, Scope};
use crate::platform::{SocketTable, System};
use crate::query::{AskedPort, Filter, LocalSet, Protocols, Rows, SocketsByPort};

/// What the system said of the ports.
#[derive(Debug)]
pub(in crate::commands::list) struct PortFacts {
    /// Every socket on them, at every address; none where the rows are these already.
    pub(in crate::commands::list) table: Option<SocketTable>,
    /// The rules for each protocol that was asked for.
    pub(in crate::commands::list) rules: BTreeMap<Protocol, PortRules>,
}

impl PortFacts {
    /// That some of the rules could not be read.
    pub(super) fn rules_gap(&self) -> Option<Gap> {
        let unread = self.rules.values().find_map(|rules| rules.unread.clone());
        unread.map(|why| Gap::PortRulesUnreadable { why })
    }
}

/// Asks, where the ports are judged: `always`, or where the rows do not say who holds each. Nothing
/// is known where the sockets cannot be read.
pub(super) fn ask(
    local: &LocalSet,
    rows: &Rows<'_>,
    always: bool,
    system: &impl System,
) -> Option<PortFacts> {
    if !always && are_held(local, rows) {
        return None;
    }
    let mut table = if rows.filter.is_by_local_end_alone() && local.places.is_empty() {
        None
    } else {
        Some(all_on(local, rows.filter, system)?)
    };
    let protocols = Protocols::BOTH.each().filter(|protocol| rows.filter.asks_for(*protocol));
    let rules = protocols.map(|protocol| (protocol, system.port_rules(protocol))).collect();
    let facts = PortFacts { table: None, rules };
    if let (Some(table), Some(gap)) = (&mut table, facts.rules_gap()) {
        table.gaps.push(gap);
    }
    Some(PortFacts { table, ..facts })
}

/// Whether nothing is left to say of the ports: a row holds each of them.
fn are_held(local: &LocalSet, rows: &Rows<'_>) -> bool {
    let held = rows.rows.iter().map(|row| &row.socket).filter(|socket| socket.holds_port());
    let held: SocketsByPort<'_> = held.collect();
    AskedPort::all(local).all(|asked| held.on(asked.port).iter().any(|socket| asked.meets(socket)))
}

/// Every socket on the ports, whatever else `filter` asks of it.
fn all_on(local: &LocalSet, filter: &Filter, system: &impl System) -> Option<SocketTable> {
    let ports = LocalSet { ports: local.all_ports(), ..LocalSet::default() };
    let everything = Filter { local: Some(ports), ..Filter::everything() };
    let scope =
        Scope { local_addresses: filter.addresses_asked(), ..everything.scope(Detail::Brief) };
    let mut table = system.sockets(&scope).ok()?;
    table.sockets.retain(|socket| everything.admits_socket(socket));
    Some(table)
}
