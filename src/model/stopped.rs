//! What keeps a process from running, so that a signal to end waits.

use super::Untrusted;

/// Why a process does not run.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Stopped {
    /// A signal such as SIGSTOP has stopped it, until SIGCONT (signal(7)).
    BySignal,
    /// A debugger has (ptrace(2)).
    ByTracer,
    /// Its cgroup is frozen (the freezer of cgroups(7)).
    Frozen {
        /// What has to be written to thaw it.
        thaw: &'static str,
        /// The file that it is written to.
        file: Untrusted,
        /// Whether SIGKILL ends it all the same, as in groups of version 2.
        can_be_killed: bool,
    },
}
