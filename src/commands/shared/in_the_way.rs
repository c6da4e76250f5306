//! What is in the way of an address that no socket holds.

use std::collections::{BTreeMap, BTreeSet};
use std::iter;

use crate::model::{Family, Scope, Snapshot, Socket, StateSet, TcpState, UdpScope};
use crate::platform::{SocketTable, System};
use crate::query::{Filter, InTheWay, Place, PortSet, Row, Way, Ways};
use crate::text::endpoints::local_endpoint;
use crate::text::ports;
use crate::text::ports::in_the_way::{self as text, How};

/// A filter, and what was read of the system to make it.
#[derive(Debug)]
pub(in crate::commands) struct Widened {
    pub(in crate::commands) filter: Filter,
    pub(in crate::commands) read: Option<ReadSockets>,
}

/// Sockets that were read already.
#[derive(Debug)]
pub(in crate::commands) struct ReadSockets {
    scope: Scope,
    table: SocketTable,
}

impl ReadSockets {
    /// The sockets in a scope, where exactly these were read.
    pub(in crate::commands) fn of(self, scope: &Scope) -> Option<SocketTable> {
        (self.scope == *scope).then_some(self.table)
    }
}

/// The filter, which also admits what is in the way of an address that was asked for and that no
/// socket holds. That is asked for here.
pub(in crate::commands) fn widened(filter: Filter, ways: Ways, system: &impl System) -> Filter {
    widened_and_read(filter, ways, system).filter
}

/// The same, with what was read for it.
pub(in crate::commands) fn widened_and_read(
    filter: Filter,
    ways: Ways,
    system: &impl System,
) -> Widened {
    let Some(local) = filter.local.as_ref().filter(|local| !local.places.is_empty()) else {
        return Widened { filter, read: None };
    };
    let ports: PortSet = local.places.iter().map(|place| place.ports.clone()).collect();
    let told_by = |tcp| {
        let scope = Scope {
            tcp,
            udp: UdpScope::Unconnected,
            local_ports: Some(ports.ranges().to_vec()),
            local_addresses: local.addresses(),
            ..Scope::everything()
        };
        let read = system.sockets(&scope).ok().map(|table| ReadSockets { scope, table });
        let sockets = read.iter().flat_map(|read| &read.table.sockets);
        (InTheWay::of(local, sockets, ways), read)
    };
    // For what is bound without listening the kernel looks at every port of the machine.
    let (mut in_the_way, mut read) = told_by(StateSet::of(&[TcpState::Listening]));
    if !in_the_way.are_all_held_by_tcp(local) {
        (in_the_way, read) = told_by(StateSet::HOLDING);
    }
    Widened { filter: Filter { in_the_way, ..filter }, read }
}

/// The filter, which also admits what is in the way of an address whether a socket holds it or not: what is watched
/// stays in sight when a socket opens there.
pub(in crate::commands) fn always(filter: Filter, system: &impl System) -> Filter {
    let Some(local) = &filter.local else { return filter };
    let in_the_way = InTheWay::of(local, iter::empty(), ways(system));
    Filter { in_the_way, ..filter }
}

/// What counts for a list: everything that would make a bind fail.
pub(in crate::commands) fn ways(system: &impl System) -> Ways {
    if system.capabilities().narrower_blocks_bind { Ways::Both } else { Ways::Covering }
}

/// Sockets that are in the way of one address, and alike in how they are.
#[derive(Clone, PartialEq, Debug)]
pub(in crate::commands) struct Alike<'a> {
    /// The address and the ports.
    place: &'a Place,
    how: How,
    /// Whether another can be bound, where both set SO_REUSEADDR.
    shared: bool,
    rows: Vec<Row<'a>>,
}

/// Those of `rows` that are in the way of an address and do not hold it.
pub(in crate::commands) fn alike<'a>(rows: &[Row<'a>], filter: &'a Filter) -> Vec<Alike<'a>> {
    let Some(local) = &filter.local else { return Vec::new() };
    let number = |place: &Place| local.places.iter().position(|other| std::ptr::eq(other, place));
    let mut alike: BTreeMap<_, (&'a Place, Vec<Row<'a>>)> = BTreeMap::new();
    for &row in rows {
        for (place, way) in filter.in_the_way_of(&row.socket) {
            let key = (number(place), how(way, place, &row.socket), row.socket.shares_port());
            alike.entry(key).or_insert_with(|| (place, Vec::new())).1.push(row);
        }
    }
    let group = |((_, how, shared), (place, rows))| Alike { place, how, shared, rows };
    alike.into_iter().map(group).collect()
}

fn how(way: Way, place: &Place, socket: &Socket) -> How {
    match way {
        Way::Within => How::Within,
        _ if place.address.is_ipv4() && socket.family() == Family::V6 => How::DualStack,
        _ => How::Covering,
    }
}

impl Alike<'_> {
    /// `127.0.0.1:80: no socket is bound to exactly this address; 0.0.0.0:80 covers it`.
    pub(in crate::commands) fn sentence(&self, snapshot: &Snapshot) -> String {
        let sockets = ends(&self.rows, snapshot);
        let blocks = snapshot.capabilities.narrower_blocks_bind;
        let how = if blocks || self.how != How::Covering { self.how } else { How::Beside };
        text::remark(&ports::place(self.place), how, &sockets, self.shared)
    }
}

/// The local ends of the sockets, each once.
pub(in crate::commands) fn ends(rows: &[Row<'_>], snapshot: &Snapshot) -> Vec<String> {
    let ends: BTreeSet<String> =
        rows.iter().map(|row| local_endpoint(&row.socket, snapshot)).collect();
    ends.into_iter().collect()
}
