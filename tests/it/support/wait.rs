//! Waiting for something to become true, and never for a time to pass.

use std::fmt::Display;
use std::thread;
use std::time::{Duration, Instant};

/// Long enough for a loaded machine and for an emulated one; a passing test never gets near it.
const DEADLINE: Duration = Duration::from_mins(5);

const PAUSE: Duration = Duration::from_millis(2);

/// Asks until the answer is there, and returns it; at the deadline panics with `what` was awaited.
#[track_caller]
pub fn wait_until<T>(what: impl Display, mut answer: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = answer() {
            return found;
        }
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} for {what}");
        thread::sleep(PAUSE);
    }
}
