//! What stands below the tables: a line for each kind of row that they cannot explain.

use std::collections::BTreeMap;

use super::endpoints::local_endpoint;
use super::reasons::{BOUND, HALF_OPEN, NOT_ACCEPTED, ORPHANED, Reasons, seconds};
use super::{counted, owners};
use crate::model::{Creator, KernelReason, Owner, TcpState};
use crate::query::{Row, Rows};

/// What shares a line below the tables.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Kind {
    /// One socket that holds a port, in a line of its own.
    Bound(String),
    /// Those that hold a port and whose owner is the same that cannot be named.
    Unnamed(String),
    /// Those that wait in the same queue.
    NotAccepted(String),
    /// Half-open ones, by who listens.
    HalfOpen(String),
    /// Those that their processes left behind, by state.
    Orphaned(TcpState),
    /// Those in TIME_WAIT.
    TimeWait,
}

/// What several rows have in common.
#[derive(Clone, Debug, Default)]
struct Alike {
    /// The place of its line: that of the first such row.
    place: usize,
    endpoints: Vec<String>,
    count: usize,
    longest_ms: Option<u32>,
}

/// How many endpoints are named before they are only counted.
const ENDPOINTS_NAMED: usize = 3;
/// How many lines there are at most.
const LINES: usize = 10;

/// Remarks on rows whose owner the tables cannot name, and on ports that are bound without
/// listening: a line for each kind. `every_owner` also includes the owners of sockets that are only
/// connections.
#[must_use]
pub fn lines(rows: &Rows<'_>, every_owner: bool) -> Vec<String> {
    let snapshot = rows.snapshot;
    let reasons = Reasons::new(snapshot);
    let mut groups: BTreeMap<Kind, Alike> = BTreeMap::new();
    for row in &rows.rows {
        let Some(kind) = kind(row, &reasons, every_owner) else { continue };
        let place = groups.len();
        let alike = groups.entry(kind).or_insert_with(|| Alike { place, ..Alike::default() });
        alike.count += 1;
        let endpoint = local_endpoint(&row.socket, snapshot);
        if alike.endpoints.len() <= ENDPOINTS_NAMED && !alike.endpoints.contains(&endpoint) {
            alike.endpoints.push(endpoint);
        }
        alike.longest_ms = alike.longest_ms.max(row.socket.timer.map(|timer| timer.expires_ms));
    }
    let unshown = groups.len().saturating_sub(LINES);
    let mut groups: Vec<(Kind, Alike)> = groups.into_iter().collect();
    groups.sort_by_key(|(_, alike)| alike.place);
    let lines = groups.iter().take(LINES).map(|(kind, alike)| line(kind, alike));
    let more = (unshown > 0).then(|| format!("{unshown} more remarks; --json has them all"));
    lines.chain(more).collect()
}

fn kind(row: Row<'_>, reasons: &Reasons<'_>, every_owner: bool) -> Option<Kind> {
    let socket = &row.socket;
    match &row.owner {
        Owner::Processes(_) if socket.state == Some(TcpState::Bound) => {
            Some(Kind::Bound(owners::owner(row, reasons.snapshot)))
        }
        Owner::Processes(_) | Owner::Exited(_) => None,
        Owner::Hidden | Owner::NotFound => {
            let is_told = every_owner || socket.holds_port();
            // Without more than the user there is nothing to add to the gap.
            let creator = reasons.snapshot.creator(socket).filter(|_| is_told)?;
            if *creator == Creator::default() {
                return None;
            }
            Some(Kind::Unnamed(reasons.of(row)?))
        }
        Owner::Kernel(KernelReason::TimeWait) => Some(Kind::TimeWait),
        Owner::Kernel(KernelReason::NotAccepted) => Some(Kind::NotAccepted(reasons.queue(socket))),
        Owner::Kernel(KernelReason::SynReceived) => Some(Kind::HalfOpen(reasons.listener(socket))),
        Owner::Kernel(KernelReason::Orphaned) => socket.state.map(Kind::Orphaned),
    }
}

fn line(kind: &Kind, alike: &Alike) -> String {
    let endpoints = alike.endpoints.join(", ");
    let few = alike.endpoints.len() <= ENDPOINTS_NAMED;
    let left = alike.longest_ms.map(|ms| {
        let most = if alike.count > 1 { " at most" } else { "" };
        format!(", {} left{most}", seconds(ms))
    });
    let left = left.unwrap_or_default();
    let connections = counted(alike.count, "connection");
    let (subject, words) = match kind {
        Kind::Bound(owner) => (String::new(), format!("held by {owner}, {BOUND}")),
        Kind::Unnamed(words) => (String::new(), words.clone()),
        Kind::NotAccepted(queue) => (connections, format!("{NOT_ACCEPTED}{queue}")),
        Kind::HalfOpen(listener) => (connections, format!("{HALF_OPEN}{listener}")),
        Kind::Orphaned(state) => {
            let left = if *state == TcpState::FinWait2 { left } else { String::new() };
            (format!("{} {state}", alike.count), format!("{ORPHANED}{left}"))
        }
        Kind::TimeWait => {
            (format!("{} TIME_WAIT", alike.count), time_wait(alike.count, alike.longest_ms))
        }
    };
    match (few, subject.is_empty()) {
        (true, true) => format!("{endpoints}: {words}"),
        (true, false) => format!("{endpoints}: {subject}: {words}"),
        (false, true) => format!("{}: {words}", counted(alike.count, "socket")),
        (false, false) => format!("{subject}: {words}"),
    }
}

/// `closed; the kernel keeps it for 42 s`.
fn time_wait(count: usize, longest_ms: Option<u32>) -> String {
    let (them, most) = if count == 1 { ("it", "") } else { ("them", "at most ") };
    let time =
        longest_ms.map_or_else(|| "a while".to_owned(), |ms| format!("{most}{}", seconds(ms)));
    format!("closed; the kernel keeps {them} for {time}")
}
