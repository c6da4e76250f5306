//! Network namespaces other than portwho's own.

use super::{Pid, Untrusted};

/// What a network namespace is known by.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Namespace {
    /// The name of its container, the one that it is bound to (`ip netns`), or `host`.
    pub name: Option<Untrusted>,
    /// A process that lives there, where one is known.
    pub resident: Option<Resident>,
}

/// A process that lives in a network namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Resident {
    /// Its PID.
    pub pid: Pid,
    /// Its name.
    pub name: Untrusted,
    /// Whether its first thread lives there, by which the namespace is entered: `nsenter -t PID -n`.
    pub by_first_thread: bool,
}
