//! Ports that a service of the system forwards.

use crate::model::{OwnedSocket, PortProxy, Snapshot};
use crate::platform::System;

/// Adds the rules for sockets of the service that forwards ports, where `wanted` asks for such a socket.
pub(in crate::commands) fn add(
    system: &impl System,
    snapshot: &mut Snapshot,
    wanted: impl Fn(&OwnedSocket) -> bool,
) {
    let rows = snapshot.sockets.iter().filter(|row| is_of_service(row, snapshot) && wanted(row));
    let rows: Vec<&OwnedSocket> = rows.collect();
    if rows.is_empty() {
        return;
    }
    let (rules, gap) = system.port_proxies();
    let with_pid = |rule: PortProxy| {
        let row = rows.iter().find(|row| rule.is_of(&row.socket))?;
        Some((rule, row.owner.pids().next()?))
    };
    let rules = rules.into_iter().filter_map(with_pid).collect();
    snapshot.port_proxies = rules;
    snapshot.gaps.extend(gap);
}

/// Whether that service created a socket, or is hosted by the process that did, where no service is named.
fn is_of_service(row: &OwnedSocket, snapshot: &Snapshot) -> bool {
    let hosts = |pid| {
        let process = snapshot.processes.get(&pid);
        process.is_some_and(|process| process.services.iter().any(|it| PortProxy::is_by(&it.name)))
    };
    let created = row.socket.service.as_ref().map(PortProxy::is_by);
    row.socket.holds_port() && created.unwrap_or_else(|| row.owner.pids().any(hosts))
}
