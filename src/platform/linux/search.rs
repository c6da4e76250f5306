//! What the threads of a search have in common.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::walk::Inodes;

/// What all threads of a search share.
#[derive(Debug)]
pub(super) struct Search<'a> {
    /// The inodes to look for.
    pub(super) wanted: &'a Inodes,
    /// What may still be spent on threads.
    pub(super) budget: Budget,
    /// See [`descriptors::can_be_named`](super::descriptors::can_be_named).
    pub(super) can_be_named: bool,
}

impl<'a> Search<'a> {
    /// A search for `wanted`.
    pub(super) fn new(wanted: &'a Inodes, can_be_named: bool) -> Self {
        Self { wanted, budget: Budget::default(), can_be_named }
    }
}

/// How many descriptors of threads may be looked at that most likely share their process' table:
/// it takes about a tenth of a second.
#[derive(Debug)]
pub(super) struct Budget(AtomicUsize);

impl Default for Budget {
    fn default() -> Self {
        Self(AtomicUsize::new(65_536))
    }
}

impl Budget {
    /// Whether nothing is left.
    pub(super) fn is_spent(&self) -> bool {
        self.0.load(Ordering::Relaxed) == 0
    }

    /// Takes `count` descriptors off.
    pub(super) fn spend(&self, count: usize) {
        // The threads that search share it; a little more or less does not matter.
        self.0.store(self.0.load(Ordering::Relaxed).saturating_sub(count), Ordering::Relaxed);
    }
}
