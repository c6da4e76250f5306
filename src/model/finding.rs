//! What `portwho doctor` finds: a suspicion, measured, and how bad it is.

use std::time::Duration;

use super::{Evidence, Pid, Uid};

/// How bad a finding is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It fails now, or soon.
    Critical,
    /// It will fail if it goes on.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// What can be found.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum FindingKind {
    /// A process does not close what its peers have closed.
    CloseWaitLeak,
    /// Both ends of a half-closed connection are on this machine.
    HalfClosedPair,
    /// TIME_WAIT uses up what there is.
    TimeWaitPressure,
    /// A process waits for the answers of many addresses.
    SynSentFanOut,
    /// A port has many handshakes that do not come to an end.
    SynFlood,
    /// Connections are not accepted.
    AcceptQueueFull,
    /// Nobody acknowledges that we have closed.
    UnacknowledgedClose,
    /// A process has hardly any descriptors left.
    DescriptorsNearlyUsed,
}

impl FindingKind {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::CloseWaitLeak,
        Self::HalfClosedPair,
        Self::TimeWaitPressure,
        Self::SynSentFanOut,
        Self::SynFlood,
        Self::AcceptQueueFull,
        Self::UnacknowledgedClose,
        Self::DescriptorsNearlyUsed,
    ];

    /// The fixed word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::CloseWaitLeak => "close-wait-leak",
            Self::HalfClosedPair => "half-closed-pair",
            Self::TimeWaitPressure => "time-wait-pressure",
            Self::SynSentFanOut => "syn-sent-fan-out",
            Self::SynFlood => "syn-flood",
            Self::AcceptQueueFull => "accept-queue-full",
            Self::UnacknowledgedClose => "unacknowledged-close",
            Self::DescriptorsNearlyUsed => "descriptors-nearly-used",
        }
    }
}

/// Who is to blame.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Culprit {
    /// These, which share the sockets; a parent comes before its children.
    Processes(Box<[Pid]>),
    /// Somebody of this user who may not be looked at.
    Hidden(Option<Uid>),
    /// Somebody who was not found.
    Unknown,
    /// Nobody here.
    Nobody,
}

impl Culprit {
    /// The first of the processes.
    #[must_use]
    pub fn pid(&self) -> Option<Pid> {
        match self {
            Self::Processes(pids) => pids.first().copied(),
            _ => None,
        }
    }
}

/// Something measured, whether it is too much or not.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Suspicion {
    /// Who is behind it.
    pub culprit: Culprit,
    /// What the threshold counts.
    pub count: usize,
    /// What else was seen.
    pub evidence: Evidence,
}

impl Suspicion {
    /// Whether both are the same thing, at two moments.
    #[must_use]
    pub fn is_same(&self, other: &Self) -> bool {
        self.culprit == other.culprit && self.evidence.is_of_same(&other.evidence)
    }
}

/// How a suspicion grew between two looks.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// How many there were at the first look.
    pub before: usize,
    /// How many descriptors the process had open then.
    pub descriptors_before: Option<u64>,
    /// The time between the looks.
    pub over: Duration,
}

/// Something measured that is too much.
#[derive(Clone, PartialEq, Debug)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// What was measured.
    pub suspicion: Suspicion,
    /// How it grows, where it was looked at twice.
    pub growth: Option<Growth>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        assert!(Severity::Critical < Severity::Warning && Severity::Warning < Severity::Note);
    }
}
