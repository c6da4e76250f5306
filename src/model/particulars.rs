//! Details of a process, read only on request: they take more calls than a table is worth.

use super::Untrusted;

/// The particulars of a process. What the system does not report, or not to this user, is none.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Particulars {
    /// Whether the name that its program was started by was removed since.
    pub executable_deleted: bool,
    /// Its working directory.
    pub working_directory: Option<Untrusted>,
    /// How many descriptors (on Windows handles) it has open.
    pub descriptors: Option<u64>,
    /// How many it may open: RLIMIT_NOFILE's soft limit.
    pub descriptor_limit: Option<u64>,
    /// How far that limit may be raised without root: RLIMIT_NOFILE's hard limit.
    pub descriptor_hard_limit: Option<u64>,
}
