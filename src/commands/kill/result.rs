//! What became of a process.

use crate::model::Stopped;
use crate::platform::PlatformError;

/// What became of a process.
#[derive(Debug)]
pub(super) enum KillResult {
    /// It has exited.
    Exited,
    /// It had exited before it could be signaled.
    AlreadyExited,
    /// It released its sockets before it was signaled, and is running.
    Released,
    /// It is still running after the wait.
    Survived {
        /// Whether it still holds a socket of the group.
        holds: bool,
        /// What keeps it from acting on the signal, if anything does.
        stopped: Option<Stopped>,
    },
    /// It holds a socket, and was not signaled because a process before it did not exit.
    NotSignaled,
    /// It could not be checked, or not be signaled.
    Failed(PlatformError),
    /// It restarts the holders, was signaled before them and is still running after the wait.
    StarterSurvived {
        /// What keeps it from acting on the signal, if anything does.
        stopped: Option<Stopped>,
    },
}

impl KillResult {
    /// Whether it still runs and is to be ended.
    pub(super) const fn is_unfinished(&self) -> bool {
        matches!(
            self,
            Self::Survived { holds: true, .. } | Self::StarterSurvived { .. } | Self::NotSignaled
        )
    }

    /// Whether the process has exited.
    pub(super) const fn has_exited(&self) -> bool {
        matches!(self, Self::Exited | Self::AlreadyExited)
    }

    /// Whether it no longer holds anything of the group.
    pub(super) const fn has_released(&self) -> bool {
        self.has_exited() || matches!(self, Self::Released)
    }

    /// Whether it was signaled, still runs, and holds a socket or restarts what held one.
    pub(super) const fn is_holding_survivor(&self) -> bool {
        matches!(self, Self::Survived { holds: true, .. } | Self::StarterSurvived { .. })
    }

    /// What an error says of a process.
    pub(super) fn of_error(error: PlatformError) -> Self {
        match error {
            PlatformError::NoSuchProcess(_) => Self::AlreadyExited,
            other => Self::Failed(other),
        }
    }
}
