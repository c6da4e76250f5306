//! The timers of TCP.

/// What a socket's timer waits for (`idiag_timer` in sock_diag(7)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TimerKind {
    /// A retransmission, an early one or a tail loss probe.
    Retransmit,
    /// A keepalive probe, or the end of an orphan's FIN_WAIT_2.
    Keepalive,
    /// The end of TIME_WAIT.
    TimeWait,
    /// A zero window probe.
    Probe,
}

impl TimerKind {
    /// Its name, also in JSON.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Retransmit => "retransmit",
            Self::Keepalive => "keepalive",
            Self::TimeWait => "time-wait",
            Self::Probe => "probe",
        }
    }
}

/// A running timer of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Timer {
    /// What it waits for.
    pub kind: TimerKind,
    /// Milliseconds until it fires.
    pub expires_ms: u32,
    /// How often the last segment was retransmitted.
    pub retransmits: u8,
}
