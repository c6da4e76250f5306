//! Why `portwho kill` has no process to end on a port.

use crate::text::advice::{Remedy, listed, run};

/// Why a PORT has no process to end.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum NoTarget {
    /// Its owner is not known well enough for the filters.
    Incomparable {
        /// Who holds it.
        holders: Vec<String>,
    },
    /// The filters exclude its holders.
    Unmatched {
        /// Who holds it.
        holders: Vec<String>,
    },
    /// Only UDP sockets hold it, and UDP was not asked for.
    OnlyUdp {
        /// Who holds it.
        holders: Vec<String>,
        /// What includes UDP.
        command: Remedy,
    },
    /// The options exclude its sockets.
    Excluded {
        /// The sockets: `TCP [::]:80`.
        sockets: Vec<String>,
        /// Who holds them.
        holders: Vec<String>,
    },
    /// Sockets at some of its addresses hold it, and none at all of them.
    Narrower {
        /// The sockets.
        sockets: Vec<String>,
        /// Who holds them.
        holders: Vec<String>,
        /// What ends them.
        command: Remedy,
    },
    /// A table could not be read.
    Unknown,
    /// Nothing holds it.
    NotHeld {
        /// Connections that are being torn down, as they are written: ` (12 TIME_WAIT)`.
        remains: String,
        /// How many connections with a process use it.
        connections: usize,
    },
}

/// Why a PORT has no process to end.
#[must_use]
pub fn no_target(why: &NoTarget) -> String {
    match why {
        NoTarget::Incomparable { holders } => {
            format!("held by {}; cannot tell whether the filters match", listed(holders))
        }
        NoTarget::Unmatched { holders } => {
            format!("held by {}, which the filters exclude", listed(holders))
        }
        NoTarget::OnlyUdp { holders, command } => {
            run(&format!("held only by UDP sockets of {}", listed(holders)), command)
        }
        NoTarget::Excluded { sockets, holders } => {
            format!("the options exclude {}, held by {}", listed(sockets), listed(holders))
        }
        NoTarget::Unknown => "cannot tell whether anything holds it".to_owned(),
        NoTarget::Narrower { sockets, holders, command } => {
            let s = if sockets.len() == 1 { "s" } else { "" };
            let (sockets, holders) = (listed(sockets), listed(holders));
            let text = format!(
                "no socket is bound to exactly this address; {sockets}, held by {holders}, \
                 block{s} a bind to it"
            );
            run(&text, command)
        }
        NoTarget::NotHeld { remains, connections } => {
            format!("nothing holds it{remains}{}", used_by(*connections))
        }
    }
}

fn used_by(connections: usize) -> String {
    match connections {
        0 => String::new(),
        1 => "; only a connection uses it; kill terminates only processes that hold the port"
            .to_owned(),
        count => format!(
            "; only {count} connections use it; kill terminates only processes that \
                          hold the port"
        ),
    }
}

/// Why a port whose holder cannot be named is not freed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Unseen {
    /// The process that created the socket has exited; a child of it, by its PID, holds it.
    Inherited(u32),
    /// Not even all privileges would show the holder.
    Always,
    /// This command has more privileges, or shows what is known.
    Run(Remedy),
}

/// `port 80: held by a process of root; run: sudo portwho kill 80`.
#[must_use]
pub fn unseen(port: u16, holder: &str, why: &Unseen) -> String {
    let held = format!("port {port}: held by {holder}");
    match why {
        Unseen::Inherited(pid) => {
            format!(
                "{held}; terminate the child of PID {pid} that inherited the socket, by the child's PID"
            )
        }
        Unseen::Always => format!("{held}; no further privileges would reveal it"),
        Unseen::Run(remedy) => run(&held, remedy),
    }
}
