//! How long something costs.

use std::time::{Duration, Instant};

use crate::platform::System;

/// How long processors work for this process while `work` is done; where the system is not asked,
/// how long it takes, which is no less for a single thread.
pub(in crate::commands) fn measured<T>(
    system: &impl System,
    work: impl FnOnce() -> T,
) -> (T, Duration) {
    let (begun, before) = (Instant::now(), system.processor_time());
    let result = work();
    let worked = system.processor_time().zip(before).map(|(now, then)| now.saturating_sub(then));
    (result, worked.unwrap_or_else(|| begun.elapsed()))
}
