//! Facts that several findings tell.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::SocketAddr;

use serde_json::{Value, json};

use super::Case;
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

/// Counts by name, as JSON.
pub(super) fn counts(counts: impl Iterator<Item = (impl ToString, usize)>) -> Value {
    let named: BTreeMap<String, usize> =
        counts.map(|(name, count)| (name.to_string(), count)).collect();
    json!(named)
}

/// What the kernel counted for all listeners together.
pub(super) fn listener_counters(case: &Case<'_>) -> Vec<String> {
    let overflows = counter("ListenOverflows", case, |counters| counters.listen_overflows);
    let drops = counter("ListenDrops", case, |counters| counters.listen_drops);
    overflows.into_iter().chain(drops).collect()
}

fn counter(
    name: &str,
    case: &Case<'_>,
    of: impl Fn(&TcpCounters) -> Option<u64>,
) -> Option<String> {
    let now = of(&case.machine.settings.counters)?;
    let before = case.earlier.and_then(|(counters, over)| Some((of(counters)?, over)));
    let grown = before.map(|(before, over)| {
        format!(", {} of them in {}", now.saturating_sub(before), duration(over))
    });
    Some(format!("{name} of all ports since boot: {now}{}", grown.unwrap_or_default()))
}
