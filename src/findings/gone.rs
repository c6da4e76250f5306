//! When peers count as gone, whether the connection was closed here or not.

use super::Severity;

/// Clients vanish at any time, mobile ones above all, each from an address of its own; ten at one address
/// are a host that failed, or the route to it.
pub(super) const CONNECTIONS: usize = 10;
/// Ten of a few clients are an outage; ten of thousands are the mobile ones among them.
pub(super) const PERCENT: u64 = 5;
/// A lost segment is retransmitted once or twice; after three times the peer is gone.
pub(super) const RETRANSMITS: u8 = 3;

/// How severe it is that this many do not answer: an outage, or single clients.
pub(super) fn severity(count: usize, is_outage: bool) -> Option<Severity> {
    let severity = if is_outage { Severity::Warning } else { Severity::Note };
    (count >= CONNECTIONS).then_some(severity)
}
