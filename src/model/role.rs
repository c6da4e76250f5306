//! What a process does for others.

/// What a process does for others, so that ending it harms more than itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// It forwards the ports of containers, or runs them.
    Container,
    /// It holds sockets for services.
    Manager,
    /// Windows crashes without it.
    Critical,
    /// It hosts services of Windows.
    ServiceHost,
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Container, Self::Manager, Self::Critical, Self::ServiceHost];
}
