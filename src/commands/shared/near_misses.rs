//! What was nearly asked for: sockets that only the other filters leave out, and connections to the
//! port of another machine.

use crate::model::{Detail, Families, Scope, Shell, Socket, StateSet, UdpScope};
use crate::platform::{SocketTable, System};
use crate::query::{Filter, LocalSet, PortSet, Rows};
use crate::text::hints as text;

use super::absent;

/// What the system was asked of them.
#[derive(Debug, Default)]
pub(in crate::commands) struct NearMisses {
    /// How many sockets on the ports the other filters leave out.
    pub(in crate::commands) left_out: usize,
    /// How many connections go to such a port elsewhere.
    pub(in crate::commands) to_foreign_ports: usize,
}

/// One of them, which is worth telling.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::commands) enum NearMiss {
    /// How many sockets on the ports do not match the other filters.
    LeftOut(usize),
    /// How many connections go to such a port elsewhere.
    ToForeignPorts(usize),
}

/// Asks for them, as far as `rows` leave a question open. `known`: every socket on the ports, where that was
/// asked before.
pub(in crate::commands) fn ask(
    local: &LocalSet,
    rows: &Rows<'_>,
    known: Option<&SocketTable>,
    system: &impl System,
) -> NearMisses {
    let is_empty = rows.rows.is_empty();
    let is_narrowed = !rows.filter.is_by_local_end_alone();
    let left_out = if is_empty && is_narrowed { left_out(local, known, system) } else { 0 };
    let to_foreign_ports =
        if is_empty && left_out == 0 { foreign_connections(&local.all_ports(), system) } else { 0 };
    NearMisses { left_out, to_foreign_ports }
}

/// How many sockets are at the places that were asked for, whatever else they had to be.
fn left_out(local: &LocalSet, known: Option<&SocketTable>, system: &impl System) -> usize {
    let filter = Filter { local: Some(local.clone()), ..Filter::everything() };
    let count = |table: &SocketTable| {
        table.sockets.iter().filter(|socket| filter.admits_socket(socket)).count()
    };
    let asked = || system.sockets(&filter.scope(Detail::Brief)).unwrap_or_default();
    known.map_or_else(|| count(&asked()), count)
}

/// How many connections go to those ports, which belong to other machines or processes.
fn foreign_connections(ports: &PortSet, system: &impl System) -> usize {
    let scope = Scope {
        tcp: StateSet::CONNECTED,
        udp: UdpScope::All,
        families: Families::BOTH,
        local_ports: None,
        local_addresses: Vec::new(),
        foreign_ports: Some(ports.ranges().to_vec()),
        detail: Detail::Brief,
    };
    let table = system.sockets(&scope).unwrap_or_default();
    let goes_there = |socket: &&Socket| socket.foreign.is_some_and(|end| ports.contains(end.port));
    table.sockets.iter().filter(goes_there).count()
}

impl NearMisses {
    /// What the other filters leave out, where they do.
    pub(in crate::commands) fn left_out(&self) -> Option<NearMiss> {
        (self.left_out > 0).then_some(NearMiss::LeftOut(self.left_out))
    }

    /// The others.
    pub(in crate::commands) fn others(&self) -> Option<NearMiss> {
        let count = self.to_foreign_ports;
        (count > 0).then_some(NearMiss::ToForeignPorts(count))
    }
}

impl NearMiss {
    /// What is said of it to whom asked for `local`.
    pub(in crate::commands) fn sentence(self, local: &LocalSet, shell: Shell) -> String {
        match self {
            Self::LeftOut(count) => text::unmatched(count, local, shell),
            Self::ToForeignPorts(count) => {
                text::foreign_connections(count, &local.all_ports(), shell)
            }
        }
    }
}

/// What is said where nothing matched and no port is judged.
pub(in crate::commands) fn where_nothing_matched(
    rows: &Rows<'_>,
    system: &impl System,
) -> Vec<String> {
    let shell = rows.snapshot.capabilities.shell;
    let absent = absent::ask(rows.filter, rows.snapshot, system);
    let absent: Vec<String> = absent.iter().map(|owner| owner.sentence(shell)).collect();
    let Some(local) = &rows.filter.local else {
        let nothing = absent.is_empty().then(|| text::NO_SOCKET_MATCHES.to_owned());
        return absent.into_iter().chain(nothing).collect();
    };
    let misses = ask(local, rows, None, system);
    let sentence = |miss: NearMiss| miss.sentence(local, shell);
    let first = misses.left_out().map(sentence);
    let first = first.unwrap_or_else(|| text::no_socket_on(local));
    absent.into_iter().chain([first]).chain(misses.others().map(sentence)).collect()
}
