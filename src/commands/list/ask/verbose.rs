//! What `-v` adds to a snapshot: particulars, ancestors, and the far ends within the machine.

use std::collections::BTreeSet;

use crate::commands::shared::survey::name_all;
use crate::model::{About, Detail, Families, Pid, Scope, Snapshot, StateSet, UdpScope};
use crate::platform::{PlatformError, System};
use crate::query::PortSet;

/// Adds all of it.
///
/// # Errors
/// When the owners of the far ends cannot be searched as was asked.
pub(in crate::commands) fn add(
    system: &impl System,
    snapshot: &mut Snapshot,
) -> Result<(), PlatformError> {
    let owners: BTreeSet<Pid> = snapshot.sockets.iter().flat_map(|row| row.owner.pids()).collect();
    snapshot.particulars = system.particulars(&owners);
    add_peers(system, snapshot)?;
    name_all(system, About::Table, snapshot);
    add_ancestors(system, snapshot);
    Ok(())
}

/// Adds the parents of all processes, and theirs, up to the first.
fn add_ancestors(system: &impl System, snapshot: &mut Snapshot) {
    loop {
        let known = &snapshot.processes;
        let parents = known.values().filter_map(|process| process.parent);
        let unknown: BTreeSet<Pid> = parents.filter(|pid| !known.contains_key(pid)).collect();
        let before = known.len();
        snapshot.processes.extend(system.processes(&unknown, About::Table));
        if snapshot.processes.len() == before {
            return;
        }
    }
}

/// Adds the sockets whose ends are the ends of those that are there, the other way round.
fn add_peers(system: &impl System, snapshot: &mut Snapshot) -> Result<(), PlatformError> {
    let here = snapshot.sockets.iter().filter(|row| row.socket.netns.is_none());
    let far = here.filter_map(|row| {
        let foreign = row.socket.foreign?;
        Some((row.socket.protocol, foreign, row.socket.local))
    });
    let far: BTreeSet<_> = far.collect();
    if far.is_empty() {
        return Ok(());
    }
    let ports = far.iter().map(|(_, end, _)| end.port..=end.port);
    let scope = Scope {
        tcp: StateSet::CONNECTED,
        udp: UdpScope::All,
        families: Families::BOTH,
        local_ports: Some(ports.collect::<PortSet>().ranges().to_vec()),
        local_addresses: Vec::new(),
        foreign_ports: None,
        detail: Detail::Brief,
    };
    let Ok(table) = system.sockets(&scope) else { return Ok(()) };
    let peers = table.sockets.into_iter().filter(|socket| {
        socket.foreign.is_some_and(|end| far.contains(&(socket.protocol, socket.local, end)))
    });
    snapshot.peers = system.owners(peers.collect())?.sockets;
    Ok(())
}
