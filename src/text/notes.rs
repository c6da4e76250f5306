//! What stands below the tables: a line for each kind of row that they cannot explain.

use std::collections::{BTreeMap, BTreeSet};

use super::endpoints::local_endpoint;
use super::reasons::{BOUND, HALF_OPEN, NOT_ACCEPTED, Reasons};
use super::{counted, owners};
use crate::model::{KernelReason, Owner, Protocol, TcpState};
use crate::query::{Row, Rows};

/// What shares a line below the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// One socket that holds a port, in a line of its own.
    Bound(String),
    /// Those that hold a port, and whose owner may be one of several processes.
    Unnamed(String),
    /// Those that do not take IPv4.
    OnlyIpv6,
    /// Those that wait in the same queue.
    NotAccepted(String),
    /// Half-open ones, by who listens.
    HalfOpen(String),
}

/// What several rows have in common.
#[derive(Clone, Debug, Default)]
struct Alike {
    /// The place of its line: that of the first such row.
    place: usize,
    endpoints: Vec<String>,
    count: usize,
}

/// What a socket at `[::]` does not do, which its row does not show.
const ONLY_IPV6: &str = "for IPv6 only (v6only): the port is not held for IPv4";
/// How many endpoints are named before they are only counted.
const ENDPOINTS_NAMED: usize = 3;
/// How many lines there are at most.
const LINES: usize = 10;

/// Remarks on rows of which more is known than the table says, and on ports that are bound without
/// listening: a line for each kind. The table itself has a word for each reason why a row has no
/// process, its user, and its unit or container. `every_owner` also includes the owners of sockets that are
/// only connections.
#[must_use]
pub fn lines(rows: &Rows<'_>, every_owner: bool) -> Vec<String> {
    let snapshot = rows.snapshot;
    let reasons = Reasons::new(snapshot);
    let only_ipv6 = if every_owner { only_ipv6(rows) } else { BTreeSet::new() };
    let mut groups: BTreeMap<Kind, Alike> = BTreeMap::new();
    for row in &rows.rows {
        let is_only_ipv6 = row.socket.leaves_ipv4() && only_ipv6.contains(&port(row));
        let only_ipv6 = is_only_ipv6.then_some(Kind::OnlyIpv6);
        let Some(kind) = only_ipv6.or_else(|| kind(row, &reasons, every_owner)) else { continue };
        let place = groups.len();
        let alike = groups.entry(kind).or_insert_with(|| Alike { place, ..Alike::default() });
        alike.count += 1;
        let endpoint = local_endpoint(&row.socket, snapshot);
        if alike.endpoints.len() <= ENDPOINTS_NAMED && !alike.endpoints.contains(&endpoint) {
            alike.endpoints.push(endpoint);
        }
    }
    let unshown = groups.len().saturating_sub(LINES);
    let mut groups: Vec<(Kind, Alike)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, alike)| alike.place);
    let lines = groups.iter().take(LINES).map(|(kind, alike)| line(kind, alike));
    let more =
        (unshown > 0).then(|| format!("{}; --json has them all", counted(unshown, "more remark")));
    lines.chain(more).collect()
}

const fn port(row: Row<'_>) -> (Protocol, u16) {
    (row.socket.protocol, row.socket.local.port)
}

/// The ports that are held for IPv6 alone, where IPv4 was asked for too.
fn only_ipv6(rows: &Rows<'_>) -> BTreeSet<(Protocol, u16)> {
    let held = rows.rows.iter().copied().filter(|row| row.socket.takes_port());
    let (left, taken): (Vec<_>, Vec<_>) = held.partition(|row| row.socket.leaves_ipv4());
    let taken: BTreeSet<_> = taken.into_iter().map(port).collect();
    let left = left.into_iter().filter(|_| rows.filter.families.v4).map(port);
    left.filter(|port| !taken.contains(port)).collect()
}

fn kind(row: Row<'_>, reasons: &Reasons<'_>, every_owner: bool) -> Option<Kind> {
    let socket = &row.socket;
    match &row.owner {
        _ if socket.state == Some(TcpState::Bound) => {
            Some(Kind::Bound(owners::owner(row, reasons.snapshot)))
        }
        Owner::Processes(_)
        | Owner::Exited(_)
        | Owner::Kernel(KernelReason::TimeWait | KernelReason::Orphaned) => None,
        Owner::Hidden | Owner::NotFound => {
            let is_told = every_owner || socket.holds_port();
            let creator = reasons.snapshot.creator(socket).filter(|_| is_told)?;
            if creator.candidates.is_empty() {
                return None;
            }
            Some(Kind::Unnamed(reasons.of(row)?))
        }
        Owner::Kernel(KernelReason::NotAccepted) => {
            let queue = reasons.queue(socket);
            (!queue.is_empty()).then_some(Kind::NotAccepted(queue))
        }
        Owner::Kernel(KernelReason::SynReceived) => {
            let listener = reasons.listener(socket);
            (!listener.is_empty()).then_some(Kind::HalfOpen(listener))
        }
    }
}

fn line(kind: &Kind, alike: &Alike) -> String {
    let endpoints = alike.endpoints.join(", ");
    let few = alike.endpoints.len() <= ENDPOINTS_NAMED;
    let connections = counted(alike.count, "connection");
    let (subject, words) = match kind {
        Kind::Bound(owner) => (String::new(), format!("held by {owner}, {BOUND}")),
        Kind::Unnamed(words) => (String::new(), words.clone()),
        Kind::OnlyIpv6 => (String::new(), ONLY_IPV6.to_owned()),
        Kind::NotAccepted(queue) => (connections, format!("{NOT_ACCEPTED}{queue}")),
        Kind::HalfOpen(listener) => (connections, format!("{HALF_OPEN}{listener}")),
    };
    match (few, subject.is_empty()) {
        (true, true) => format!("{endpoints}: {words}"),
        (true, false) => format!("{endpoints}: {subject}: {words}"),
        (false, true) => format!("{}: {words}", counted(alike.count, "socket")),
        (false, false) => format!("{subject}: {words}"),
    }
}
