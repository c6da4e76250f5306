//! Threads that have tables of descriptors of their own: found, and searched within a budget.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use super::super::proc_dir::{Entries, is_gone, open_dir};
use super::budgets::Kind;
use super::descriptors::Table;
use super::findings::OwnTable;
use super::search::user_of;
use super::searcher::{EVERY_NUMBER, LINKS_OF_ONE_THREAD, Searcher, Task, has_ended, ignore_gone};
use super::sharing::{Known, Settled};
use crate::model::{LeftOut, Pid, Uid};

impl Searcher<'_> {
    /// Finds the threads of a process that have left its table of descriptors (`CLONE_FILES` in
    /// unshare(2)), or outlived the first thread, which no longer has one.
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
    pub(super) fn settle_threads(&mut self, tasks: &OwnedFd, threads: &[u32], pid: Pid, user: Uid) {
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

    pub(super) fn search_own_table(&mut self, parent: BorrowedFd<'_>, task: &str, own: &OwnTable) {
        let searched = self.open(parent, format!("{task}/fd")).and_then(|table| match table {
            Some(table) => self.read_own_table(&table, own),
            None => Ok(()),
        });
        self.note_refusal(searched, parent, format!("{task}/stat"));
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
        let task = Task { pid: own.pid, thread: own.thread, user };
        let read = self.read(table, EVERY_NUMBER, task, limit)?;
        budgets.charge(user, kind, read.count.saturating_sub(size));
        if read.is_cut {
            self.leave_out(user, LeftOut { threads: 1, ..LeftOut::default() });
        }
        Ok(())
    }
}

/// The tasks of a process that has several, and whom they belong to.
pub(super) fn several_threads(
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

/// How many descriptors a thread's table holds: the size of its directory, since Linux 6.2; 0
/// before that.
fn table_size(tasks: &OwnedFd, thread: u32) -> Option<u32> {
    let stat = rustix::fs::statat(tasks, format!("{thread}/fd"), rustix::fs::AtFlags::empty());
    stat.ok().and_then(|stat| u32::try_from(stat.st_size).ok())
}
