//! What the checks compare, asked of the system.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Instant;

use rustc_hash::FxHashSet;

use super::survey::complete;
use crate::findings::{Inspection, LEAST_UNCONNECTED, Machine};
use crate::model::{
    About, Detail, Endpoint, Gap, Pid, Protocol, Reading, Scope, Snapshot, Socket, StateSet,
    TcpSettings, TcpState, Unconnected,
};
use crate::platform::{PlatformError, SocketTable, System};
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
    let scope = Scope { tcp: states(system), detail: Detail::Drops, ..Scope::everything() };
    let begun = Instant::now();
    let settings = system.tcp_settings();
    let table = system.sockets(&scope)?;
    let unlisted_bound = unlisted_bound(&table, &settings);
    let compared = filter.map(|filter| Compared::of(&table.sockets, filter));
    let mut snapshot = complete(system, table, About::Identity, |socket| {
        // A socket may have become BOUND since.
        socket.state.is_none_or(|state| scope.tcp.contains(state))
            && compared.as_ref().is_none_or(|compared| compared.contains(socket))
    })?;
    // The check that counts them says so, where they may matter.
    snapshot.gaps.retain(|gap| !gap.is_about_bound());
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
        settings,
        unlisted_bound,
        snapshot,
    })
}

/// The states that are looked at. Windows lists a BOUND socket for each connection.
fn states(system: &impl System) -> StateSet {
    let bound = StateSet::of(&[TcpState::Bound]);
    if system.capabilities().socket_details { StateSet::ALL } else { StateSet::ALL.without(bound) }
}

/// How many BOUND sockets there are at most that the kernel does not list: as many as it has sockets that
/// are not in the table. Those of other network namespaces are among them.
fn unlisted_bound(table: &SocketTable, settings: &TcpSettings) -> u64 {
    if !table.gaps.iter().any(Gap::may_hide_bound) {
        return 0;
    }
    let is_counted = |socket: &&Socket| {
        socket.protocol == Protocol::Tcp && socket.inode.is_some_and(|inode| inode != 0)
    };
    let listed = table.sockets.iter().filter(is_counted).count() as u64;
    settings.counters.allocated.map_or(u64::MAX, |all| all.saturating_sub(listed))
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
        Some(filter) => {
            let scope = Scope { tcp: filter.states_of_matches(), ..filter.scope(Detail::Brief) };
            machine.narrowed(&scope, |row| filter.admits(row, &inspection.snapshot))
        }
        None => machine,
    }
}

/// The sockets that were asked for, as far as that can be said without their owners, and those that
/// they are compared with.
struct Compared<'a> {
    filter: &'a Filter,
    /// Their ports, with the listeners that they came through and the other connections of a service.
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
        // These block ephemeral ports for every destination.
        let is_blocking = matches!(socket.state, Some(TcpState::Listening | TcpState::Bound))
            && !self.paths.is_empty();
        self.filter.admits_socket(socket)
            || is_blocking
            || (socket.protocol == Protocol::Tcp && self.ports.contains(&socket.local.port))
            || socket.foreign.is_some_and(|foreign| {
                self.ends.contains(&(socket.local, foreign))
                    || self.paths.contains(&(socket.local.address, foreign))
            })
    }
}
