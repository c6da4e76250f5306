//! One thread's search for sockets among the descriptors of processes.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, statat};
use rustix::io::Errno;
use rustix::path::DecInt;

use super::super::proc_dir::{Entries, is_gone, read_file};
use super::budgets::{Kind, Stopwatch, UNASKED};
use super::descriptors::Table;
use super::findings::{Findings, Part, Ring, Sharer};
use super::search::{Search, user_of};
use crate::model::{Holder, LeftOut, Pid, Uid};
use crate::platform::decode::proc_stat;

/// The links of a task directory with a single thread: `.`, `..` and that thread.
pub(in crate::platform::linux) const LINKS_OF_ONE_THREAD: u64 = 3;

/// Long enough for `socket:[` and twenty digits and `]`; longer targets are not of interest.
pub(in crate::platform::linux) const LONGEST_LINK: usize = 32;

/// Every number that a descriptor can have.
pub(super) const EVERY_NUMBER: Range<u32> = 0..u32::MAX;

/// What a descriptor of an io_uring(7) refers to.
pub(super) const RING: &[u8] = b"anon_inode:[io_uring]";

/// From this size on it pays to ask whether a table is another process's too.
const LARGE: u32 = 1024;

/// The time is checked after this many descriptors: asking for it is a system call, as is reading a
/// descriptor.
const READ_BETWEEN: u64 = 64;

/// The task whose table is read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Task {
    /// The process.
    pub(super) pid: Pid,
    /// The thread.
    pub(super) thread: u32,
    /// Whose budget it is read from.
    pub(super) user: Uid,
}

/// One thread's search.
pub(super) struct Searcher<'a> {
    /// What it has in common with the others.
    pub(super) shared: &'a Search<'a>,
    /// What it has found so far.
    pub(super) findings: Findings,
    /// A buffer.
    pub(super) entries: Entries,
    /// How long each user's are read.
    pub(super) stopwatch: Stopwatch,
}

impl<'a> Searcher<'a> {
    /// A searcher that has found nothing yet.
    pub(super) fn new(shared: &'a Search<'a>) -> Self {
        let (findings, entries) = (Findings::default(), Entries::new());
        Self { shared, findings, entries, stopwatch: Stopwatch::start() }
    }

    /// Searches a process by its first thread, whose descriptors are the others' as a rule. What
    /// makes a table too large for one thread is left over. One that vanishes meanwhile holds
    /// nothing.
    pub(super) fn visit(&mut self, proc: &OwnedFd, pid: Pid) {
        let searched = match self.open(proc, format!("{pid}/fd")) {
            Ok(Some(table)) => self.visit_table(proc, &table, pid),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.note_refusal(searched, proc, format!("{pid}/stat"));
    }

    fn visit_table(&mut self, proc: &OwnedFd, table: &Table, pid: Pid) -> rustix::io::Result<()> {
        if !self.shared.meet(table.size().into()) {
            return Ok(());
        }
        let user = self.payer(proc, table, pid);
        if table.size() >= LARGE
            && let Some(with) = self.shared.settle_large(user, pid)
        {
            self.findings.sharers.push(Sharer { pid, user, with });
            return Ok(());
        }
        let is_share_left = self.shared.budgets.is_share_left(user);
        for (numbers, size) in table.parts() {
            let is_next = numbers.start == 0 && is_share_left;
            let part = Part { pid, user, numbers, size };
            if is_next {
                self.search_part(table, &part)?;
            } else {
                self.findings.left_over.push(part);
            }
        }
        Ok(())
    }

    /// Whose budget a table is read from.
    fn payer(&self, proc: &OwnedFd, table: &Table, pid: Pid) -> Uid {
        let (shown, size) = (table.user(), u64::from(table.size()));
        // Where the size is not known, as before Linux 6.2, it may be any.
        let is_small = size > 0 && size <= self.shared.budgets.left(UNASKED, Kind::Processes);
        if shown.0 == 0 && is_small { UNASKED } else { user_of(proc, pid, shown) }
    }

    /// Searches a part of a process that was left over.
    pub(super) fn visit_part(&mut self, proc: &OwnedFd, part: &Part) {
        let searched = match self.open(proc, format!("{}/fd", part.pid)) {
            Ok(Some(table)) => self.search_part(&table, part),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.note_refusal(searched, proc, format!("{}/stat", part.pid));
    }

    fn search_part(&mut self, table: &Table, part: &Part) -> rustix::io::Result<()> {
        let (user, size) = (part.user, u64::from(part.size));
        if user != UNASKED && !self.shared.budgets.start(user, Kind::Processes, size) {
            self.leave_out(user, left_out(size));
            return Ok(());
        }
        let task = Task { pid: part.pid, thread: part.pid.0, user };
        let read = self.read(table, part.numbers.clone(), task, u64::MAX)?;
        if read.is_cut && !self.shared.is_given_up() {
            self.leave_out(user, left_out(size.saturating_sub(read.count)));
        }
        let counted = if user == UNASKED { 0 } else { size };
        self.shared.budgets.charge(user, Kind::Processes, read.count.saturating_sub(counted));
        Ok(())
    }

    pub(super) fn leave_out(&self, user: Uid, what: LeftOut) {
        self.shared.budgets.leave_out(user, what);
    }

    pub(super) fn note_refusal(
        &mut self,
        searched: rustix::io::Result<()>,
        parent: impl AsFd,
        stat: impl rustix::path::Arg,
    ) {
        self.findings.refused |= searched.is_err() && !has_ended(parent.as_fd(), stat);
    }

    pub(super) fn open(
        &self,
        parent: impl AsFd,
        path: impl rustix::path::Arg,
    ) -> rustix::io::Result<Option<Table>> {
        Table::open(parent, path, self.shared.can_be_named)
    }

    /// Reads those descriptors of a task's table that are in `numbers`, `limit` at most, and no longer
    /// than its user's time lasts.
    pub(super) fn read(
        &mut self,
        table: &Table,
        numbers: Range<u32>,
        task: Task,
        limit: u64,
    ) -> rustix::io::Result<Read> {
        let Self { shared, findings, entries, stopwatch } = self;
        let Task { pid, thread, user } = task;
        let mut count: u64 = 0;
        let searched = table.for_each(numbers, entries, |descriptor| {
            if count.is_multiple_of(READ_BETWEEN) && count > 0 {
                shared.budgets.note_time(user, stopwatch.lap());
                let goes_on = table.size() > 0 || shared.meet(READ_BETWEEN);
                if !goes_on || user != UNASKED && shared.budgets.is_late(user) {
                    return Err(CUT);
                }
            }
            if count == limit {
                return Err(CUT);
            }
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(table, descriptor, &mut buffer)? else { return Ok(false) };
            count += 1;
            if let Some(inode) = socket_inode(link) {
                if shared.wanted.contains(&inode) && !is_path(table, descriptor) {
                    findings.held.push((inode, Holder { pid, descriptor: Some(descriptor) }));
                }
            } else if link == RING {
                findings.rings.push(Ring { pid, thread, descriptor, user: table.user() });
            }
            Ok(true)
        });
        shared.budgets.note_time(user, stopwatch.lap());
        let is_cut = searched == Err(CUT);
        if is_cut { Ok(()) } else { ignore_gone(searched) }.map(|()| Read { count, is_cut })
    }
}

/// How a reading that has come to its limit ends: no call of it answers so.
const CUT: Errno = Errno::CANCELED;

/// What was read of a table.
#[derive(Clone, Copy, Debug)]
pub(super) struct Read {
    /// How many descriptors.
    pub(super) count: u64,
    /// Whether there are more.
    pub(super) is_cut: bool,
}

/// What a descriptor refers to; none when it is closed.
pub(in crate::platform::linux) fn read_link<'a>(
    table: &Table,
    descriptor: u32,
    buffer: &'a mut [u8; LONGEST_LINK],
) -> rustix::io::Result<Option<&'a [u8]>> {
    let name = DecInt::new(descriptor);
    match rustix::fs::readlinkat_raw(table.directory(), name.as_c_str(), &mut buffer[..]) {
        Ok(length) => Ok(buffer.get(..length)),
        // Its path is longer than a page (`d_path` in the kernel), and so that of no socket.
        Err(Errno::NAMETOOLONG) => Ok(Some(&[])),
        Err(error) if is_gone(error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Whether a descriptor of a table is only a path.
fn is_path(table: &Table, descriptor: u32) -> bool {
    is_path_alone(table.directory(), DecInt::new(descriptor).as_c_str())
}

/// Whether a descriptor, by its link in /proc, is only a path (`O_PATH` in open(2)) to what the link names, as one that
/// was opened through another one's link. It keeps no socket from closing. /proc shows such a descriptor without the
/// right to read and to write, and a socket with both.
pub(in crate::platform::linux) fn is_path_alone(
    parent: impl AsFd,
    link: impl rustix::path::Arg,
) -> bool {
    let shown = statat(parent, link, AtFlags::SYMLINK_NOFOLLOW);
    shown.is_ok_and(|stat| !Mode::from_raw_mode(stat.st_mode).intersects(Mode::RUSR | Mode::WUSR))
}

/// Whether a thread has exited or is about to: the first one, in a process' own directory. What
/// remains of its descriptors belongs to root, whoever the process was.
pub(super) fn has_ended(parent: BorrowedFd<'_>, stat: impl rustix::path::Arg) -> bool {
    match read_file(parent, stat) {
        Ok(bytes) => proc_stat::stat(&bytes).is_ok_and(|stat| stat.thread_has_ended()),
        Err(error) => is_gone(error),
    }
}

/// What is gone has nothing.
pub(super) fn ignore_gone<T: Default>(result: rustix::io::Result<T>) -> rustix::io::Result<T> {
    match result {
        Err(error) if is_gone(error) => Ok(T::default()),
        other => other,
    }
}

/// The inode of a descriptor's target such as `socket:[4711]` (proc_pid_fd(5)).
pub(in crate::platform::linux) fn socket_inode(link: &[u8]) -> Option<u64> {
    let digits = link.strip_prefix(b"socket:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

/// This many descriptors that are not searched; one at least.
fn left_out(count: u64) -> LeftOut {
    let descriptors = usize::try_from(count.max(1)).unwrap_or(usize::MAX);
    LeftOut { descriptors, ..LeftOut::default() }
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
}
