//! One process, searched to where a socket is found: before it is ended, and while it is watched.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use rustix::io::Errno;

use super::super::proc_dir::read_file;
use super::budgets::{Budgets, Stopwatch};
use super::findings::Findings;
use super::own_tables::several_threads;
use super::rings;
use super::search::{Inodes, Search};
use super::searcher::{
    EVERY_NUMBER, LINKS_OF_ONE_THREAD, LONGEST_LINK, Searcher, Task, has_ended, socket_inode,
};
use crate::model::{Holder, LeftOut, Pid, Uid};
use crate::platform::decode::proc_status;

/// How long the processes of each user were searched one by one in this run: there may be any number
/// of them.
static SPENT: Mutex<BTreeMap<Uid, Duration>> = Mutex::new(BTreeMap::new());

/// By what the process in `directory` (its /proc/PID) holds one of `wanted`, if it does.
///
/// # Errors
/// Where none was found, and not all could be searched: EMFILE when there are more than are
/// searched, EACCES when a part may not be read, ENODATA when an io_uring does not report what is
/// registered there. Otherwise when its descriptors cannot be read.
pub(in crate::platform::linux) fn held_by(
    directory: BorrowedFd<'_>,
    pid: Pid,
    wanted: &Inodes,
) -> rustix::io::Result<Option<(u64, Holder)>> {
    let budgets = Budgets::default();
    let user = user_in(directory);
    let spent = || SPENT.lock().unwrap_or_else(PoisonError::into_inner);
    for (user, time) in spent().iter() {
        budgets.note_time(*user, *time);
    }
    let mut stopwatch = Stopwatch::start();
    let search = Search::new(wanted, &budgets, false);
    let mut searcher = Searcher::new(&search);
    let result = searcher.search_whole(directory, pid, user);
    *spent().entry(user).or_default() += stopwatch.lap();
    result?;
    answer(&searcher.findings, !budgets.left_out().is_empty())
}

/// What was found; or why nothing that was found does not mean that nothing is there.
fn answer(findings: &Findings, is_bounded: bool) -> rustix::io::Result<Option<(u64, Holder)>> {
    match findings.held.first() {
        Some(held) => Ok(Some(*held)),
        None if findings.refused => Err(Errno::ACCESS),
        None if findings.silent_rings > 0 => Err(Errno::NODATA),
        None if is_bounded => Err(Errno::MFILE),
        None => Ok(None),
    }
}

/// Whether the only thread of the process in `directory` (its /proc/PID) is about to exit: it has
/// closed its descriptors then, or is going to.
pub(in crate::platform::linux) fn is_exiting(directory: BorrowedFd<'_>) -> bool {
    let tasks = rustix::fs::statat(directory, c"task", rustix::fs::AtFlags::empty());
    let has_one_thread = tasks.is_ok_and(|tasks| tasks.st_nlink <= LINKS_OF_ONE_THREAD);
    has_one_thread && has_ended(directory, c"stat")
}

/// The user who runs the process in `directory`, from whose time it is searched.
fn user_in(directory: BorrowedFd<'_>) -> Uid {
    let status = read_file(directory, c"status").ok();
    status.and_then(|file| proc_status::real_user(&file)).unwrap_or(Uid(0))
}

/// Whether a descriptor of the process in `directory` (its /proc/PID) is the socket with this inode.
pub(in crate::platform::linux) fn is_socket(
    directory: impl AsFd,
    descriptor: u32,
    inode: u64,
) -> bool {
    let mut buffer = [0; LONGEST_LINK];
    let path = format!("fd/{descriptor}");
    let length = rustix::fs::readlinkat_raw(directory, path, &mut buffer[..]);
    let link = length.ok().and_then(|length| buffer.get(..length));
    link.and_then(socket_inode) == Some(inode)
}

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
        user: Uid,
    ) -> rustix::io::Result<()> {
        if let Some(table) = self
            .open(directory, c"fd")
            .or_else(|error| if has_ended(directory, c"stat") { Ok(None) } else { Err(error) })?
        {
            let task = Task { pid, thread: pid.0, user };
            match self.read(&table, EVERY_NUMBER, task, u64::MAX) {
                Err(_) if has_ended(directory, c"stat") => {}
                Ok(read) if read.is_cut => {
                    self.leave_out(user, LeftOut { descriptors: 1, ..LeftOut::default() });
                }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_incomplete_search_is_not_an_answer() {
        let holder = Holder { pid: Pid(812), descriptor: Some(3) };
        let found = || Findings { held: vec![(4711, holder)], ..Findings::default() };
        let refused = || Findings { refused: true, ..Findings::default() };
        let silent = || Findings { silent_rings: 1, ..Findings::default() };
        assert_eq!(answer(&Findings::default(), false), Ok(None));
        assert_eq!(answer(&refused(), false), Err(Errno::ACCESS));
        assert_eq!(answer(&silent(), false), Err(Errno::NODATA));
        assert_eq!(answer(&Findings::default(), true), Err(Errno::MFILE));
        let refused_elsewhere = Findings { refused: true, ..found() };
        for findings in [found(), refused_elsewhere] {
            assert_eq!(answer(&findings, true), Ok(Some((4711, holder))));
        }
    }
}
