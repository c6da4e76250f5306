//! What was nearly asked for: sockets that only the other filters leave out, holders of a port at
//! every address where one was named, connections to the port of another machine.

use crate::model::{
    About, Detail, Families, OwnedSocket, Scope, Shell, Snapshot, Socket, StateSet, UdpScope,
};
use crate::platform::System;
use crate::query::{Filter, LocalSet, Place, PortSet, Rows, SortKey, select};
use crate::text::endpoints::local_endpoint;
use crate::text::{hints as text, owners};

use super::absent::{self, AbsentOwner};
use super::survey::survey_scope;

/// What the system was asked of them.
#[derive(Debug, Default)]
pub(in crate::commands) struct NearMisses {
    /// How many sockets on the ports the other filters leave out.
    pub(in crate::commands) left_out: usize,
    /// Holders of the ports at every address, by the address that was asked for and not found.
    pub(in crate::commands) covering: Vec<Snapshot>,
    /// How many connections go to such a port elsewhere.
    pub(in crate::commands) to_foreign_ports: usize,
}

/// One of them, which is worth telling.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::commands) enum NearMiss<'a> {
    /// So many sockets on the ports do not match the other filters.
    LeftOut(usize),
    /// A socket holds the port at every address, and so at the one that was asked for.
    Covering(&'a OwnedSocket, &'a Snapshot),
    /// So many connections go to such a port elsewhere.
    ToForeignPorts(usize),
}

/// Asks for them, as far as `rows` leave a question open.
pub(in crate::commands) fn ask(
    local: &LocalSet,
    rows: &Rows<'_>,
    system: &impl System,
) -> NearMisses {
    let is_empty = rows.rows.is_empty();
    let is_narrowed = !rows.filter.is_by_local_end_alone();
    let left_out = if is_empty && is_narrowed { left_out(local, system) } else { 0 };
    let is_held = |place: &&Place| {
        rows.rows.iter().any(|row| place.is_of(&row.socket) && row.socket.holds_port())
    };
    let missing = local.places.iter().filter(|place| !is_held(place));
    let covering = missing.filter_map(|place| wildcard_holders(place, system)).collect();
    let to_foreign_ports =
        if is_empty && left_out == 0 { foreign_connections(&local.all_ports(), system) } else { 0 };
    NearMisses { left_out, covering, to_foreign_ports }
}

/// How many sockets are at the places that were asked for, whatever else they had to be.
fn left_out(local: &LocalSet, system: &impl System) -> usize {
    let filter = Filter { local: Some(local.clone()), ..Filter::everything() };
    let table = system.sockets(&filter.scope(Detail::Brief)).unwrap_or_default();
    table.sockets.iter().filter(|socket| filter.admits_socket(socket)).count()
}

/// `127.0.0.1:80` was asked for; whoever holds port 80 at every address answers there too.
fn wildcard_holders(place: &Place, system: &impl System) -> Option<Snapshot> {
    let scope = Scope {
        tcp: StateSet::HOLDING,
        udp: UdpScope::Unconnected,
        local_ports: Some(vec![place.ports.clone()]),
        ..Scope::everything()
    };
    survey_scope(system, &scope, About::Table, |socket| place.is_covered_by(socket)).ok()
}

/// How many connections go to those ports, which are somebody else's.
fn foreign_connections(ports: &PortSet, system: &impl System) -> usize {
    let scope = Scope {
        tcp: StateSet::CONNECTED,
        udp: UdpScope::All,
        families: Families::BOTH,
        local_ports: None,
        foreign_ports: Some(ports.ranges().to_vec()),
        detail: Detail::Brief,
    };
    let table = system.sockets(&scope).unwrap_or_default();
    let goes_there = |socket: &&Socket| socket.foreign.is_some_and(|end| ports.contains(end.port));
    table.sockets.iter().filter(goes_there).count()
}

/// Every holder that covers an address was admitted before.
static EVERYTHING: Filter = Filter::everything();

impl NearMisses {
    /// What the other filters leave out, where they do.
    pub(in crate::commands) fn left_out(&self) -> Option<NearMiss<'_>> {
        (self.left_out > 0).then_some(NearMiss::LeftOut(self.left_out))
    }

    /// The others.
    pub(in crate::commands) fn others(&self) -> impl Iterator<Item = NearMiss<'_>> {
        let covering = self.covering.iter().flat_map(|snapshot| {
            let rows = select(snapshot, &EVERYTHING, SortKey::Port).rows;
            rows.into_iter().map(move |row| (row, snapshot))
        });
        // One socket may cover both addresses of localhost.
        let mut told: Vec<&OwnedSocket> = Vec::new();
        let covering = covering.filter_map(move |(row, snapshot)| {
            let is_told = told.iter().any(|known| known.socket == row.socket);
            told.push(row);
            (!is_told).then_some(NearMiss::Covering(row, snapshot))
        });
        let count = self.to_foreign_ports;
        covering.chain((count > 0).then_some(NearMiss::ToForeignPorts(count)))
    }
}

impl NearMiss<'_> {
    /// What is said of it to whom asked for `local`.
    pub(in crate::commands) fn sentence(&self, local: &LocalSet, shell: Shell) -> String {
        match self {
            Self::LeftOut(count) => text::unmatched(*count, local, shell),
            Self::Covering(row, snapshot) => text::covered_by(
                &local_endpoint(&row.socket, snapshot),
                &owners::owner(row, snapshot),
            ),
            Self::ToForeignPorts(count) => {
                text::foreign_connections(*count, &local.all_ports(), shell)
            }
        }
    }
}

/// What is said where nothing matched and no port is judged.
pub(in crate::commands) fn where_nothing_matched(
    rows: &Rows<'_>,
    system: &impl System,
) -> Vec<String> {
    let absent: Vec<String> =
        absent::ask(rows.filter, rows.snapshot, system).iter().map(AbsentOwner::sentence).collect();
    let Some(local) = &rows.filter.local else {
        let nothing = absent.is_empty().then(|| text::NO_SOCKET_MATCHES.to_owned());
        return absent.into_iter().chain(nothing).collect();
    };
    let misses = ask(local, rows, system);
    let shell = rows.snapshot.capabilities.shell;
    let sentence = |miss: NearMiss<'_>| miss.sentence(local, shell);
    let first = misses.left_out().map(sentence);
    let first = first.unwrap_or_else(|| text::no_socket_on(local));
    absent.into_iter().chain([first]).chain(misses.others().map(sentence)).collect()
}
