//! Repeating what has to meet a race.

use std::time::{Duration, Instant};

/// What is repeated to meet a race is repeated for so long at most, and at least so often.
const ENOUGH: (Duration, usize) = (Duration::from_mins(1), 4);

/// The numbers below `most`, and fewer on a machine that is slow: a race that is not met in a
/// minute is not met there.
pub fn rounds(most: usize) -> impl Iterator<Item = usize> {
    let started = Instant::now();
    let (long, least) = ENOUGH;
    (0..most).take_while(move |round| *round < least || started.elapsed() < long)
}
