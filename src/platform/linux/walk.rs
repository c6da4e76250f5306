//! The walk over /proc/PID/fd: which process holds which socket.

use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustc_hash::FxHashSet;

use super::descriptors::can_be_named;
use super::findings::{Findings, Holders, Part, Ring};
use super::proc_dir::{Entries, open_proc};
use super::search::Search;
use super::searcher::Searcher;
use super::threads;
use crate::model::Pid;

/// Something to search.
trait Place: Sync {
    /// How many of them make a thread worth its start.
    const PER_THREAD: usize;
}

impl Place for Pid {
    const PER_THREAD: usize = 64;
}

impl Place for Part {
    const PER_THREAD: usize = 1;
}

impl Place for Ring {
    const PER_THREAD: usize = 64;
}

/// Inode numbers of sockets.
pub(super) type Inodes = FxHashSet<u64>;

/// What the walk found.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The holders of each inode.
    pub(super) holders: Holders,
    /// Whether some process could not be looked at.
    pub(super) refused: bool,
    /// How many threads were not searched for what was found nowhere else.
    pub(super) unsearched: usize,
    /// How many io_urings told nothing of what is registered there.
    pub(super) silent_rings: usize,
}

/// Looks for the holders of `wanted` in every process. Those that are also `mine`, so that they
/// ought to be found, and are not, are looked for again in every thread and every io_uring.
///
/// # Errors
/// When /proc cannot be read at all.
pub(super) fn walk(wanted: &Inodes, mine: &Inodes) -> io::Result<Walk> {
    let processes = Processes::list()?;
    let mut findings = processes.search(wanted);
    let mut holders = findings.holders();
    let is_missing = |inode: &&u64| holders.get(**inode).is_none();
    let missing: Inodes = mine.iter().filter(is_missing).copied().collect();
    if !missing.is_empty() {
        let rings = std::mem::take(&mut findings.rings);
        findings.absorb(processes.search_deeply(&missing, rings));
        holders = findings.holders();
    }
    let refused = findings.refused || !processes.are_all;
    let Findings { unsearched, silent_rings, .. } = findings;
    Ok(Walk { holders, refused, unsearched, silent_rings })
}

/// The processes to search.
pub(super) struct Processes {
    proc: OwnedFd,
    pids: Vec<Pid>,
    /// Whether that is all of them: PID 1 always exists, so where it is not listed, /proc hides
    /// processes (hidepid in proc(5)).
    are_all: bool,
    /// See [`can_be_named`].
    can_be_named: bool,
}

impl Processes {
    /// Lists them.
    ///
    /// # Errors
    /// When /proc cannot be read at all.
    pub(super) fn list() -> io::Result<Self> {
        let proc = open_proc()?;
        let mut entries = Entries::new();
        let pids = entries.numbers(&proc).map(|number| number.map(Pid));
        let pids = pids.collect::<Result<Vec<_>, _>>()?;
        let can_be_named = can_be_named(&proc);
        Ok(Self { proc, are_all: pids.contains(&Pid(1)), pids, can_be_named })
    }

    /// Their PIDs, ascending.
    pub(super) fn pids(&self) -> &[Pid] {
        &self.pids
    }

    /// Searches the first thread of each.
    fn search(&self, wanted: &Inodes) -> Findings {
        self.search_these(&self.pids, wanted)
    }

    /// Searches the first thread of each of `pids`.
    pub(super) fn search_these(&self, pids: &[Pid], wanted: &Inodes) -> Findings {
        let search = Search::new(wanted, self.can_be_named);
        let visit = |searcher: &mut Searcher<'_>, pid: &Pid| searcher.visit(&self.proc, *pid);
        let mut findings = search_all(pids, &search, visit);
        let parts = std::mem::take(&mut findings.left_over);
        findings.absorb(search_all(&parts, &search, |searcher, part| {
            searcher.visit_part(&self.proc, part);
        }));
        findings
    }

    /// Searches the other threads of each, and all io_urings.
    fn search_deeply(&self, wanted: &Inodes, mut rings: Vec<Ring>) -> Findings {
        let search = Search::new(wanted, self.can_be_named);
        let mut findings = search_all(&self.pids, &search, |searcher, pid| {
            searcher.visit_threads(&self.proc, *pid);
        });
        rings.append(&mut findings.rings);
        findings.absorb(search_all(&rings, &search, |searcher, ring| {
            searcher.visit_ring(&self.proc, *ring);
        }));
        findings
    }
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
    Ok(!searcher.findings.held.is_empty())
}

/// Searches `places` on every core, each with `visit`.
fn search_all<'a, P: Place>(
    places: &[P],
    search: &'a Search<'a>,
    visit: impl Fn(&mut Searcher<'a>, &P) + Sync,
) -> Findings {
    let next = AtomicUsize::new(0);
    let work = || {
        let mut searcher = Searcher::new(search);
        while let Some(place) = places.get(next.fetch_add(1, Ordering::Relaxed)) {
            visit(&mut searcher, place);
        }
        searcher.findings
    };
    thread::scope(|scope| {
        let others: Vec<_> = (1..threads::worth(places.len(), P::PER_THREAD))
            .filter_map(|_| thread::Builder::new().spawn_scoped(scope, work).ok())
            .collect();
        let mut findings = work();
        for other in others {
            match other.join() {
                Ok(other) => findings.absorb(other),
                // A thread that died has looked at less than it should.
                Err(_) => findings.refused = true,
            }
        }
        findings
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Holder;

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
        assert_eq!(found.holders.get(inode), Some(&[own][..]));
    }
}
