//! Work that is the same for many things, on every core.

use std::num::NonZero;
use std::panic;
use std::thread;

/// What `work` makes of each of `items`, in their order. Each thread gets `least` of them or more, so that a few
/// take none but this one.
pub(crate) fn map<T: Sync, R: Send>(
    items: &[T],
    least: usize,
    work: impl Fn(&T) -> R + Sync,
) -> Vec<R> {
    map_parts(items, least, |part| part.iter().map(&work).collect())
}

/// The same, where `work` takes all of a thread's items at once.
pub(crate) fn map_parts<T: Sync, R: Send>(
    items: &[T],
    least: usize,
    work: impl Fn(&[T]) -> Vec<R> + Sync,
) -> Vec<R> {
    let of_each = items.len().div_ceil(threads(items.len(), least)).max(1);
    let work = &work;
    thread::scope(|scope| {
        let mut parts = items.chunks(of_each);
        let first = parts.next().unwrap_or_default();
        let others: Vec<_> = parts
            .map(|part| (part, thread::Builder::new().spawn_scoped(scope, move || work(part))))
            .collect();
        let mut results = work(first);
        for (part, other) in others {
            results.extend(match other {
                Ok(thread) => thread.join().unwrap_or_else(|panic| panic::resume_unwind(panic)),
                // There may be no more threads.
                Err(_) => work(part),
            });
        }
        results
    })
}

/// How many threads so many items are worth, where each gets `least` or more. The cores are counted only where there may
/// be several: that takes a dozen system calls.
pub(crate) fn threads(items: usize, least: usize) -> usize {
    match items / least.max(1) {
        0 | 1 => 1,
        most => thread::available_parallelism().map_or(1, NonZero::get).min(most),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_results_are_in_the_order_of_the_items() {
        let doubled = |count: u32, least| {
            let items: Vec<u32> = (0..count).collect();
            map(&items, least, |item| item * 2)
                == items.iter().map(|item| item * 2).collect::<Vec<_>>()
        };
        for count in [0, 1, 2, 3, 7, 1000] {
            assert!(doubled(count, 1), "{count}");
            assert!(doubled(count, 600), "{count}");
        }
    }

    #[test]
    fn a_few_are_worth_no_other_thread() {
        let own = thread::current().id();
        let threads = map(&[1, 2, 3], 2, |_| thread::current().id());
        assert_eq!(threads, [own; 3]);
    }
}
