//! The walk over /proc/PID/fd: which process holds which socket.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use rustc_hash::{FxHashMap, FxHashSet};

use super::proc_dir::{Entries, is_gone, open_dir, open_proc, read_file};
use crate::model::{Holder, Pid};
use crate::platform::decode::proc_stat;

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
}

/// Looks for the holders of `wanted` in every process.
///
/// # Errors
/// When /proc cannot be read at all.
pub(super) fn walk(wanted: &Inodes) -> io::Result<Walk> {
    let proc = open_proc()?;
    let (pids, complete) = list_pids(&proc)?;
    let mut searcher = search_all(&proc, &pids, wanted);
    let seen: Inodes = searcher.found.iter().map(|(inode, _)| *inode).collect();
    if wanted.iter().any(|inode| !seen.contains(inode)) {
        searcher.search_threads_of_empty(&proc);
    }
    let mut holders: FxHashMap<u64, Vec<Holder>> = FxHashMap::default();
    for (inode, holder) in searcher.found {
        holders.entry(inode).or_default().push(holder);
    }
    for of_one in holders.values_mut() {
        of_one.sort_unstable();
        of_one.dedup();
    }
    Ok(Walk { holders, refused: searcher.refused || !complete })
}

/// Which of `wanted` the process in `directory` (its /proc/PID) holds.
///
/// # Errors
/// When its descriptors cannot be read.
pub(super) fn held_by(
    directory: BorrowedFd<'_>,
    pid: Pid,
    wanted: &Inodes,
) -> rustix::io::Result<bool> {
    let mut searcher = Searcher::new(wanted);
    let descriptors = match searcher.search(directory, c"fd", pid) {
        Err(_) if is_zombie(directory, c"stat") => 0,
        counted => counted?,
    };
    if descriptors == 0 {
        searcher.search_other_threads(directory, c"task", pid)?;
    }
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

/// Searches `pids` on every core.
fn search_all<'a>(proc: &OwnedFd, pids: &[Pid], wanted: &'a Inodes) -> Searcher<'a> {
    let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let threads = cores.min(pids.len() / PROCESSES_PER_THREAD + 1);
    let batches: Vec<&[Pid]> = pids.chunks(BATCH).collect();
    let next = AtomicUsize::new(0);
    let work = || {
        let mut searcher = Searcher::new(wanted);
        while let Some(batch) = batches.get(next.fetch_add(1, Ordering::Relaxed)) {
            for &pid in *batch {
                searcher.visit(proc, pid);
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

/// One thread's search.
struct Searcher<'a> {
    wanted: &'a Inodes,
    found: Vec<(u64, Holder)>,
    refused: bool,
    /// Processes without a descriptor in their first thread's table.
    empty: Vec<Pid>,
    entries: Entries,
}

impl<'a> Searcher<'a> {
    fn new(wanted: &'a Inodes) -> Self {
        Self {
            wanted,
            found: Vec::new(),
            refused: false,
            empty: Vec::new(),
            entries: Entries::new(),
        }
    }

    /// Takes over what another thread found.
    fn absorb(&mut self, other: Self) {
        self.found.extend(other.found);
        self.empty.extend(other.empty);
        self.refused |= other.refused;
    }

    /// Searches one process. One that vanishes meanwhile holds nothing.
    fn visit(&mut self, proc: &OwnedFd, pid: Pid) {
        match self.search(proc.as_fd(), format!("{pid}/fd"), pid) {
            Ok(0) => self.empty.push(pid),
            Ok(_) => {}
            Err(_) if is_zombie(proc.as_fd(), format!("{pid}/stat")) => self.empty.push(pid),
            Err(_) => self.refused = true,
        }
    }

    /// A first thread that has exited while others run has no descriptors, but they do.
    fn search_threads_of_empty(&mut self, proc: &OwnedFd) {
        for pid in std::mem::take(&mut self.empty) {
            let searched = self.search_other_threads(proc.as_fd(), format!("{pid}/task"), pid);
            self.refused |= searched.is_err();
        }
    }

    fn search_other_threads(
        &mut self,
        parent: BorrowedFd<'_>,
        tasks: impl rustix::path::Arg,
        pid: Pid,
    ) -> rustix::io::Result<()> {
        let tasks = match open_dir(parent, tasks) {
            Err(error) if is_gone(error) => return Ok(()),
            opened => opened?,
        };
        let mut others = Vec::new();
        let listed = self.entries.for_each_number(&tasks, |_, task| {
            others.extend((task != pid.0).then_some(task));
            Ok(())
        });
        ignore_gone(listed)?;
        for task in others {
            // Threads share one table, so the first that has any speaks for all.
            if self.search(tasks.as_fd(), format!("{task}/fd"), pid)? > 0 {
                break;
            }
        }
        Ok(())
    }

    /// Searches the descriptors in the directory at `path`, and returns how many there are.
    fn search(
        &mut self,
        parent: BorrowedFd<'_>,
        path: impl rustix::path::Arg,
        pid: Pid,
    ) -> rustix::io::Result<usize> {
        let directory = match open_dir(parent, path) {
            Err(error) if is_gone(error) => return Ok(0),
            opened => opened?,
        };
        let Self { wanted, found, entries, .. } = self;
        let mut count = 0;
        let searched = entries.for_each_number(&directory, |name, descriptor| {
            count += 1;
            let mut target = [0; LONGEST_SOCKET_LINK];
            let length = match rustix::fs::readlinkat_raw(&directory, name, &mut target[..]) {
                Err(error) if is_gone(error) => return Ok(()),
                read => read?,
            };
            let link = target.get(..length).unwrap_or_default();
            if let Some(inode) = socket_inode(link).filter(|inode| wanted.contains(inode)) {
                found.push((inode, Holder { pid, descriptor: Some(descriptor) }));
            }
            Ok(())
        });
        ignore_gone(searched).map(|()| count)
    }
}

/// Whether a process' first thread has exited. Its descriptors are gone, and what remains of
/// their list belongs to root, whoever the process was.
fn is_zombie(parent: BorrowedFd<'_>, stat: impl rustix::path::Arg) -> bool {
    let bytes = read_file(parent, stat).unwrap_or_default();
    proc_stat::stat(&bytes).is_ok_and(|stat| matches!(stat.state, b'Z' | b'X'))
}

fn ignore_gone(result: rustix::io::Result<()>) -> rustix::io::Result<()> {
    match result {
        Err(error) if is_gone(error) => Ok(()),
        other => other,
    }
}

/// `socket:[` and twenty digits and `]`; longer targets are not of sockets.
const LONGEST_SOCKET_LINK: usize = 32;

/// The inode of a descriptor's target such as `socket:[4711]` (proc_pid_fd(5)).
fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        for other in [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[4711", b"/tmp/socket:[1]", b""] {
            assert_eq!(socket_inode(other), None, "{}", other.escape_ascii());
        }
    }

    #[test]
    fn an_own_socket_is_found_with_its_descriptor() {
        use std::os::fd::AsRawFd;
        use std::os::linux::fs::MetadataExt;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let descriptor = listener.as_raw_fd().cast_unsigned();
        let path = format!("/proc/self/fd/{descriptor}");
        let inode = std::fs::metadata(path).unwrap().st_ino();
        let found = walk(&Inodes::from_iter([inode])).unwrap();
        let own = Holder { pid: Pid(std::process::id()), descriptor: Some(descriptor) };
        assert_eq!(found.holders[&inode], [own]);
    }
}
