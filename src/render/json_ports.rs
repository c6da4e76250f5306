//! The verdicts on ports in the JSON: whether each is free, and if not, why.

use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::json_socket::{JsonEndpoint, JsonNamespace, JsonOwner};
use crate::model::{Endpoint, PortRange, Snapshot, Socket};
use crate::query::{
    BindAttempt, Obstacle, PortNote, PortVerdict, PortVerdicts, Row, Rows, Verdict, Way,
};
use crate::text::endpoints::interfaces_of;

/// The verdicts, as far as they are reported one by one.
pub(super) fn ports(ports: Option<&PortVerdicts<'_>>, rows: &Rows<'_>) -> Vec<JsonPort> {
    let Some(ports) = ports else { return Vec::new() };
    let owners = Owners::new(rows);
    let port = |verdict| JsonPort::new(verdict, ports.elsewhere, &owners);
    ports.told.iter().map(port).collect()
}

/// The ports that are free wherever they were asked for.
pub(super) fn free(ports: &PortVerdicts<'_>) -> Vec<JsonRange> {
    let range = |range: &PortRange| JsonRange { first: *range.start(), last: *range.end() };
    ports.free.ranges().iter().map(range).collect()
}

/// Ports from the first to the last.
#[derive(Serialize)]
pub(super) struct JsonRange {
    first: u16,
    last: u16,
}

/// The rows by what stays the same of a socket: a port may have very many.
struct Owners<'a> {
    rows: FxHashMap<(Endpoint, Option<u64>), Vec<Row<'a>>>,
    snapshot: &'a Snapshot,
}

impl<'a> Owners<'a> {
    fn new(all: &Rows<'a>) -> Self {
        let mut rows: FxHashMap<_, Vec<Row<'a>>> = FxHashMap::default();
        for row in &all.rows {
            rows.entry((row.socket.local, row.socket.inode)).or_default().push(*row);
        }
        Self { rows, snapshot: all.snapshot }
    }

    fn of(&self, socket: &Socket) -> Option<JsonOwner> {
        let mut alike = self.rows.get(&(socket.local, socket.inode)).into_iter().flatten();
        let row = alike.find(|row| row.socket.is_same(socket))?;
        Some(JsonOwner::new(row, self.snapshot))
    }
}

#[derive(Serialize)]
pub(super) struct JsonPort {
    port: u16,
    address: Option<IpAddr>,
    #[serde(skip_serializing_if = "Option::is_none")]
    interface: Option<u32>,
    protocol: &'static str,
    verdict: &'static str,
    blockers: Vec<Blocker>,
    notes: Vec<Note>,
    try_bind: Option<Vec<JsonBind>>,
}

impl JsonPort {
    fn new(verdict: &PortVerdict<'_>, elsewhere: Option<&Snapshot>, owners: &Owners<'_>) -> Self {
        Self {
            port: verdict.asked.port,
            address: verdict.asked.address,
            interface: verdict.asked.interface,
            protocol: verdict.protocol.word(),
            verdict: word(verdict.verdict()),
            blockers: blockers(verdict, owners),
            notes: notes(verdict, elsewhere, owners),
            try_bind: verdict.attempt.map(JsonBind::all),
        }
    }
}

const fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Held => "held",
        Verdict::Blocked => "blocked",
        Verdict::Unknown => "unknown",
        Verdict::Free => "free",
    }
}

/// Why a bind fails, or may fail.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Blocker {
    Holder(Box<Holder>),
    TimeWait { count: usize, seconds: Option<u32> },
    Connections { count: usize },
    Privileged { below: u16 },
    Excluded { first: u16, last: u16 },
    Unseen { gap: &'static str },
}

fn blockers(verdict: &PortVerdict<'_>, owners: &Owners<'_>) -> Vec<Blocker> {
    let mut holders: Vec<(&Socket, Way)> = verdict.holders().collect();
    holders.sort_by_key(|(socket, way)| (*way, socket.local, socket.interface));
    let holders = holders.into_iter().map(|(socket, way)| Holder::new(socket, way, owners));
    let (count, longest) = verdict.time_wait();
    let seconds = longest.map(|left| left.div_ceil(1000));
    let time_wait = (count > 0).then_some(Blocker::TimeWait { count, seconds });
    let connections = verdict.met.iter().filter(|socket| !socket.takes_port()).count();
    let connections = connections.saturating_sub(count);
    let connections = (connections > 0).then_some(Blocker::Connections { count: connections });
    let obstacles = verdict.obstacles.iter().map(|obstacle| match obstacle {
        Obstacle::Privileged(below) => Blocker::Privileged { below: *below },
        Obstacle::Excluded(_, range) => {
            let (first, last) = ends(range);
            Blocker::Excluded { first, last }
        }
    });
    let unseen = verdict.hidden_by.iter().map(|gap| Blocker::Unseen { gap: gap.kind() });
    let holders = holders.map(|holder| Blocker::Holder(Box::new(holder)));
    holders.chain(time_wait).chain(connections).chain(obstacles).chain(unseen).collect()
}

const fn ends(range: &PortRange) -> (u16, u16) {
    (*range.start(), *range.end())
}

/// A socket that holds the port.
#[derive(Serialize)]
struct Holder {
    local: JsonEndpoint,
    state: Option<String>,
    /// Where it is, seen from the address that was asked for.
    way: &'static str,
    /// Under which condition a bind succeeds all the same.
    unless: Option<&'static str>,
    /// Its owner, where it is one of the sockets that were asked for.
    owner: Option<JsonOwner>,
}

impl Holder {
    fn new(socket: &Socket, way: Way, owners: &Owners<'_>) -> Self {
        Self {
            local: endpoint(socket, owners.snapshot),
            state: socket.state.map(|state| state.to_string()),
            way: match way {
                Way::Same => "same",
                Way::Covers => "covers",
                Way::Within => "within",
            },
            unless: socket.shares_port().then_some("both-set-so-reuseaddr"),
            owner: owners.of(socket),
        }
    }
}

fn endpoint(socket: &Socket, snapshot: &Snapshot) -> JsonEndpoint {
    JsonEndpoint::new(&socket.local, socket.interface, interfaces_of(socket, snapshot))
}

/// What is worth knowing and blocks nothing.
#[derive(Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Note {
    Reserved,
    Ephemeral { first: u16, last: u16 },
    OtherNamespace(Box<Elsewhere>),
    OtherAddress(Box<Beside>),
}

/// A socket that holds the port where a bind does not meet it.
#[derive(Serialize)]
struct Beside {
    local: JsonEndpoint,
    state: Option<String>,
    v6only: Option<bool>,
}

impl Beside {
    fn new(socket: &Socket, snapshot: &Snapshot) -> Self {
        Self {
            local: endpoint(socket, snapshot),
            state: socket.state.map(|state| state.to_string()),
            v6only: socket.v6_only,
        }
    }
}

#[derive(Serialize)]
struct Elsewhere {
    netns: Option<JsonNamespace>,
    local: JsonEndpoint,
    state: Option<String>,
    owner: JsonOwner,
}

fn notes(
    verdict: &PortVerdict<'_>,
    elsewhere: Option<&Snapshot>,
    owners: &Owners<'_>,
) -> Vec<Note> {
    let note = verdict.note.as_ref().map(|note| match note {
        PortNote::Reserved => Note::Reserved,
        PortNote::Ephemeral(range) => {
            let (first, last) = ends(range);
            Note::Ephemeral { first, last }
        }
    });
    let there = verdict
        .elsewhere
        .iter()
        .filter_map(|row| Some(Note::OtherNamespace(Box::new(Elsewhere::new(row, elsewhere?)))));
    let beside = verdict.beside.iter().map(|socket| Beside::new(socket, owners.snapshot));
    let beside = beside.map(|beside| Note::OtherAddress(Box::new(beside)));
    note.into_iter().chain(there).chain(beside).collect()
}

impl Elsewhere {
    fn new(row: Row<'_>, snapshot: &Snapshot) -> Self {
        Self {
            netns: row.socket.netns.map(|inode| JsonNamespace::new(inode, snapshot)),
            local: endpoint(&row.socket, snapshot),
            state: row.socket.state.map(|state| state.to_string()),
            owner: JsonOwner::new(row, snapshot),
        }
    }
}

/// What the system answered to a bind.
#[derive(Serialize)]
struct JsonBind {
    address: IpAddr,
    error: Option<String>,
}

impl JsonBind {
    fn all(attempt: &BindAttempt) -> Vec<Self> {
        let answers = attempt.answers.iter();
        let bind = answers.map(|(address, answer)| Self {
            address: *address,
            error: answer.as_ref().err().map(|refusal| refusal.reason.clone()),
        });
        bind.collect()
    }
}
