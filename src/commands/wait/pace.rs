//! How long a wait lasts, and how often it looks.

use std::time::{Duration, Instant};

use crate::cli::Timeout;

/// The shortest interval between two looks.
pub(super) const SHORTEST: Duration = Duration::from_millis(100);

/// The longest one.
const LONGEST: Duration = Duration::from_secs(2);

/// A wait rests so many times as long as a look works: it takes a hundredth of one processor at most,
/// unless the longest interval is reached. To ask for the listeners of a port takes 0.02 ms.
const REST: u32 = 100;

/// How long to rest after a look on which processors have worked so long.
pub(super) fn interval(cost: Duration) -> Duration {
    cost.saturating_mul(REST).clamp(SHORTEST, LONGEST)
}

/// How far a wait has come.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    begun: Instant,
    /// How long it has paused: a recorded system does not take the time.
    paused: Duration,
    timeout: Timeout,
}

impl Clock {
    /// It begins now.
    pub(super) fn start(timeout: Timeout) -> Self {
        Self { begun: Instant::now(), paused: Duration::ZERO, timeout }
    }

    /// How long it has lasted.
    pub(super) fn elapsed(&self) -> Duration {
        self.begun.elapsed().max(self.paused)
    }

    /// Whether time is up.
    pub(super) fn is_over(&self) -> bool {
        self.left().is_some_and(|left| left.is_zero())
    }

    /// How long the next pause is: as long as is wanted, or as is left.
    pub(super) fn pause(&mut self, wanted: Duration) -> Duration {
        let pause = self.left().map_or(wanted, |left| left.min(wanted));
        self.paused = self.paused.saturating_add(pause);
        pause
    }

    fn left(&self) -> Option<Duration> {
        match self.timeout {
            Timeout::After(limit) => Some(limit.saturating_sub(self.elapsed())),
            Timeout::Never => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_look_rests_a_hundred_times_as_long_as_it_works() {
        let us = Duration::from_micros;
        for (cost, expected) in [
            (us(0), SHORTEST),
            (us(20), SHORTEST),
            (us(1_000), SHORTEST),
            (us(1_001), us(100_100)),
            (us(5_000), us(500_000)),
            (us(20_000), LONGEST),
            (us(20_001), LONGEST),
            (Duration::MAX, LONGEST),
        ] {
            assert_eq!(interval(cost), expected, "{cost:?}");
        }
    }

    #[test]
    fn no_pause_outlasts_the_time_that_is_left() {
        let mut clock = Clock::start(Timeout::After(LONGEST));
        assert!(clock.pause(LONGEST * 2) <= LONGEST);
        assert!(Clock::start(Timeout::After(Duration::ZERO)).is_over());
        let mut endless = Clock::start(Timeout::Never);
        assert_eq!(endless.pause(LONGEST * 2), LONGEST * 2);
        assert!(!endless.is_over());
    }
}
