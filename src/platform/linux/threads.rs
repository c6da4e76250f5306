//! How many threads some work is worth.

use std::num::NonZero;
use std::thread;

/// A thread for every `each` of `items`, as far as there are cores for them; one at least.
pub(super) fn worth(items: usize, each: usize) -> usize {
    match items.div_ceil(each) {
        0 | 1 => 1,
        // The cores are counted only now: that takes a dozen system calls.
        threads => thread::available_parallelism().map_or(1, NonZero::get).min(threads),
    }
}
