//! What `watch` says.

use std::time::Duration;

use super::durations::duration;
use super::endpoints::{foreign_endpoint, local_endpoint};
use super::owners;
use crate::model::Snapshot;
use crate::query::{Row, same_owners};

/// The words for what became of a socket, in JSON and in lines.
pub const PRESENT: &str = "present";
/// All that is present has been told.
pub const READY: &str = "ready";
/// It was not there at the look before.
pub const OPENED: &str = "opened";
/// Its state, its ends or its owners are others.
pub const CHANGED: &str = "changed";
/// It is gone.
pub const CLOSED: &str = "closed";
/// Something could not be read.
pub const GAP: &str = "gap";

/// `was ESTABLISHED`, `was node (PID 812)`: what differs from what was seen before.
#[must_use]
pub fn was(previous: Row<'_>, before: &Snapshot, now: Row<'_>) -> String {
    let mut parts = Vec::new();
    if previous.socket.local != now.socket.local {
        parts.push(local_endpoint(&previous.socket, before));
    }
    if previous.socket.foreign != now.socket.foreign {
        parts.push(format!("connected to {}", foreign_endpoint(&previous.socket, before)));
    }
    if previous.socket.state != now.socket.state {
        parts.extend(previous.socket.state.map(|state| state.to_string()));
    }
    // Why the kernel keeps a socket is in its state.
    if parts.is_empty() && !same_owners(&previous.owner, &now.owner) {
        parts.push(format!("held by {}", owners::owner(previous, before)));
    }
    format!("was {}", parts.join(", "))
}

/// A look that failed, with the reason of the system.
#[must_use]
pub fn failed(why: &str) -> String {
    format!("{why}; the sockets of the last successful look are kept")
}

/// That looks are further apart than was asked for.
#[must_use]
pub fn slowed(interval: Duration, cost: Duration) -> String {
    let (interval, cost) = (duration(interval), duration(cost));
    format!("looking every {interval}: a look uses {cost} of CPU time")
}

/// A terminal is needed that there is none of, or the program was built without the view.
pub const NO_LIVE_VIEW: &str =
    "watch has no live view here; to print a line for each change, run: portwho watch --plain";
