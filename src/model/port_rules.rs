//! The system's rules for ports: reserved, excluded, ephemeral and privileged ones.

use super::{Family, PortRange};

/// The system's rules for ports, as they apply to this process. What cannot be read is empty, and
/// `unread` says why.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortRules {
    /// Ports below this one may not be bound by this process.
    pub privileged_below: Option<u16>,
    /// The ports that are handed out to those who ask for any.
    pub ephemeral: Option<PortRange>,
    /// Ports that are never assigned automatically, and can still be bound: reserved ones of Linux,
    /// administered exclusions of Windows.
    pub reserved: Vec<PortRange>,
    /// Ports that may not be bound because they are reserved for another program (Windows), for each
    /// family that has a list.
    pub excluded: Vec<(Family, PortRange)>,
    /// Why some of the rules could not be read.
    pub unread: Option<String>,
}
