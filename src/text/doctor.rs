//! What doctor says of its checks. A finding's sentences stand with the finding.

use std::time::Duration;

use super::counted;
use super::durations::duration;
use crate::model::{Need, Shell};

/// What was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The sockets.
    pub sockets: usize,
    /// Those of them whose owner is not known: their descriptors were not counted.
    pub unowned: usize,
    /// The processes.
    pub processes: usize,
    /// The checks that were made.
    pub checks: usize,
}

/// `no problems found in 1204 sockets of 31 processes (8 checks)`.
#[must_use]
pub fn no_problems(checked: Checked) -> String {
    let Checked { sockets, unowned, processes, checks } = checked;
    let unknown = match unowned {
        0 => String::new(),
        count => format!("; the owners of {} are unknown", counted(count, "socket")),
    };
    let (sockets, processes) = (counted(sockets, "socket"), counted(processes, "process"));
    format!("no problems found in {sockets} of {processes} ({}{unknown})", counted(checks, "check"))
}

/// `not run: conntrack-full, open-files (requires the initial network namespace: run it on the host)`.
#[must_use]
pub fn not_checked(kinds: &[&str], need: Need, shell: Shell) -> String {
    format!("not run: {} ({})", kinds.join(", "), needs(need, shell))
}

/// What a check needs that could not be made.
#[must_use]
pub fn needs(need: Need, shell: Shell) -> String {
    match (need, shell) {
        (Need::Rights, Shell::Posix) => "requires root".to_owned(),
        (Need::Rights, Shell::Windows) => "requires an elevated prompt".to_owned(),
        (Need::Ptrace, _) => {
            "requires CAP_SYS_PTRACE, and that no sandbox isolates a process".to_owned()
        }
        (Need::Kernel(what), _) => format!("requires {what}"),
        (Need::FirstNamespace, _) => {
            "requires the initial network namespace: run portwho on the host".to_owned()
        }
        (Need::System, _) => "this system does not report it".to_owned(),
        (Need::SecondSnapshot, _) => {
            "requires a second snapshot: run doctor without --count 1".to_owned()
        }
        (Need::WholeMachine, _) => {
            "concerns the whole machine: run doctor without a PORT or filters".to_owned()
        }
        (Need::OtherSockets, _) => "concerns sockets that the filters leave out".to_owned(),
    }
}

/// `waiting 5s for snapshot 2 of 3`.
#[must_use]
pub fn waiting(interval: Duration, number: u64, of: Option<u64>) -> String {
    format!("waiting {} for {}", duration(interval), place(number, of))
}

/// `snapshot 2 of 3`; `snapshot 2` where there is no end.
#[must_use]
pub fn place(number: u64, of: Option<u64>) -> String {
    match of {
        Some(of) => format!("snapshot {number} of {of}"),
        None => format!("snapshot {number}"),
    }
}
