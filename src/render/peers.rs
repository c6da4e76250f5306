//! The local processes at the other endpoints of the connections of an owner.

use std::collections::BTreeMap;

use crate::model::{Endpoint, OwnedSocket, Pid, Protocol, Socket};
use crate::query::Rows;
use crate::text::endpoints::foreign_endpoint;
use crate::text::{counted, owners};

/// The foreign endpoints of each owner's connections within the machine, by who owns them.
pub(super) struct Peers(BTreeMap<Pid, BTreeMap<String, Vec<String>>>);

/// How many connections to the same process are listed; more are only counted.
const CONNECTIONS_LISTED: usize = 3;

impl Peers {
    pub(super) fn of(rows: &Rows<'_>) -> Self {
        let snapshot = rows.snapshot;
        let by_connection: BTreeMap<Connection, &OwnedSocket> = snapshot
            .peers
            .iter()
            .filter_map(|peer| Some((Connection::of(&peer.socket)?, peer)))
            .collect();
        let mut peers: BTreeMap<Pid, BTreeMap<String, Vec<String>>> = BTreeMap::new();
        for row in &rows.rows {
            let connection = Connection::of(&row.socket).map(Connection::reversed);
            let Some(peer) = connection.and_then(|key| by_connection.get(&key)) else { continue };
            for pid in row.owner.pids() {
                let by_owner = peers.entry(pid).or_default();
                let endpoints = by_owner.entry(owners::owner(peer, snapshot)).or_default();
                endpoints.push(foreign_endpoint(&row.socket, snapshot));
            }
        }
        Self(peers)
    }

    /// `curl (PID 900), at 127.0.0.1:50390`; `curl (PID 900), 12 connections`.
    pub(super) fn lines(&self, pid: Pid) -> impl Iterator<Item = String> {
        self.0.get(&pid).into_iter().flatten().map(|(owner, endpoints)| line(owner, endpoints))
    }
}

fn line(owner: &str, endpoints: &[String]) -> String {
    match endpoints.len() {
        count if count > CONNECTIONS_LISTED => format!("{owner}, {}", counted(count, "connection")),
        _ => format!("{owner}, at {}", endpoints.join(", ")),
    }
}

/// What identifies a connection on one of its sides.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Connection {
    protocol: Protocol,
    local: Endpoint,
    foreign: Endpoint,
}

impl Connection {
    /// None for a socket that is not connected.
    fn of(socket: &Socket) -> Option<Self> {
        let foreign = socket.foreign?;
        Some(Self { protocol: socket.protocol, local: socket.local, foreign })
    }

    /// The same connection on the other side.
    const fn reversed(self) -> Self {
        Self { protocol: self.protocol, local: self.foreign, foreign: self.local }
    }
}
