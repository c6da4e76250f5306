//! One process, searched to where a socket is found: before it is ended, and while it is watched.

use std::os::fd::{AsFd, BorrowedFd};

use super::budgets::UNASKED;
use super::own_tables::several_threads;
use super::rings;
use super::searcher::{EVERY_NUMBER, Searcher, Task, has_ended};
use crate::model::Pid;

impl Searcher<'_> {
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
            let task = Task { pid, thread: pid.0, user: UNASKED };
            match self.read(&table, EVERY_NUMBER, task, u64::MAX) {
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
}
