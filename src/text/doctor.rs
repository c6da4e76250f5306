//! What doctor says when it finds nothing. A finding's sentences stand with the finding.

use super::counted;

/// What was checked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Checked {
    /// The sockets.
    pub sockets: usize,
    /// Those of them whose owner is not known: their descriptors were not counted.
    pub unowned: usize,
    /// The processes.
    pub processes: usize,
    /// The checks.
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
