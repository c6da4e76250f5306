//! A reading of descriptors: which sockets processes hold that no table has.

use std::os::fd::OwnedFd;

use rustc_hash::FxHashMap;
use rustix::io::Errno;

use super::super::owners::{Inodes, LONGEST_LINK, Table, can_be_named, read_link, socket_inode};
use super::super::proc_dir::{Entries, is_first_pid_namespace, is_gone, read_file};
use super::budget::{Budget, Deadline, Taken, time_of_this_process};
use super::examiner::Candidate;
use super::missed::{Missed, Spent};
use crate::model::{Pid, Uid};
use crate::platform::decode::proc_status;

/// Asking for the time is a system call, as is reading a descriptor.
const READ_BETWEEN: usize = 64;

/// A process, and whose it is.
#[derive(Clone, Copy)]
pub(super) struct Process {
    pub(super) pid: Pid,
    pub(super) user: Uid,
}

/// All processes, root's first, and whether some are not among them.
pub(super) fn list(proc: &OwnedFd) -> std::io::Result<(Vec<Process>, Missed)> {
    let pids = Entries::new().numbers(proc).collect::<Result<Vec<_>, _>>()?;
    let missed = Missed {
        is_unreadable: !pids.contains(&1),
        is_inside: is_first_pid_namespace() != Some(true),
        ..Missed::default()
    };
    let user = |pid| {
        let status = read_file(proc, format!("{pid}/status"));
        status.ok().and_then(|status| proc_status::real_user(&status)).unwrap_or(Uid(0))
    };
    let mut processes: Vec<Process> =
        pids.into_iter().map(|pid| Process { pid: Pid(pid), user: user(pid) }).collect();
    processes.sort_by_key(|process| process.user.0 != 0);
    Ok((processes, missed))
}

/// A reading of descriptors: those of sockets that are in no table, as far as the budgets go.
pub(super) struct Round<'a> {
    proc: &'a OwnedFd,
    budget: Budget,
    /// The inodes of sockets that need not be examined.
    known: [&'a Inodes; 2],
    deadline: Deadline,
    /// See [`can_be_named`].
    can_be_named: bool,
    entries: Entries,
    pub(super) candidates: Vec<Candidate>,
    pub(super) is_unreadable: bool,
    pub(super) spent: Spent,
    taken: FxHashMap<Uid, Taken>,
}

impl<'a> Round<'a> {
    pub(super) fn new(
        proc: &'a OwnedFd,
        budget: Budget,
        known: [&'a Inodes; 2],
        deadline: Deadline,
    ) -> Self {
        Self {
            proc,
            budget,
            known,
            deadline,
            can_be_named: can_be_named(proc),
            entries: Entries::new(),
            candidates: Vec::new(),
            is_unreadable: false,
            spent: Spent::new(),
            taken: FxHashMap::default(),
        }
    }

    /// Reads a process's descriptors. Where nothing is left for them the kernel is not asked to list
    /// them either, which takes milliseconds where there are thousands.
    pub(super) fn read(&mut self, process: Process) {
        let taken = self.taken.entry(process.user).or_default();
        if taken.is_all(&self.budget) || self.deadline.is_over() {
            *self.spent.entry(process.user).or_default() += 1;
            return;
        }
        match Table::open(self.proc, format!("{}/fd", process.pid), self.can_be_named) {
            Ok(Some(table)) => self.read_table(process, &table),
            Ok(None) => {}
            Err(error) => self.is_unreadable |= !is_gone(error),
        }
    }

    fn read_table(&mut self, process: Process, table: &Table) {
        let Self { budget, known, deadline, entries, candidates, spent, taken, .. } = self;
        let Process { pid, user } = process;
        let taken = taken.entry(user).or_default();
        let mut since = time_of_this_process();
        let result = table.for_each(0..u32::MAX, entries, |descriptor| {
            let mut is_late = false;
            if taken.read.is_multiple_of(READ_BETWEEN) {
                let now = time_of_this_process();
                taken.time += now.saturating_sub(std::mem::replace(&mut since, now));
                is_late = deadline.is_over();
            }
            if is_late || taken.is_all(budget) {
                *spent.entry(user).or_default() += 1;
                // The rest of this table is not read: there is no end to what a user can open.
                return Err(Errno::SRCH);
            }
            taken.read += 1;
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(table, descriptor, &mut buffer)? else { return Ok(false) };
            let is_new = |inode: &u64| known.iter().all(|known| !known.contains(inode));
            let Some(inode) = socket_inode(link).filter(is_new) else { return Ok(true) };
            taken.examined += 1;
            if taken.examined > budget.examined {
                *spent.entry(user).or_default() += 1;
            } else {
                candidates.push(Candidate { inode, pid, descriptor, user });
            }
            Ok(true)
        });
        taken.time += time_of_this_process().saturating_sub(since);
        self.is_unreadable |= result.is_err_and(|error| !is_gone(error));
    }
}
