//! Time on a core, which what others do on the machine does not lengthen.

use std::time::Duration;

/// How long this thread has been on a core, in the kernel too.
pub(super) fn of_this_thread() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// How long something may take of this thread. It means nothing in another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Deadline(Duration);

impl Deadline {
    /// So long from now on.
    pub(super) fn after(time: Duration) -> Self {
        Self(of_this_thread() + time)
    }

    /// Whether it has taken longer.
    pub(super) fn is_over(self) -> bool {
        of_this_thread() > self.0
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn spend(time: Duration) {
        let deadline = Deadline::after(time);
        while !deadline.is_over() {}
    }

    #[test]
    fn only_time_of_this_thread_is_counted() {
        let deadline = Deadline::after(Duration::from_millis(50));
        thread::spawn(|| spend(Duration::from_millis(60))).join().unwrap();
        assert!(!deadline.is_over());
        spend(Duration::from_millis(60));
        assert!(deadline.is_over());
    }
}
