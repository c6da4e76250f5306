//! The ways in which systems end processes.

use crate::model::Signal;

/// How a process will be ended, from the mildest to the harshest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Ending {
    /// Its visible windows are asked to close (WM_CLOSE).
    CloseWindow,
    /// It is sent this signal.
    Signal(Signal),
    /// It is ended from outside (TerminateProcess), with exit code 1.
    Terminate,
}

impl Ending {
    /// Whether nothing harsher is left to try.
    #[must_use]
    pub const fn is_force(self) -> bool {
        matches!(self, Self::Signal(Signal::Kill) | Self::Terminate)
    }
}
