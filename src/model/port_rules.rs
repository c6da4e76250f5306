//! What the system has to say of ports beside their sockets.

use super::PortRange;

/// The system's rules on ports, as they concern this process. What cannot be read is left out.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortRules {
    /// Ports below this one may not be bound by this process.
    pub privileged_below: Option<u16>,
    /// The ports that are handed out to those who ask for any.
    pub ephemeral: Option<PortRange>,
    /// Ports that are never handed out by themselves, and can still be bound.
    pub reserved: Vec<PortRange>,
    /// Ports that may not be bound because they are set aside for somebody (Windows).
    pub excluded: Vec<PortRange>,
}
