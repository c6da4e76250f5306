//! One thread's search for sockets among the descriptors of processes.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use rustix::path::DecInt;

use super::descriptors::Table;
use super::findings::{Findings, Part, Ring};
use super::proc_dir::{Entries, is_gone, open_dir, read_file};
use super::search::Search;
use crate::model::{Holder, Pid};
use crate::platform::decode::{proc_stat, ring_info};

/// The links of a task directory with a single thread: `.`, `..` and that thread.
pub(super) const LINKS_OF_ONE_THREAD: u64 = 3;

/// Long enough for `socket:[` and twenty digits and `]`; longer targets are not of interest.
pub(super) const LONGEST_LINK: usize = 32;

/// Every number that a descriptor can have.
const EVERY_NUMBER: Range<u32> = 0..u32::MAX;

/// What a descriptor of an io_uring(7) refers to.
const RING: &[u8] = b"anon_inode:[io_uring]";

/// How often a ring is read at most; a few microseconds each.
const RING_READS: usize = 32;

/// One thread's search.
pub(super) struct Searcher<'a> {
    shared: &'a Search<'a>,
    /// What it has found so far.
    pub(super) findings: Findings,
    entries: Entries,
}

impl<'a> Searcher<'a> {
    /// A searcher that has found nothing yet.
    pub(super) fn new(shared: &'a Search<'a>) -> Self {
        Self { shared, findings: Findings::default(), entries: Entries::new() }
    }

    /// Searches a process by its first thread, whose descriptors are the others' as a rule. What
    /// makes a table too large for one thread is left over. One that vanishes meanwhile holds
    /// nothing.
    pub(super) fn visit(&mut self, proc: &OwnedFd, pid: Pid) {
        let searched = self.open(proc, format!("{pid}/fd")).and_then(|table| {
            let Some(table) = table else { return Ok(0) };
            let mut parts = table.parts();
            let first = parts.next().unwrap_or_default();
            self.findings.left_over.extend(parts.map(|numbers| Part { pid, numbers }));
            self.read(&table, first, pid, pid.0)
        });
        self.note_refusal(&searched, proc, pid);
    }

    /// Searches a part of a process that was left over.
    pub(super) fn visit_part(&mut self, proc: &OwnedFd, part: &Part) {
        let Part { pid, ref numbers } = *part;
        let searched = self.search(proc, format!("{pid}/fd"), numbers.clone(), pid, pid.0);
        self.note_refusal(&searched, proc, pid);
    }

    fn note_refusal(&mut self, searched: &rustix::io::Result<usize>, proc: &OwnedFd, pid: Pid) {
        self.findings.refused |=
            searched.is_err() && !has_ended(proc.as_fd(), format!("{pid}/stat"));
    }

    /// Searches the other threads of a process: they may have left its table of descriptors
    /// (`CLONE_FILES` in unshare(2)), or outlived the first thread, which has none any more.
    pub(super) fn visit_threads(&mut self, proc: &OwnedFd, pid: Pid) {
        let searched = self.search_threads(proc.as_fd(), format!("{pid}/task"), pid);
        self.findings.refused |= searched.is_err();
    }

    /// Searches every descriptor and every ring of one process in `directory`, its /proc/PID.
    ///
    /// # Errors
    /// When its descriptors cannot be read.
    pub(super) fn search_whole(
        &mut self,
        directory: BorrowedFd<'_>,
        pid: Pid,
    ) -> rustix::io::Result<()> {
        match self.search(directory, c"fd", EVERY_NUMBER, pid, pid.0) {
            Err(_) if has_ended(directory, c"stat") => {}
            searched => drop(searched?),
        }
        if self.findings.held.is_empty() {
            self.search_threads(directory, c"task", pid)?;
            let rings = std::mem::take(&mut self.findings.rings);
            let path = |ring: Ring| format!("task/{}/fdinfo/{}", ring.thread, ring.descriptor);
            for ring in rings {
                self.search_ring(directory, &path(ring), ring);
            }
        }
        Ok(())
    }

    /// Looks into a ring: the files that are registered there.
    pub(super) fn visit_ring(&mut self, proc: &OwnedFd, ring: Ring) {
        let Ring { pid, thread, descriptor } = ring;
        self.search_ring(proc.as_fd(), &format!("{pid}/task/{thread}/fdinfo/{descriptor}"), ring);
    }

    fn search_ring(&mut self, parent: BorrowedFd<'_>, path: &str, ring: Ring) {
        let text = match read_ring(parent, path) {
            Err(error) if is_gone(error) => return,
            read => read.unwrap_or_default(),
        };
        self.findings.silent_rings += usize::from(ring_info::is_silent(&text));
        let registered = ring_info::registered_files(&text).filter_map(socket_inode);
        let wanted = registered.filter(|inode| self.shared.wanted.contains(inode));
        let holder = Holder { pid: ring.pid, descriptor: None };
        self.findings.held.extend(wanted.map(|inode| (inode, holder)));
    }

    fn search_threads(
        &mut self,
        parent: BorrowedFd<'_>,
        tasks: impl rustix::path::Arg,
        pid: Pid,
    ) -> rustix::io::Result<()> {
        let tasks = match open_dir(parent, tasks) {
            Err(error) if is_gone(error) => return Ok(()),
            opened => opened?,
        };
        if rustix::fs::fstat(&tasks).is_ok_and(|stat| stat.st_nlink <= LINKS_OF_ONE_THREAD) {
            return Ok(());
        }
        let listed = self.entries.numbers(&tasks).collect::<Result<Vec<_>, _>>();
        let threads = ignore_gone(listed)?;
        let first = table_size(&tasks, pid.0);
        for task in threads.into_iter().filter(|task| *task != pid.0) {
            // A table of another size is another table. One of the same size is the same one as a
            // rule; only kcmp(2) could tell.
            let is_own = table_size(&tasks, task) != first;
            if !is_own && self.shared.budget.is_spent() {
                self.findings.unsearched += 1;
                continue;
            }
            let searched = self.search(&tasks, format!("{task}/fd"), EVERY_NUMBER, pid, task);
            let count = match searched {
                Err(_) if has_ended(tasks.as_fd(), format!("{task}/stat")) => 0,
                searched => searched?,
            };
            if !is_own {
                self.shared.budget.spend(count);
            }
        }
        Ok(())
    }

    /// Searches those of the descriptors of `thread`, in the directory at `path`, that are in
    /// `numbers`, and returns how many there are.
    fn search(
        &mut self,
        parent: impl AsFd,
        path: impl rustix::path::Arg,
        numbers: Range<u32>,
        pid: Pid,
        thread: u32,
    ) -> rustix::io::Result<usize> {
        match self.open(parent, path)? {
            Some(table) => self.read(&table, numbers, pid, thread),
            None => Ok(0),
        }
    }

    fn open(
        &self,
        parent: impl AsFd,
        path: impl rustix::path::Arg,
    ) -> rustix::io::Result<Option<Table>> {
        Table::open(parent, path, self.shared.can_be_named)
    }

    fn read(
        &mut self,
        table: &Table,
        numbers: Range<u32>,
        pid: Pid,
        thread: u32,
    ) -> rustix::io::Result<usize> {
        let Self { shared, findings, entries } = self;
        let mut count = 0;
        let searched = table.for_each(numbers, entries, |descriptor| {
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(table, descriptor, &mut buffer)? else { return Ok(false) };
            count += 1;
            if let Some(inode) = socket_inode(link) {
                if shared.wanted.contains(&inode) {
                    findings.held.push((inode, Holder { pid, descriptor: Some(descriptor) }));
                }
            } else if link == RING {
                findings.rings.push(Ring { pid, thread, descriptor });
            }
            Ok(true)
        });
        ignore_gone(searched).map(|()| count)
    }
}

/// What a descriptor refers to; none when it is closed.
pub(super) fn read_link<'a>(
    table: &Table,
    descriptor: u32,
    buffer: &'a mut [u8; LONGEST_LINK],
) -> rustix::io::Result<Option<&'a [u8]>> {
    let name = DecInt::new(descriptor);
    match rustix::fs::readlinkat_raw(table.directory(), name.as_c_str(), &mut buffer[..]) {
        Ok(length) => Ok(buffer.get(..length)),
        Err(error) if is_gone(error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// What the kernel tells of a ring, asked again while the ring is in use: that is soon over.
fn read_ring(parent: BorrowedFd<'_>, path: &str) -> rustix::io::Result<Vec<u8>> {
    for _ in 1..RING_READS {
        let text = read_file(parent, path)?;
        if !ring_info::was_in_use(&text) {
            return Ok(text);
        }
        thread::yield_now();
    }
    read_file(parent, path)
}

/// How many descriptors a thread's table holds: the size of its directory, since Linux 6.2; 0
/// before that.
fn table_size(tasks: &OwnedFd, thread: u32) -> Option<i64> {
    let stat = rustix::fs::statat(tasks, format!("{thread}/fd"), rustix::fs::AtFlags::empty());
    stat.ok().map(|stat| stat.st_size)
}

/// Whether a thread has exited or is about to: the first one, in a process' own directory. What
/// remains of its descriptors belongs to root, whoever the process was.
fn has_ended(parent: BorrowedFd<'_>, stat: impl rustix::path::Arg) -> bool {
    match read_file(parent, stat) {
        Ok(bytes) => proc_stat::stat(&bytes).is_ok_and(|stat| stat.thread_has_ended()),
        Err(error) => is_gone(error),
    }
}

/// What is gone has nothing.
fn ignore_gone<T: Default>(result: rustix::io::Result<T>) -> rustix::io::Result<T> {
    match result {
        Err(error) if is_gone(error) => Ok(T::default()),
        other => other,
    }
}

/// The inode of a descriptor's target such as `socket:[4711]` (proc_pid_fd(5)).
pub(super) fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::walk::Inodes;
    use super::*;

    #[test]
    fn a_ring_of_which_nothing_is_told_is_counted() {
        let folder = std::env::temp_dir().join(format!("portwho-rings-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("silent"), "pos:\t0\n").unwrap();
        std::fs::write(folder.join("told"), "UserFiles:\t1\n    0: socket:[4711]\n").unwrap();
        let parent = open_dir(rustix::fs::CWD, folder.as_path()).unwrap();
        let wanted = Inodes::from_iter([4711]);
        let search = Search::new(&wanted, false);
        let mut searcher = Searcher::new(&search);
        for file in ["silent", "told", "gone"] {
            let ring = Ring { pid: Pid(7), thread: 7, descriptor: 3 };
            searcher.search_ring(parent.as_fd(), file, ring);
        }
        std::fs::remove_dir_all(&folder).unwrap();
        assert_eq!(searcher.findings.silent_rings, 1);
        assert_eq!(searcher.findings.held, [(4711, Holder { pid: Pid(7), descriptor: None })]);
    }

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        for other in [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[4711", b"/tmp/socket:[1]", b""] {
            assert_eq!(socket_inode(other), None, "{}", other.escape_ascii());
        }
    }
}
