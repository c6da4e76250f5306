//! Everything that kill has to know before it acts.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::shared::survey::complete;
use crate::commands::shared::{forwarded, served};
use crate::model::{About, Detail, Pid, Scope, Snapshot, Socket, StateSet, UdpScope, Uid};
use crate::platform::{PlatformError, System};
use crate::query::{Filter, LocalSet};

/// Every socket on the ports of `filter`, whatever its protocol, family and state, and every
/// socket of the machine that holds a port: what else the owners hold. One walk.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(super) fn gather(filter: &Filter, system: &impl System) -> Result<Snapshot, PlatformError> {
    let on_ports = on_ports(filter);
    let holding =
        Scope { tcp: StateSet::HOLDING, udp: UdpScope::Unconnected, ..Scope::everything() };
    let mut table = system.sockets(&on_ports.scope(Detail::Brief))?;
    // A system may answer with more than was asked for.
    table.sockets.retain(|socket| on_ports.admits_socket(socket));
    let others = system.sockets(&holding)?;
    // What else an owner holds is of interest only where there is one: no walk otherwise.
    let is_held = table.sockets.iter().any(Socket::holds_port);
    let ports = filter.local.as_ref().map(LocalSet::all_ports).unwrap_or_default();
    table.sockets.extend(others.sockets.into_iter().filter(|socket| {
        let matters = is_held || ports.contains(socket.local.port);
        socket.holds_port() && matters && !on_ports.admits_socket(socket)
    }));
    // The first table has shown whether something is bound to the ports themselves.
    for gap in others.gaps.into_iter().filter(|gap| !gap.is_about_bound()) {
        if !table.gaps.contains(&gap) {
            table.gaps.push(gap);
        }
    }
    let mut snapshot = with_ancestors(complete(system, table, About::Identity, |_| true)?, system);
    served::add(system, &mut snapshot, |row| on_ports.admits_socket(&row.socket));
    forwarded::add(system, &mut snapshot, |row| on_ports.admits_socket(&row.socket));
    Ok(snapshot)
}

/// Everything on the ports of `filter`.
pub(super) fn on_ports(filter: &Filter) -> Filter {
    Filter {
        local: filter.local.clone(),
        in_the_way: filter.in_the_way.clone(),
        ..Filter::everything()
    }
}

/// At most this many ancestors are read of the processes of one user, who may start processes that are each
/// other's children without end. One that is left out makes its descendants unrelated to all, which
/// ends nothing by mistake.
const ANCESTORS_OF_USER: usize = 4096;

/// At most this many are read in all: a user with subordinate ids (subuid(5)) is many.
const ANCESTORS: usize = 4 * ANCESTORS_OF_USER;

/// Adds the ancestors of the owners: they show which processes are related, and may start their children
/// again.
fn with_ancestors(mut snapshot: Snapshot, system: &impl System) -> Snapshot {
    let mut asked: BTreeSet<Pid> = snapshot.processes.keys().copied().collect();
    let mut children: Vec<Pid> = asked.iter().copied().collect();
    let mut read: BTreeMap<Option<Uid>, usize> = BTreeMap::new();
    let mut left = ANCESTORS;
    while !children.is_empty() {
        let mut unknown = BTreeSet::new();
        for child in children.iter().filter_map(|pid| snapshot.processes.get(pid)) {
            let Some(parent) = child.parent.filter(|parent| !asked.contains(parent)) else {
                continue;
            };
            let of_user = read.entry(child.uid).or_default();
            if *of_user < ANCESTORS_OF_USER && left > 0 && unknown.insert(parent) {
                *of_user += 1;
                left -= 1;
            }
        }
        let found = system.processes(&unknown, About::Table);
        children = found.keys().copied().collect();
        asked.extend(unknown);
        snapshot.processes.extend(found);
    }
    snapshot
}
