//! The walk over /proc/PID/fd: which process holds which socket.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustc_hash::{FxHashMap, FxHashSet};

use super::descriptors::can_be_named;
use super::proc_dir::{Entries, open_proc};
use super::searcher::{Search, Searcher};
use crate::model::{Holder, Pid};

/// A thread is worth its start from about this many processes.
const PROCESSES_PER_THREAD: usize = 64;
/// How many processes a thread takes at a time.
const BATCH: usize = 8;

/// Inode numbers of sockets.
pub(super) type Inodes = FxHashSet<u64>;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The holders of each inode, ascending.
    pub(super) holders: FxHashMap<u64, Vec<Holder>>,
    /// Whether some process could not be looked at.
    pub(super) refused: bool,
    /// How many threads were not searched for what was found nowhere else.
    pub(super) unsearched: usize,
}

/// Looks for the holders of `wanted` in every process. Those that are also `mine`, so that they
/// ought to be found, and are not, are looked for again in every thread and every io_uring.
///
/// # Errors
/// When /proc cannot be read at all.
pub(super) fn walk(wanted: &Inodes, mine: &Inodes) -> io::Result<Walk> {
    let proc = open_proc()?;
    let (pids, complete) = list_pids(&proc)?;
    let can_be_named = can_be_named(&proc);
    let search = Search::new(wanted, can_be_named);
    let first = search_all(&pids, &search, |searcher, pid| searcher.visit(&proc, pid));
    let mut found = first.found;
    let mut refused = first.refused || !complete;
    let mut unsearched = 0;
    let seen: Inodes = found.iter().map(|(inode, _)| *inode).collect();
    let missing: Inodes = mine.difference(&seen).copied().collect();
    if !missing.is_empty() {
        let search = Search::new(&missing, can_be_named);
        let mut deep =
            search_all(&pids, &search, |searcher, pid| searcher.visit_threads(&proc, pid));
        unsearched = deep.unsearched;
        let rings: Vec<_> =
            first.rings.into_iter().chain(std::mem::take(&mut deep.rings)).collect();
        for ring in rings {
            deep.visit_ring(&proc, ring);
        }
        found.append(&mut deep.found);
        refused |= deep.refused;
    }
    let mut holders: FxHashMap<u64, Vec<Holder>> = FxHashMap::default();
    for (inode, holder) in found {
        holders.entry(inode).or_default().push(holder);
    }
    for of_one in holders.values_mut() {
        of_one.sort_unstable();
        of_one.dedup();
    }
    Ok(Walk { holders, refused, unsearched })
}

/// Whether the process in `directory` (its /proc/PID) holds one of `wanted`.
///
/// # Errors
/// When its descriptors cannot be read.
pub(super) fn held_by(
    directory: BorrowedFd<'_>,
    pid: Pid,
    wanted: &Inodes,
) -> rustix::io::Result<bool> {
    let search = Search::new(wanted, false);
    let mut searcher = Searcher::new(&search);
    searcher.search_whole(directory, pid)?;
    Ok(!searcher.found.is_empty())
}

/// Every process, and whether that is all of them: PID 1 always exists, so where it is not
/// listed, /proc hides processes (hidepid in proc(5)).
fn list_pids(proc: &OwnedFd) -> rustix::io::Result<(Vec<Pid>, bool)> {
    let mut pids = Vec::new();
    Entries::new().for_each_number(proc, |_, number| {
        pids.push(Pid(number));
        Ok(())
    })?;
    let complete = pids.contains(&Pid(1));
    Ok((pids, complete))
}

/// Searches `pids` on every core, each with `visit`.
fn search_all<'a>(
    pids: &[Pid],
    search: &'a Search<'a>,
    visit: impl Fn(&mut Searcher<'a>, Pid) + Sync,
) -> Searcher<'a> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(pids.len() / PROCESSES_PER_THREAD + 1);
    let batches: Vec<&[Pid]> = pids.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut searcher = Searcher::new(search);
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            for &pid in *batch {
                visit(&mut searcher, pid);
            }
        }
        searcher
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads)
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut searcher = work();
        for other in others {
            match other.join() {
                Ok(other) => searcher.absorb(other),
                // A thread that died has looked at less than it should.
                Err(_) => searcher.refused = true,
            }
        }
        searcher
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_own_socket_is_found_with_its_descriptor() {
        use std::os::fd::AsRawFd;
        use std::os::linux::fs::MetadataExt;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let descriptor = listener.as_raw_fd().cast_unsigned();
        let path = format!("/proc/self/fd/{descriptor}");
        let inode = std::fs::metadata(path).unwrap().st_ino();
        let wanted = Inodes::from_iter([inode]);
        let found = walk(&wanted, &wanted).unwrap();
        let own = Holder { pid: Pid(std::process::id()), descriptor: Some(descriptor) };
        assert_eq!(found.holders[&inode], [own]);
    }
}
