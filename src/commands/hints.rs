//! Where the answer may be when nothing matched.

use std::collections::BTreeSet;

use super::absent;
use super::attempt::Attempt;
use super::survey::survey_scope;
use super::vacancy::Vacancy;
use crate::model::{About, Detail, Families, OwnedSocket, Scope, Socket, StateSet, UdpScope};
use crate::platform::System;
use crate::query::{Filter, LocalSet, Place, PortSet, Row, Rows, SortKey, select};
use crate::text::endpoints::local_endpoint;
use crate::text::{hints as text, owners};

/// What to tell beside the rows that were found, or instead of them; whether ports are free only
/// with `attempts`.
pub(super) fn of_rows(
    rows: &Rows<'_>,
    filter: &Filter,
    attempts: Option<&[Attempt]>,
    system: &impl System,
) -> Vec<String> {
    let mut hints = absent::lines(filter, rows.snapshot, system);
    match &filter.local {
        Some(local) => hints.extend(of_ports(local, rows, filter, attempts, system)),
        None if rows.rows.is_empty() && hints.is_empty() => {
            hints.push(text::NO_SOCKET_MATCHES.to_owned());
        }
        None => {}
    }
    hints
}

fn of_ports(
    local: &LocalSet,
    rows: &Rows<'_>,
    filter: &Filter,
    attempts: Option<&[Attempt]>,
    system: &impl System,
) -> Vec<String> {
    let nothing = rows.rows.is_empty();
    let mut hints = drivers(rows);
    let narrowed = !filter.is_by_local_end_alone();
    let left_out = if nothing && narrowed { left_out(local, system) } else { 0 };
    if left_out > 0 {
        hints.push(text::unmatched(left_out, local, system.capabilities().shell));
    }
    // Rows that were picked by more than their port say nothing of the others on it.
    let is_answered = rows.rows.iter().any(|row| row.socket.holds_port());
    let attempts = attempts.filter(|_| !is_answered && (nothing || !narrowed));
    let vacancy = attempts.and_then(|attempts| Vacancy::of(local, rows, attempts, system));
    let verdicts = vacancy.map(|vacancy| vacancy.verdicts()).unwrap_or_default();
    if nothing && left_out == 0 && verdicts.is_empty() {
        hints.push(text::no_socket_on(local));
    }
    hints.extend(verdicts);
    let is_held = |place: &&Place| {
        rows.rows.iter().any(|row| place.is_of(&row.socket) && row.socket.holds_port())
    };
    let missing = local.places.iter().filter(|place| !is_held(place));
    // Both addresses of localhost may be covered by the same socket.
    let covering: BTreeSet<String> =
        missing.flat_map(|place| wildcard_holders(place, system)).collect();
    hints.extend(covering);
    if nothing && left_out == 0 {
        hints.extend(foreign_connections(&local.all_ports(), system));
    }
    hints
}

/// `-p 812`: a port that nobody holds may have been meant as a PID.
pub(super) fn of_lone_p(
    number: Option<u16>,
    rows: &Rows<'_>,
    system: &impl System,
) -> Option<String> {
    let is_held =
        |port| rows.rows.iter().any(|row| row.socket.local.port == port && row.socket.holds_port());
    let number = number.filter(|port| !is_held(*port))?;
    Some(text::read_as_port(number, system.capabilities().shell))
}

/// How many sockets are at the places that were asked for, whatever else they had to be.
fn left_out(local: &LocalSet, system: &impl System) -> usize {
    let filter = Filter { local: Some(local.clone()), ..Filter::everything() };
    let table = system.sockets(&filter.scope(Detail::Brief)).unwrap_or_default();
    table.sockets.iter().filter(|socket| filter.admits_socket(socket)).count()
}

/// Which driver a port of Windows' System belongs to.
fn drivers(rows: &Rows<'_>) -> Vec<String> {
    let is_drivers = |row: &&Row<'_>| {
        row.socket.holds_port() && row.owner.pids().any(|pid| rows.snapshot.is_kernel(pid))
    };
    let ports = rows.rows.iter().filter(is_drivers).map(|row| row.socket.local.port);
    let ports: BTreeSet<u16> = ports.collect();
    ports.into_iter().map(text::held_by_driver).collect()
}

/// `127.0.0.1:80` was asked for; whoever holds port 80 at every address answers there too.
fn wildcard_holders(place: &Place, system: &impl System) -> Vec<String> {
    let scope = Scope {
        tcp: StateSet::HOLDING,
        udp: UdpScope::Unconnected,
        local_ports: Some(vec![place.ports.clone()]),
        ..Scope::everything()
    };
    let covers = |socket: &Socket| covers(socket, place);
    let Ok(snapshot) = survey_scope(system, &scope, About::Table, covers) else {
        return Vec::new();
    };
    let everything = Filter::everything();
    let rows = select(&snapshot, &everything, SortKey::Port).rows;
    let hint = |row: &&OwnedSocket| {
        text::covered_by(&local_endpoint(&row.socket, &snapshot), &owners::owner(row, &snapshot))
    };
    rows.iter().map(hint).collect()
}

/// Whether the socket holds the port at every address and takes what comes for `place`.
pub(super) fn covers(socket: &Socket, place: &Place) -> bool {
    socket.local.address.is_unspecified()
        && socket.covers(place.address)
        && socket.holds_port()
        && place.ports.contains(&socket.local.port)
        && place.protocol.is_none_or(|protocol| protocol == socket.protocol)
}

/// Connections to that port, which is somebody else's.
fn foreign_connections(ports: &PortSet, system: &impl System) -> Option<String> {
    let scope = Scope {
        tcp: StateSet::CONNECTED,
        udp: UdpScope::All,
        families: Families::BOTH,
        local_ports: None,
        foreign_ports: Some(ports.ranges().to_vec()),
        detail: Detail::Brief,
    };
    let table = system.sockets(&scope).ok()?;
    let goes_there = |socket: &&Socket| socket.foreign.is_some_and(|end| ports.contains(end.port));
    let count = table.sockets.iter().filter(goes_there).count();
    (count > 0).then(|| text::foreign_connections(count, ports, system.capabilities().shell))
}
