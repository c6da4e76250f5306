//! What is known of the process that created a socket, where its owner may not be seen.

use super::{Container, Pid, Service};

/// Where a socket was created, by its cgroup, and who lives there now.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Creator {
    /// The systemd unit, or else the slice.
    pub service: Option<Service>,
    /// The container.
    pub container: Option<Container>,
    /// Whether these names may be a user's choice, because they are below a group that is no slice.
    pub is_delegated: bool,
    /// The processes there, ascending: one of them holds the socket, unless it was passed on.
    pub candidates: Vec<Pid>,
}
