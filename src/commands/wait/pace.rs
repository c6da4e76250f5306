//! How long a wait lasts, and how often it looks.

use std::time::{Duration, Instant};

use crate::cli::{Condition, Timeout};

/// The shortest pause after a look at the listeners alone. Half of what follows is added on average: such
/// looks are 100 ms apart.
const SHORTEST: Duration = Duration::from_millis(50);

/// The shortest one after a whole verdict on whether a port is free.
const SHORTEST_OF_VERDICTS: Duration = Duration::from_millis(100);

/// The longest one.
const LONGEST: Duration = Duration::from_secs(2);

/// A wait rests so many times as long as a look works: it takes a hundredth of one processor at most,
/// unless the longest pause is reached. To ask for the listeners of a port takes 0.02 ms.
const REST: u32 = 100;

/// A pause is longer by a part of this, another one each time: a server that comes and goes as regularly as
/// looks follow each other would be missed by all of them.
const SPREAD: Duration = Duration::from_millis(100);

/// How long a wait rests after each look.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pace {
    shortest: Duration,
    /// The number from which the next part is drawn.
    drawn: u64,
}

impl Pace {
    /// That of a wait for this condition.
    pub(super) const fn of(condition: Condition) -> Self {
        let shortest = match condition {
            Condition::Open => SHORTEST,
            Condition::Free => SHORTEST_OF_VERDICTS,
        };
        Self { shortest, drawn: 0 }
    }

    /// How long to rest after a look on which processors have worked so long.
    pub(super) fn rest(&mut self, cost: Duration) -> Duration {
        let more = SPREAD * u32::from(self.draw()) / (1 << 16);
        cost.saturating_mul(REST).max(self.shortest).saturating_add(more).min(LONGEST)
    }

    /// The next number of SplitMix64 (Steele, Lea and Flood 2014), its first 16 bits. A sequence that fills
    /// the range more evenly would return to its mean too soon, and fall into step with what has this period.
    const fn draw(&mut self) -> u16 {
        self.drawn = self.drawn.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.drawn ^ (self.drawn >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let [first, second, ..] = (mixed ^ (mixed >> 31)).to_be_bytes();
        u16::from_be_bytes([first, second])
    }
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

    const CONDITIONS: [Condition; 2] = [Condition::Open, Condition::Free];

    #[test]
    fn a_look_rests_a_hundred_times_as_long_as_it_works() {
        let us = Duration::from_micros;
        for (cost, open, free) in [
            (us(0), us(50_000), us(100_000)),
            (us(20), us(50_000), us(100_000)),
            (us(600), us(60_000), us(100_000)),
            (us(1_001), us(100_100), us(100_100)),
            (us(5_000), us(500_000), us(500_000)),
            (us(19_990), us(1_999_000), us(1_999_000)),
            (us(20_001), LONGEST, LONGEST),
            (Duration::MAX, LONGEST, LONGEST),
        ] {
            for (condition, least) in CONDITIONS.into_iter().zip([open, free]) {
                let mut pace = Pace::of(condition);
                for rest in (0..100).map(|_| pace.rest(cost)) {
                    let most = (least + SPREAD).min(LONGEST);
                    assert!((least..=most).contains(&rest), "{condition:?} {cost:?} {rest:?}");
                }
            }
        }
    }

    #[test]
    fn listeners_are_asked_for_every_100_ms_on_average() {
        let mut pace = Pace::of(Condition::Open);
        let all: Duration = (0..1000).map(|_| pace.rest(Duration::ZERO)).sum();
        assert!((98..=102).contains(&(all / 1000).as_millis()), "{:?}", all / 1000);
    }

    /// A port that is open for a fifth of each period, or free, is seen so within 10 s, whatever the period
    /// and whenever the wait began.
    #[test]
    fn what_comes_and_goes_regularly_is_not_missed_each_time() {
        let ms = Duration::from_millis;
        for condition in CONDITIONS {
            for period in [25, 50, 75, 100, 125, 150, 200, 250, 300, 400, 500].map(ms) {
                for begun in (0..100).map(|part| period * part / 100) {
                    let (mut pace, mut now) = (Pace::of(condition), begun);
                    let is_there =
                        |now: Duration| now.as_nanos() % period.as_nanos() < period.as_nanos() / 5;
                    while !is_there(now) {
                        now += pace.rest(Duration::ZERO);
                        assert!(now < ms(10_000), "{condition:?}, each {period:?}, from {begun:?}");
                    }
                }
            }
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
