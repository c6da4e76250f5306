//! The metrics by name, with what they mean, and what `portwho metrics` says otherwise.

use std::net::SocketAddr;

use super::counted;

/// A metric.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Metric {
    /// Its name, which rules and dashboards use.
    pub name: &'static str,
    /// What it means, in one line.
    pub help: &'static str,
}

const fn metric(name: &'static str, help: &'static str) -> Metric {
    Metric { name, help }
}

/// The version.
pub const BUILD_INFO: Metric = metric("portwho_build_info", "Version of portwho; always 1.");
/// When it looked.
pub const LOOK_TIMESTAMP: Metric =
    metric("portwho_look_timestamp_seconds", "Unix time of the look.");
/// How long that took.
pub const LOOK_DURATION: Metric = metric("portwho_look_duration_seconds", "Duration of the look.");
/// Which tables could be read.
pub const LOOK_SUCCESS: Metric =
    metric("portwho_look_success", "1 if the table was read completely.");
/// The sockets.
pub const SOCKETS: Metric = metric("portwho_sockets", "Sockets by owner; state is empty for UDP.");
/// The age of what a process does not close.
pub const CLOSE_WAIT_OLDEST: Metric = metric(
    "portwho_close_wait_oldest_seconds",
    "Time since the peer's last segment, oldest CLOSE_WAIT.",
);
/// The listeners.
pub const LISTENER_INFO: Metric = metric("portwho_listener_info", "Listener; always 1.");
/// The accept queue.
pub const ACCEPT_QUEUE_LENGTH: Metric = metric(
    "portwho_listener_accept_queue_length",
    "Fullest socket of this listener: connections waiting for accept().",
);
/// What fits into it.
pub const ACCEPT_QUEUE_LIMIT: Metric =
    metric("portwho_listener_accept_queue_limit", "Fullest socket of this listener: its backlog.");
/// What listeners drop.
pub const LISTENER_DROPS: Metric =
    metric("portwho_listener_drops_total", "Connections or datagrams dropped.");
/// The descriptors of a process.
pub const OPEN_FDS: Metric = metric(
    "portwho_process_open_fds",
    "Of the one process with the highest ratio: open descriptors.",
);
/// What it may open.
pub const MAX_FDS: Metric = metric(
    "portwho_process_max_fds",
    "Of the one process with the highest ratio: its limit of descriptors.",
);
/// The ephemeral ports.
pub const EPHEMERAL_PORTS: Metric =
    metric("portwho_ephemeral_ports_used_ratio", "Worst destination, 0 to 1.");
/// What doctor found.
pub const FINDINGS: Metric = metric("portwho_findings", "Number of findings.");
/// What doctor checked.
pub const CHECK_SUCCESS: Metric = metric(
    "portwho_check_success",
    "1 if doctor made the check; 0 where it could not, never absent.",
);
/// What was not seen.
pub const GAPS: Metric = metric("portwho_gaps", "Items not seen; 0 for every kind, always.");
/// What was too much of one user.
pub const SERIES_MERGED: Metric =
    metric("portwho_series_merged", "Label sets merged into `other`.");

/// Why other namespaces were not all searched.
pub const NOT_EVERY_PROCESS: &str = "not readable for some processes";

/// What a sandbox with a network of its own hides.
pub const APART_FROM_FIRST: &str = "PID 1 is in another one";

/// What goes wrong besides.
pub const CANNOT_SERVE: &str = "cannot serve metrics";
/// Where there is nothing.
pub const NOT_FOUND: &str = "not found; metrics are at /metrics";
/// What only may be done.
pub const ONLY_GET: &str = "only GET is allowed";
/// What a scrape is told that does not wait longer.
pub const TOO_SLOW: &str = "the look takes longer than the scrape waits";

/// `serving metrics on http://127.0.0.1:9467/metrics`.
#[must_use]
pub fn serving(address: SocketAddr) -> String {
    format!("serving metrics on http://{address}/metrics")
}

/// `cannot listen on 127.0.0.1:9467: address in use`.
#[must_use]
pub fn not_listening(address: SocketAddr, why: &str) -> String {
    format!("cannot listen on {address}: {why}")
}

/// `cannot write /var/lib/node_exporter/portwho.prom: permission denied`.
#[must_use]
pub fn not_written(file: &str, why: &str) -> String {
    format!("cannot write {file}: {why}")
}

/// `cannot write portwho.prom.seen: no space left on device; ...`.
#[must_use]
pub fn not_remembered(file: &str, why: &str) -> String {
    format!(
        "cannot write {file}: {why}; until that is possible, a user may add labels without end, some at each look"
    )
}

/// What follows where values are lost that were remembered.
const FORGOTTEN: &str =
    "what users had shown is forgotten: NewListener may name listeners that are not new";

/// `cannot read portwho.prom.seen: file too large; ...`.
#[must_use]
pub fn forgotten(file: &str, why: &str) -> String {
    format!("cannot read {file}: {why}; it was replaced, and {FORGOTTEN}")
}

/// `portwho.prom.seen: only 4 MiB are kept of what users had shown: ...`.
#[must_use]
pub fn too_much_seen(file: &str, longest: usize, count: usize) -> String {
    let (mib, that) = (longest / (1024 * 1024), "seen longest ago");
    let forgotten = match count {
        1 => format!("the one that was {that} is forgotten"),
        count => format!("the {count} that were {that} are forgotten"),
    };
    format!(
        "{file}: only {mib} MiB are kept of what users had shown: {forgotten}, and NewListener may name \
         listeners that are not new"
    )
}

/// `portwho.prom.seen: 3 lines are not portwho's; ...`.
#[must_use]
pub fn not_own_lines(file: &str, count: usize) -> String {
    let (lines, are) = (counted(count, "line"), if count == 1 { "is" } else { "are" });
    format!(
        "{file}: {lines} {are} not portwho's; what stood there is forgotten, so that NewListener may \
         name listeners that are not new; let no other program write it"
    )
}
