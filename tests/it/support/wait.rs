//! Waiting for something to become true, and never for a time to pass.

use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a loaded machine and for an emulated one; a passing test never gets near it.
const DEADLINE: Duration = Duration::from_mins(5);

/// What is repeated to meet a race is repeated for so long at most, and at least so often.
#[cfg(target_os = "linux")]
const ENOUGH: (Duration, usize) = (Duration::from_mins(1), 4);

const PAUSE: Duration = Duration::from_millis(2);

/// Asks until the answer is there, and returns it; at the deadline panics with `what` was awaited.
#[track_caller]
pub fn wait_until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = answer() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        thread::sleep(PAUSE);
    }
}

/// The numbers below `most`, and fewer on a machine that is slow: a race that is not met in a
/// minute is not met there.
#[cfg(target_os = "linux")]
pub fn rounds(most: usize) -> impl Iterator<Item = usize> {
    let started = Instant::now();
    let (long, least) = ENOUGH;
    (0..most).take_while(move |round| *round < least || started.elapsed() < long)
}
