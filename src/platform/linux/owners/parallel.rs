//! The search on every core.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use super::findings::{Findings, OwnTable, Part};
use super::rings::SharedRing;
use super::search::Search;
use super::searcher::Searcher;
use crate::model::Pid;
use crate::parallel;

/// Something to search, by one thread at a time.
pub(super) trait Place: Sync {
    /// How many of them each thread gets at least.
    const PER_THREAD: usize;
}

impl Place for Pid {
    const PER_THREAD: usize = 64;
}

impl Place for Part {
    const PER_THREAD: usize = 1;
}

impl Place for OwnTable {
    const PER_THREAD: usize = 16;
}

impl Place for SharedRing {
    const PER_THREAD: usize = 64;
}

/// Searches `places` on every core, each with `visit`.
pub(super) fn search_all<'a, P: Place>(
    places: &[P],
    search: &'a Search<'a>,
    visit: impl Fn(&mut Searcher<'a>, &P) + Sync,
) -> Findings {
    let next = AtomicUsize::new(0);
    let work = || search_next(places, &next, search, &visit);
    thread::scope(|scope| {
        let others: Vec<_> = (1..parallel::threads(places.len(), P::PER_THREAD))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut findings = work();
        for other in others {
            match other.join() {
                Ok(other) => findings.absorb(other),
                // A thread that panicked has not searched everything.
                Err(_) => findings.refused = true,
            }
        }
        findings
    })
}

/// Searches one place after the other, from the `next` one, until none is left.
fn search_next<'a, P: Place>(
    places: &[P],
    next: &AtomicUsize,
    search: &'a Search<'a>,
    visit: impl Fn(&mut Searcher<'a>, &P),
) -> Findings {
    let mut searcher = Searcher::new(search);
    while !search.is_given_up()
        && let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed))
    {
        visit(&mut searcher, place);
    }
    searcher.findings
}
