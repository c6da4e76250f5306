//! Facts that several findings report.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::{Case, Machine};
use crate::model::{Endpoint, TcpCounters};
use crate::text::durations::duration;

/// `10.0.0.5:443`, `[::1]:443`.
pub(super) fn endpoint(end: &Endpoint) -> String {
    SocketAddr::new(end.address, end.port).to_string()
}

/// `{"address": "10.0.0.5", "port": 443}`.
pub(super) fn endpoint_json(end: &Endpoint) -> Value {
    json!({"address": end.address, "port": end.port})
}

/// The three largest counts: `22 (120), 445 (1)`.
pub(super) fn largest(counts: &BTreeMap<impl ToString, usize>) -> String {
    const NAMED: usize = 3;
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(**count));
    let named = sorted.iter().take(NAMED);
    let named = named.map(|(name, count)| format!("{} ({count})", name.to_string()));
    let mut named: Vec<String> = named.collect();
    if sorted.len() > NAMED {
        named.push("and others".to_owned());
    }
    named.join(", ")
}

/// `1 byte` and `is`, `12 bytes` and `are`.
pub(super) fn bytes(count: u64) -> (String, &'static str) {
    match count {
        1 => ("1 byte".to_owned(), "is"),
        count => (format!("{count} bytes"), "are"),
    }
}

/// That some of the connections of a process wait in its accept queue; nothing where none does.
pub(super) fn never_accepted(count: usize) -> Option<String> {
    match count {
        0 => None,
        1 => Some("1 of them was never accepted: it waits in the accept queue".to_owned()),
        count => {
            Some(format!("{count} of them were never accepted: they wait in the accept queue"))
        }
    }
}

/// Counts by name, as JSON.
pub(super) fn counts(counts: impl Iterator<Item = (impl ToString, usize)>) -> Value {
    let named: BTreeMap<String, usize> =
        counts.map(|(name, count)| (name.to_string(), count)).collect();
    json!(named)
}

/// What the kernel counted for all listeners together since the earlier snapshot.
pub(super) fn listener_counters(case: &Case<'_>) -> Vec<String> {
    let overflows = counted_since("ListenOverflows", case, |counters| counters.listen_overflows);
    let drops = counted_since("ListenDrops", case, |counters| counters.listen_drops);
    overflows.into_iter().chain(drops).collect()
}

/// How much a counter grew since the earlier snapshot, if it did. Its total may be years old.
pub(super) fn counted_since(
    name: &str,
    case: &Case<'_>,
    of: impl Fn(&TcpCounters) -> Option<u64>,
) -> Option<String> {
    let (earlier, over) = case.earlier?;
    let grown = grown(case.machine, earlier, of).filter(|grown| *grown > 0)?;
    Some(format!("{name} of all ports: {grown} in {}", duration(over)))
}

/// How much a counter grew between two snapshots.
pub(super) fn grown(
    now: &Machine<'_>,
    earlier: &Machine<'_>,
    of: impl Fn(&TcpCounters) -> Option<u64>,
) -> Option<u64> {
    let (now, before) = (of(&now.settings.counters)?, of(&earlier.settings.counters)?);
    Some(now.saturating_sub(before))
}
