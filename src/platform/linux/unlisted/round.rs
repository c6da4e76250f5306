//! A reading of descriptors: which sockets processes hold that no table has.

use std::os::fd::OwnedFd;
use std::time::Duration;

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
    let mut processes: Vec<Process> =
        pids.into_iter().map(|pid| Process { pid: Pid(pid), user: user(proc, pid) }).collect();
    processes.sort_by_key(|process| process.user.0 != 0);
    Ok((processes, missed))
}

fn user(proc: &OwnedFd, pid: u32) -> Uid {
    let status = read_file(proc, format!("{pid}/status"));
    status.ok().and_then(|status| proc_status::real_user(&status)).unwrap_or(Uid(0))
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
        let taken = taken.entry(process.user).or_default();
        let (budget, known, deadline) = (*budget, *known, *deadline);
        let since = time_of_this_process();
        let lowest_free = 0;
        let mut reading = Reading {
            process,
            table,
            budget,
            known,
            deadline,
            candidates,
            spent,
            taken,
            since,
            lowest_free,
        };
        let visited = table.for_each(0..u32::MAX, entries, |number| reading.visit(number));
        let result = visited.and_then(|()| reading.visit_new());
        reading.note_time();
        self.is_unreadable |= result.is_err_and(|error| !is_gone(error));
    }
}

/// How many descriptors are read that a process has opened during the reading.
const NEW: usize = 16;

/// The reading of one process's table.
struct Reading<'a> {
    process: Process,
    table: &'a Table,
    budget: Budget,
    known: [&'a Inodes; 2],
    deadline: Deadline,
    candidates: &'a mut Vec<Candidate>,
    spent: &'a mut Spent,
    taken: &'a mut Taken,
    since: Duration,
    /// The lowest number that was not in use when it was its turn.
    lowest_free: u32,
}

impl Reading<'_> {
    /// Reads a descriptor, and tells whether there is one.
    fn visit(&mut self, number: u32) -> rustix::io::Result<bool> {
        let mut is_late = false;
        if self.taken.read.is_multiple_of(READ_BETWEEN) {
            self.note_time();
            is_late = self.deadline.is_over();
        }
        if is_late || self.taken.is_all(&self.budget) {
            self.spend();
            // The rest of this table is not read: there is no end to what a user can open.
            return Err(Errno::SRCH);
        }
        self.taken.read += 1;
        let mut buffer = [0; LONGEST_LINK];
        let Some(link) = read_link(self.table, number, &mut buffer)? else { return Ok(false) };
        if let Some(inode) = socket_inode(link).filter(|inode| self.is_new(*inode)) {
            self.add(number, inode);
        }
        if number == self.lowest_free {
            self.lowest_free += 1;
        }
        Ok(true)
    }

    /// Reads what was opened meanwhile: it has the lowest number that was free (open(2)), which the
    /// reading had passed. A process that opens the next socket before it closes the last one would
    /// else have had none.
    fn visit_new(&mut self) -> rustix::io::Result<()> {
        for _ in 0..NEW {
            if !self.visit(self.lowest_free)? {
                break;
            }
        }
        Ok(())
    }

    fn is_new(&self, inode: u64) -> bool {
        self.known.iter().all(|known| !known.contains(&inode))
    }

    fn add(&mut self, descriptor: u32, inode: u64) {
        self.taken.examined += 1;
        if self.taken.examined > self.budget.examined {
            self.spend();
        } else {
            let Process { pid, user } = self.process;
            self.candidates.push(Candidate { inode, pid, descriptor, user });
        }
    }

    fn spend(&mut self) {
        *self.spent.entry(self.process.user).or_default() += 1;
    }

    fn note_time(&mut self) {
        let now = time_of_this_process();
        self.taken.time += now.saturating_sub(std::mem::replace(&mut self.since, now));
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use super::super::super::proc_dir::open_proc;
    use super::super::budget::ROUNDS;
    use super::*;
    use crate::platform::linux::ffi::with_own_descriptors;

    #[test]
    fn what_takes_a_number_that_was_passed_is_read() {
        let found = with_own_descriptors(|| {
            let (place, last) =
                (File::open("/dev/null").unwrap(), File::open("/dev/null").unwrap());
            let number = place.as_raw_fd().cast_unsigned();
            let table = Table::open(open_proc().unwrap(), c"thread-self/fd", true);
            let table = table.unwrap().unwrap();
            let (mut candidates, mut spent, mut taken) = Default::default();
            let none = Inodes::default();
            let user = Uid(0);
            let mut reading = Reading {
                process: Process { pid: Pid(1), user },
                table: &table,
                budget: ROUNDS[1],
                known: [&none, &none],
                deadline: Deadline::after(Duration::from_mins(1)),
                candidates: &mut candidates,
                spent: &mut spent,
                taken: &mut taken,
                since: time_of_this_process(),
                lowest_free: 0,
            };
            drop(place);
            let mut moved = None;
            let visited = table.for_each(0..u32::MAX, &mut Entries::new(), |at| {
                if at == last.as_raw_fd().cast_unsigned() && moved.is_none() {
                    moved = UdpSocket::bind("127.0.0.1:0").ok();
                }
                reading.visit(at)
            });
            visited.and_then(|()| reading.visit_new()).unwrap();
            let moved = moved.unwrap();
            let path = format!("/proc/thread-self/fd/{}", moved.as_raw_fd());
            let inode = std::fs::metadata(path).unwrap().st_ino();
            let met = candidates.iter().any(|it: &Candidate| it.inode == inode);
            (moved.as_raw_fd().cast_unsigned() == number, met)
        });
        assert_eq!(found.unwrap(), (true, true));
    }
}
