//! One thread's search for sockets among the descriptors of processes.

use std::ops::Range;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::time::Instant;

use rustix::io::Errno;
use rustix::path::DecInt;

use super::budgets::Kind;
use super::descriptors::Table;
use super::findings::{Findings, OwnTable, Part, Ring, Sharer};
use super::proc_dir::{Entries, is_gone, open_dir, read_file};
use super::rings::{self, SharedRing};
use super::search::{Search, user_of};
use super::sharing::{Known, Settled};
use crate::model::{Holder, LeftOut, Pid, Uid};
use crate::platform::decode::proc_stat;

/// The links of a task directory with a single thread: `.`, `..` and that thread.
pub(super) const LINKS_OF_ONE_THREAD: u64 = 3;

/// Long enough for `socket:[` and twenty digits and `]`; longer targets are not of interest.
const LONGEST_LINK: usize = 32;

/// Every number that a descriptor can have.
const EVERY_NUMBER: Range<u32> = 0..u32::MAX;

/// What a table costs at least, where its size is not known.
const LEAST_TABLE: u64 = 64;

/// What a descriptor of an io_uring(7) refers to.
const RING: &[u8] = b"anon_inode:[io_uring]";

/// From this size on it pays to ask whether a table is another process's too.
const LARGE: u32 = 1024;

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
        let searched = match self.open(proc, format!("{pid}/fd")) {
            Ok(Some(table)) => self.visit_table(proc, &table, pid),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.note_refusal(&searched, proc, format!("{pid}/stat"));
    }

    fn visit_table(&mut self, proc: &OwnedFd, table: &Table, pid: Pid) -> rustix::io::Result<()> {
        let user = self.payer(proc, table, pid);
        if table.size() >= LARGE
            && let Some(with) = self.shared.settle_large(user, pid)
        {
            self.findings.sharers.push(Sharer { pid, user, with });
            return Ok(());
        }
        let mut parts = table.parts().map(|(numbers, size)| Part { pid, user, numbers, size });
        let first = parts.next();
        self.findings.left_over.extend(parts);
        first.map_or(Ok(()), |first| self.search_part(table, &first))
    }

    /// Whose budget a table is read from.
    fn payer(&self, proc: &OwnedFd, table: &Table, pid: Pid) -> Uid {
        let shown = table.user();
        let amount = u64::from(table.size()).max(LEAST_TABLE);
        if shown.0 == 0 && self.shared.budgets.take_uncounted(amount) {
            return shown;
        }
        user_of(proc, pid, shown)
    }

    /// Searches a part of a process that was left over.
    pub(super) fn visit_part(&mut self, proc: &OwnedFd, part: &Part) {
        let searched = match self.open(proc, format!("{}/fd", part.pid)) {
            Ok(Some(table)) => self.search_part(&table, part),
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.note_refusal(&searched, proc, format!("{}/stat", part.pid));
    }

    fn search_part(&mut self, table: &Table, part: &Part) -> rustix::io::Result<()> {
        let (user, size) = (part.user, u64::from(part.size));
        if !self.shared.budgets.start(user, Kind::Processes, size) {
            self.leave_out(
                user,
                LeftOut { descriptors: part.size.max(1) as usize, ..LeftOut::default() },
            );
            return Ok(());
        }
        let since = Instant::now();
        let read = self.read(table, part.numbers.clone(), (part.pid, part.pid.0), u64::MAX)?;
        self.shared.budgets.note_time(user, since);
        if read.count > size {
            self.shared.budgets.charge(user, Kind::Processes, read.count - size);
        }
        Ok(())
    }

    fn leave_out(&self, user: Uid, what: LeftOut) {
        self.shared.budgets.leave_out(user, what);
    }

    fn note_refusal(
        &mut self,
        searched: &rustix::io::Result<()>,
        parent: impl AsFd,
        stat: impl rustix::path::Arg,
    ) {
        self.findings.refused |= searched.is_err() && !has_ended(parent.as_fd(), stat);
    }

    /// Finds the threads of a process that have left its table of descriptors (`CLONE_FILES` in
    /// unshare(2)), or outlived the first thread, which has none any more.
    pub(super) fn visit_threads(&mut self, proc: &OwnedFd, pid: Pid) {
        let found = match several_threads(proc, format!("{pid}/task"), &mut self.entries) {
            Ok(Some((tasks, threads, shown))) => {
                let user = user_of(proc, pid, shown);
                self.settle_threads(&tasks, &threads, pid, user);
                Ok(())
            }
            Ok(None) => Ok(()),
            Err(error) => Err(error),
        };
        self.findings.refused |= found.is_err();
    }

    /// Tells the threads that share the first one's table from the others, by kcmp(2). Where that
    /// is refused, a table of another size is another table, and one of the same size most likely
    /// the same.
    fn settle_threads(&mut self, tasks: &OwnedFd, threads: &[u32], pid: Pid, user: Uid) {
        let mut known = Known::default();
        known.settle(pid.0);
        let others = threads.iter().copied().filter(|thread| *thread != pid.0);
        for (place, thread) in others.enumerate() {
            if !self.shared.budgets.take(user, Kind::Comparisons, 1) {
                let threads = threads.len().saturating_sub(place + 1);
                return self.leave_out(user, LeftOut { threads, ..LeftOut::default() });
            }
            let settled = known.settle(thread);
            if matches!(settled, Settled::Same(_)) {
                continue;
            }
            let size = table_size(tasks, thread);
            let is_main =
                settled == Settled::New(1) && has_ended(tasks.as_fd(), format!("{pid}/stat"));
            let is_likely_shared = settled == Settled::Unknown && size == table_size(tasks, pid.0);
            let size = size.unwrap_or_default();
            let table = OwnTable { pid, thread, user, size, is_likely_shared, is_main };
            self.findings.own_tables.push(table);
        }
    }

    /// Searches a table that a thread has for itself.
    pub(super) fn visit_own_table(&mut self, proc: &OwnedFd, table: &OwnTable) {
        let task = format!("{}/task/{}", table.pid, table.thread);
        self.search_own_table(proc.as_fd(), &task, table);
    }

    fn search_own_table(&mut self, parent: BorrowedFd<'_>, task: &str, own: &OwnTable) {
        let searched = self.open(parent, format!("{task}/fd")).and_then(|table| match table {
            Some(table) => self.read_own_table(&table, own),
            None => Ok(()),
        });
        self.note_refusal(&searched, parent, format!("{task}/stat"));
    }

    fn read_own_table(&mut self, table: &Table, own: &OwnTable) -> rustix::io::Result<()> {
        let kind = if own.is_main { Kind::Processes } else { Kind::Threads };
        let (user, size, budgets) = (own.user, u64::from(table.size()), self.shared.budgets);
        // One more: that of an empty table is a system call too.
        let is_admitted = budgets.take(user, kind, size + 1);
        let limit = size + budgets.left(user, kind);
        if !is_admitted || limit == 0 {
            self.leave_out(user, LeftOut { threads: 1, ..LeftOut::default() });
            return Ok(());
        }
        let since = Instant::now();
        let read = self.read(table, EVERY_NUMBER, (own.pid, own.thread), limit)?;
        budgets.note_time(user, since);
        budgets.charge(user, kind, read.count.saturating_sub(size));
        if read.is_cut {
            self.leave_out(user, LeftOut { threads: 1, ..LeftOut::default() });
        }
        Ok(())
    }

    /// Searches every descriptor and every ring of one process in `directory`, its /proc/PID, until
    /// a socket is found.
    ///
    /// # Errors
    /// When its descriptors cannot be read.
    pub(super) fn search_whole(
        &mut self,
        directory: BorrowedFd<'_>,
        pid: Pid,
    ) -> rustix::io::Result<()> {
        if let Some(table) = self
            .open(directory, c"fd")
            .or_else(|error| if has_ended(directory, c"stat") { Ok(None) } else { Err(error) })?
        {
            match self.read(&table, EVERY_NUMBER, (pid, pid.0), u64::MAX) {
                Err(_) if has_ended(directory, c"stat") => {}
                read => drop(read?),
            }
        }
        if self.findings.held.is_empty() {
            self.search_threads(directory, pid)?;
        }
        if self.findings.held.is_empty() {
            self.search_rings(directory);
        }
        Ok(())
    }

    fn search_threads(&mut self, directory: BorrowedFd<'_>, pid: Pid) -> rustix::io::Result<()> {
        if let Some((tasks, threads, user)) =
            several_threads(directory, c"task", &mut self.entries)?
        {
            self.settle_threads(&tasks, &threads, pid, user);
            let mut tables = std::mem::take(&mut self.findings.own_tables);
            tables.sort_by_key(|table| (table.is_likely_shared, table.size));
            for table in tables {
                self.search_own_table(tasks.as_fd(), &table.thread.to_string(), &table);
                if !self.findings.held.is_empty() {
                    break;
                }
            }
        }
        Ok(())
    }

    fn search_rings(&mut self, directory: BorrowedFd<'_>) {
        let found = std::mem::take(&mut self.findings.rings);
        for ring in rings::settle(found, self.shared.budgets) {
            self.search_ring(directory, &ring, |ring| {
                format!("task/{}/fdinfo/{}", ring.thread, ring.descriptor)
            });
            if !self.findings.held.is_empty() {
                break;
            }
        }
    }

    /// Looks into a ring: the files that are registered there.
    pub(super) fn visit_ring(&mut self, proc: &OwnedFd, ring: &SharedRing) {
        self.search_ring(proc.as_fd(), ring, |ring| {
            format!("{}/task/{}/fdinfo/{}", ring.pid, ring.thread, ring.descriptor)
        });
    }

    /// Reads a ring by the first descriptor of it that is still open.
    fn search_ring(
        &mut self,
        parent: BorrowedFd<'_>,
        ring: &SharedRing,
        path: impl Fn(&Ring) -> String,
    ) {
        let budgets = self.shared.budgets;
        let mut read =
            ring.holders.iter().map(|one| rings::read(parent, &path(one), ring.user, budgets));
        let Some(registered) = read.find_map(|registered| registered) else { return };
        self.findings.silent_rings += usize::from(registered.is_silent);
        if registered.is_cut {
            self.leave_out(ring.user, LeftOut { rings: 1, ..LeftOut::default() });
        }
        let wanted = registered.sockets.iter().filter(|inode| self.shared.wanted.contains(inode));
        let pids = self.holders_of(ring);
        for inode in wanted {
            if !budgets.take(ring.user, Kind::Processes, pids.len() as u64) {
                let descriptors = pids.len();
                self.leave_out(ring.user, LeftOut { descriptors, ..LeftOut::default() });
                continue;
            }
            let holders = pids.iter().map(|pid| Holder { pid: *pid, descriptor: None });
            self.findings.held.extend(holders.map(|holder| (*inode, holder)));
        }
    }

    /// The processes that have a descriptor of the ring, be it in a table that they share.
    fn holders_of(&self, ring: &SharedRing) -> Vec<Pid> {
        let sharers = |pid| self.shared.sharers.get(&pid).into_iter().flatten().copied();
        ring.holders.iter().flat_map(|one| [one.pid].into_iter().chain(sharers(one.pid))).collect()
    }

    fn open(
        &self,
        parent: impl AsFd,
        path: impl rustix::path::Arg,
    ) -> rustix::io::Result<Option<Table>> {
        Table::open(parent, path, self.shared.can_be_named)
    }

    /// Reads those descriptors of a table that are in `numbers`, of a process and a thread, `limit`
    /// at most.
    fn read(
        &mut self,
        table: &Table,
        numbers: Range<u32>,
        (pid, thread): (Pid, u32),
        limit: u64,
    ) -> rustix::io::Result<Read> {
        let Self { shared, findings, entries } = self;
        let mut count = 0;
        let searched = table.for_each(numbers, entries, |descriptor| {
            if count == limit {
                return Err(CUT);
            }
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(table, descriptor, &mut buffer)? else { return Ok(false) };
            count += 1;
            if let Some(inode) = socket_inode(link) {
                if shared.wanted.contains(&inode) {
                    findings.held.push((inode, Holder { pid, descriptor: Some(descriptor) }));
                }
            } else if link == RING {
                findings.rings.push(Ring { pid, thread, descriptor, user: table.user() });
            }
            Ok(true)
        });
        let is_cut = searched == Err(CUT);
        if is_cut { Ok(()) } else { ignore_gone(searched) }.map(|()| Read { count, is_cut })
    }
}

/// How a reading that has come to its limit ends: no call of it answers so.
const CUT: Errno = Errno::CANCELED;

/// What was read of a table.
#[derive(Clone, Copy, Debug)]
struct Read {
    /// How many descriptors.
    count: u64,
    /// Whether there are more.
    is_cut: bool,
}

/// The tasks of a process that has several, and whom they belong to.
fn several_threads(
    parent: impl AsFd,
    tasks: impl rustix::path::Arg,
    entries: &mut Entries,
) -> rustix::io::Result<Option<(OwnedFd, Vec<u32>, Uid)>> {
    let tasks = match open_dir(parent, tasks) {
        Err(error) if is_gone(error) => return Ok(None),
        opened => opened?,
    };
    let stat = match rustix::fs::fstat(&tasks) {
        Err(error) if is_gone(error) => return Ok(None),
        stat => stat?,
    };
    if stat.st_nlink <= LINKS_OF_ONE_THREAD {
        return Ok(None);
    }
    let threads = ignore_gone(entries.numbers(&tasks).collect::<Result<Vec<_>, _>>())?;
    Ok(Some((tasks, threads, Uid(stat.st_uid))))
}

/// What a descriptor refers to; none when it is closed.
fn read_link<'a>(
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

/// How many descriptors a thread's table holds: the size of its directory, since Linux 6.2; 0
/// before that.
fn table_size(tasks: &OwnedFd, thread: u32) -> Option<u32> {
    let stat = rustix::fs::statat(tasks, format!("{thread}/fd"), rustix::fs::AtFlags::empty());
    stat.ok().and_then(|stat| u32::try_from(stat.st_size).ok())
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
    use super::*;

    #[test]
    fn only_sockets_have_a_socket_inode() {
        assert_eq!(socket_inode(b"socket:[4711]"), Some(4711));
        for other in [&b"pipe:[4711]"[..], b"socket:[]", b"socket:[4711", b"/tmp/socket:[1]", b""] {
            assert_eq!(socket_inode(other), None, "{}", other.escape_ascii());
        }
    }
}
