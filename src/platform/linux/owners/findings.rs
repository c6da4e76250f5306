//! What a search found, and what it left to be searched.

use std::collections::BTreeSet;
use std::ops::Range;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Holder, Pid, Uid};

/// What one or several threads found.
#[derive(Debug, Default)]
pub(super) struct Findings {
    /// Which process holds which inode, in no particular order.
    pub(super) held: Vec<(u64, Holder)>,
    /// Whether some process could not be read.
    pub(super) refused: bool,
    /// The io_urings that were seen: files may be registered there without a descriptor.
    pub(super) rings: Vec<Ring>,
    /// The io_urings whose registered files the kernel did not report.
    pub(super) silent_rings: usize,
    /// Parts of processes that are still to be searched.
    pub(super) left_over: Vec<Part>,
    /// Processes whose table is another one's.
    pub(super) sharers: Vec<Sharer>,
    /// Tables that threads have for themselves.
    pub(super) own_tables: Vec<OwnTable>,
    /// What is in such tables, as the kernel reported it.
    pub(super) held_by_threads: Vec<(u64, Holder)>,
    /// Whether the kernel itself searched.
    pub(super) by_kernel: bool,
    /// The inodes of which the kernel counts as many references as these holders have descriptors.
    pub(super) counted: BTreeSet<u64>,
}

/// A part of a process' descriptors.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Part {
    /// The process.
    pub(super) pid: Pid,
    /// Whose budget it is read from.
    pub(super) user: Uid,
    /// The numbers of the descriptors.
    pub(super) numbers: Range<u32>,
    /// How many there are, as far as is known.
    pub(super) size: u32,
}

/// A process that shares its table of descriptors with another one (`CLONE_FILES` in clone(2)).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sharer {
    /// The process.
    pub(super) pid: Pid,
    /// Whose budget it is named from.
    pub(super) user: Uid,
    /// The process whose table was read.
    pub(super) with: Pid,
}

/// A thread that does not share the table of its process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct OwnTable {
    /// The process.
    pub(super) pid: Pid,
    /// The thread.
    pub(super) thread: u32,
    /// Whose budget it is read from.
    pub(super) user: Uid,
    /// How many descriptors it has; 0 where that is not known.
    pub(super) size: u32,
    /// Whether it may be the table of the process all the same, as kcmp(2) is refused.
    pub(super) is_likely_shared: bool,
    /// Whether it is the only table of the process: that of its first thread is gone.
    pub(super) is_main: bool,
}

/// A descriptor of an io_uring.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Ring {
    /// The process.
    pub(super) pid: Pid,
    /// The thread in whose table it is.
    pub(super) thread: u32,
    /// Its number there.
    pub(super) descriptor: u32,
    /// Whom the files of the process belong to.
    pub(super) user: Uid,
}

impl Findings {
    /// Takes over what else was found.
    pub(super) fn absorb(&mut self, other: Self) {
        self.held.extend(other.held);
        self.rings.extend(other.rings);
        self.left_over.extend(other.left_over);
        self.refused |= other.refused;
        self.sharers.extend(other.sharers);
        self.own_tables.extend(other.own_tables);
        self.silent_rings += other.silent_rings;
        self.held_by_threads.extend(other.held_by_threads);
        self.by_kernel |= other.by_kernel;
        self.counted.extend(other.counted);
    }

    /// Names threads with a table of their own for what no first thread holds, as the search in /proc
    /// does: most of what is there they inherited, and it says nothing.
    pub(super) fn name_threads(&mut self) {
        if self.held_by_threads.is_empty() {
            return;
        }
        let held: FxHashSet<u64> = self.held.iter().map(|(inode, _)| *inode).collect();
        let unheld = std::mem::take(&mut self.held_by_threads);
        self.held.extend(unheld.into_iter().filter(|(inode, _)| !held.contains(inode)));
    }

    /// The holders that were found. What was counted goes with them.
    pub(super) fn holders(&mut self) -> Holders {
        self.held.sort_unstable();
        self.held.dedup();
        Holders { counted: std::mem::take(&mut self.counted), ..Holders::of(&self.held) }
    }
}

/// The holders of each inode, ascending.
#[derive(Debug, Default)]
pub(super) struct Holders {
    all: Vec<Holder>,
    /// Where those of an inode stand.
    places: FxHashMap<u64, Range<usize>>,
    /// The inodes of which the kernel counts as many references as these have descriptors.
    pub(super) counted: BTreeSet<u64>,
}

impl Holders {
    /// Those of `held`, which is in order.
    fn of(held: &[(u64, Holder)]) -> Self {
        let mut holders = Self::default();
        holders.all.reserve(held.len());
        holders.places.reserve(held.len());
        for of_one in held.chunk_by(|(a, _), (b, _)| a == b) {
            let start = holders.all.len();
            holders.all.extend(of_one.iter().map(|(_, holder)| *holder));
            let inode = of_one.first().map(|(inode, _)| *inode);
            holders.places.extend(inode.map(|inode| (inode, start..holders.all.len())));
        }
        holders
    }

    /// Adds those that another search found; of an inode that both searched these are kept.
    pub(super) fn add(&mut self, other: Self) {
        if self.places.is_empty() {
            *self = other;
            return;
        }
        let offset = self.all.len();
        self.counted.retain(|inode| !other.places.contains_key(inode));
        self.counted.extend(&other.counted);
        self.all.extend(&other.all);
        self.places.extend(
            other
                .places
                .iter()
                .map(|(inode, place)| (*inode, place.start + offset..place.end + offset)),
        );
    }

    /// Those of one inode; none unless some were found.
    pub(super) fn get(&self, inode: u64) -> Option<&[Holder]> {
        self.all.get(self.places.get(&inode)?.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(inode: u64, pid: u32) -> (u64, Holder) {
        (inode, Holder { pid: Pid(pid), descriptor: None })
    }

    #[test]
    fn a_later_search_adds_and_replaces_and_forgets_nothing() {
        let pids = |holders: &Holders, inode| -> Vec<u32> {
            holders.get(inode).unwrap_or_default().iter().map(|holder| holder.pid.0).collect()
        };
        let mut holders = Holders::of(&[held(4711, 1), held(4712, 2)]);
        holders.add(Holders::of(&[held(4712, 2), held(4712, 3), held(4713, 4)]));
        assert_eq!(pids(&holders, 4711), [1]);
        assert_eq!(pids(&holders, 4712), [2, 3]);
        assert_eq!(pids(&holders, 4713), [4]);
        assert_eq!(holders.get(4714), None);
    }
}
