//! What a check needs that it does not have.

/// What a check needs that it does not have.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Need {
    /// The rights of an administrator.
    Rights,
    /// The right to read every process, which root has as a rule: CAP_SYS_PTRACE.
    Ptrace,
    /// A kernel that reports this: `Linux 4.10`, `sock_diag (netlink)`.
    Kernel(&'static str),
    /// The machine's first network namespace, which alone shows it.
    FirstNamespace,
    /// A system that reports it: the one here has no such thing.
    System,
    /// A second snapshot: only one was asked for, and it leaves this open.
    SecondSnapshot,
    /// The whole machine: only some sockets were asked for.
    WholeMachine,
    /// Sockets that the filters leave out.
    OtherSockets,
}

impl Need {
    /// The fixed word for it in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Rights => "rights",
            Self::Ptrace => "ptrace",
            Self::Kernel(_) => "kernel",
            Self::FirstNamespace => "first-namespace",
            Self::System => "system",
            Self::SecondSnapshot => "second-snapshot",
            Self::WholeMachine => "whole-machine",
            Self::OtherSockets => "other-sockets",
        }
    }
}
