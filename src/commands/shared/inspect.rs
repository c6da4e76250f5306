//! What the checks compare, asked of the system.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use rustc_hash::FxHashSet;

use super::survey::complete;
use crate::findings::{Inspection, LEAST_UNCONNECTED, Machine};
use crate::model::{
    About, Detail, Endpoint, Pid, Protocol, Reading, Scope, Snapshot, Socket, StateSet, TcpState,
    Unconnected,
};
use crate::platform::{PlatformError, System};
use crate::query::Filter;

/// What the system reports now of the sockets that `filter` admits, and of what they are compared
/// with.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(in crate::commands) fn inspect(
    system: &impl System,
    filter: Option<&Filter>,
) -> Result<Inspection, PlatformError> {
    let scope = Scope {
        // No finding is about these, and not every kernel lists them.
        tcp: StateSet::ALL.without(StateSet::of(&[TcpState::Bound])),
        detail: Detail::Drops,
        ..Scope::everything()
    };
    let begun = Instant::now();
    let table = system.sockets(&scope)?;
    let compared = filter.map(|filter| Compared::of(&table.sockets, filter));
    let is_bound = |socket: &Socket| socket.state == Some(TcpState::Bound);
    let mut snapshot = complete(system, table, About::Identity, |socket| {
        !is_bound(socket) && compared.as_ref().is_none_or(|compared| compared.contains(socket))
    });
    let (limits, unconnected) = match filter {
        None => (system.machine_limits(), system.unconnected(LEAST_UNCONNECTED)),
        Some(_) => Default::default(),
    };
    add_keepers(system, &unconnected, &mut snapshot);
    let pids: BTreeSet<Pid> = snapshot.processes.keys().copied().collect();
    let particulars_after = begun.elapsed();
    Ok(Inspection {
        limits,
        unconnected,
        particulars: system.particulars(&pids),
        particulars_after,
        rules: system.port_rules(Protocol::Tcp),
        settings: system.tcp_settings(),
        snapshot,
    })
}

/// Describes the processes that keep unconnected sockets, which may own no other, and adds what was
/// left out.
fn add_keepers(system: &impl System, unconnected: &Reading<Unconnected>, snapshot: &mut Snapshot) {
    let Reading::Read(unconnected) = unconnected else { return };
    snapshot.gaps.extend(unconnected.gaps.iter().cloned());
    let is_new = |pid: &Pid| !snapshot.processes.contains_key(pid);
    let new: BTreeSet<Pid> = unconnected.sockets.keys().copied().filter(is_new).collect();
    if !new.is_empty() {
        snapshot.processes.extend(system.processes(&new, About::Identity));
    }
}

/// The machine of an inspection, narrowed to what `filter` admits.
pub(in crate::commands) fn machine<'a>(
    inspection: &'a Inspection,
    filter: Option<&Filter>,
) -> Machine<'a> {
    let machine = Machine::new(inspection);
    match filter {
        Some(filter) => machine.narrowed(|row| filter.admits(row, &inspection.snapshot)),
        None => machine,
    }
}

/// The sockets that were asked for, as far as that can be said without their owners, and those that
/// they are compared with.
struct Compared<'a> {
    filter: &'a Filter,
    /// The ports of listeners that they came through.
    ports: FxHashSet<u16>,
    /// The ends of connections within the machine, as the other side sees them.
    ends: FxHashSet<(Endpoint, Endpoint)>,
    /// The destinations for which they share ephemeral ports with others.
    paths: FxHashSet<(IpAddr, Endpoint)>,
}

impl<'a> Compared<'a> {
    fn of(sockets: &[Socket], filter: &'a Filter) -> Self {
        let admitted = || sockets.iter().filter(|socket| filter.admits_socket(socket));
        let connected = || admitted().filter_map(|socket| Some((socket.local, socket.foreign?)));
        Self {
            filter,
            ports: admitted().map(|socket| socket.local.port).collect(),
            ends: connected().map(|(local, foreign)| (foreign, local)).collect(),
            paths: connected().map(|(local, foreign)| (local.address, foreign)).collect(),
        }
    }

    fn contains(&self, socket: &Socket) -> bool {
        let is_listener = socket.state == Some(TcpState::Listening);
        self.filter.admits_socket(socket)
            || (is_listener && self.ports.contains(&socket.local.port))
            || socket.foreign.is_some_and(|foreign| {
                self.ends.contains(&(socket.local, foreign))
                    || self.paths.contains(&(socket.local.address, foreign))
            })
    }
}
