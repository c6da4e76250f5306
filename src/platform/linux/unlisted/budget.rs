//! What a search may cost: a budget for each user, and a deadline for all.

use std::time::Duration;

use super::super::bounds;

/// What may be spent on one user's processes in a round.
#[derive(Clone, Copy, Debug)]
pub(super) struct Budget {
    /// How many descriptors are read.
    pub(super) read: usize,
    /// How many of those that are in no table are examined.
    pub(super) examined: usize,
    /// How long they are read, in time on a core.
    pub(super) time: Duration,
}

/// The first round is enough for nearly every user, and so short that one with many descriptors
/// does not use up the time that those of all others take.
pub(super) const ROUNDS: [Budget; 2] = [
    Budget {
        read: bounds::DESCRIPTORS_FIRST,
        examined: bounds::EXAMINED_FIRST,
        time: bounds::DESCRIPTORS_TIME_FIRST,
    },
    Budget {
        read: bounds::DESCRIPTORS_OF_USER,
        examined: bounds::EXAMINED_OF_USER,
        time: bounds::DESCRIPTORS_TIME,
    },
];

/// What has been taken of a user's budget.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Taken {
    pub(super) read: usize,
    pub(super) examined: usize,
    pub(super) time: Duration,
}

impl Taken {
    pub(super) fn is_all(&self, budget: &Budget) -> bool {
        self.read >= budget.read || self.time > budget.time
    }
}

/// When a search has to end, in time that this process has been on a core: what others do on the
/// machine takes nothing from it.
#[derive(Clone, Copy)]
pub(super) struct Deadline(Duration);

impl Deadline {
    pub(super) fn after(limit: Duration) -> Self {
        Self(time_of_this_process() + limit)
    }

    pub(super) fn is_over(self) -> bool {
        time_of_this_process() > self.0
    }
}

pub(super) fn time_of_this_process() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}
