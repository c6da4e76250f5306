//! The search for owners by the kernel's iterators, with the findings of a search in /proc.
//!
//! Each table of descriptors is looked at once, whoever shares it. What an iterator reports is a number
//! of the moment, as a link in /proc is: before anything is done to a holder it is searched for there, and a
//! proof that these are all looks at each descriptor again (`proof`). Processes that the iterator does not show (new ones, and those that something hides from it) are
//! searched in /proc.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};
use rustix::fs::AtFlags;

use super::super::bpf::{Kernel, Reach};
use super::super::core_time::Deadline;
use super::confirm::{Link, confirmed};
use super::findings::{Findings, Sharer};
use super::search::{Inodes, Search, user_of};
use crate::model::{Pid, Uid};
use crate::platform::decode::task_records::{Record, What};

/// How many places for descriptors, with or without one, may be looked at again because tasks share tables,
/// before each table is asked for by itself: that takes two system calls and a reading for each.
const AGAIN: u64 = 65_536;

/// How many at most where tables cannot be asked for by themselves: the kernel passes over any number of empty
/// places before it comes back, and no deadline is looked at.
const AGAIN_AT_MOST: u64 = 16 * 1024 * 1024;

/// How many descriptors are kept in mind, at 48 bytes: as many as the search in /proc reads of one user.
const MOST_REPORTED: usize = 2_000_000;

/// A thread, by its process.
type Task = (Pid, u32);

/// What the kernel reported.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// The sockets that processes have.
    reported: Vec<Reported>,
    /// What may be an io_uring.
    rings: Vec<Link>,
    /// Processes whose table was read for another one.
    sharers: Vec<Shared>,
    /// The processes that were seen.
    seen: FxHashSet<Pid>,
    /// Whether there is more.
    pub(super) is_cut: bool,
}

/// A descriptor of a socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Reported {
    link: Link,
    inode: u64,
    /// The table that it is in.
    table: u64,
    /// How many references there are to the socket, where the table is looked at for this thread alone.
    references: Option<u64>,
}

/// A process that has the table of another one.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Shared {
    pid: Pid,
    with: Pid,
}

/// The tables of descriptors, each with the tasks that have it.
#[derive(Debug, Default)]
struct Tables {
    tasks: FxHashMap<u64, Vec<Task>>,
    /// How many numbers each has room for.
    sizes: FxHashMap<u64, u32>,
    /// Whether there are more.
    is_cut: bool,
}

/// What is asked of the kernel.
#[derive(Clone, Copy, Debug)]
struct Question<'a> {
    kernel: &'a Kernel,
    wanted: &'a Inodes,
    deadline: Deadline,
}

impl Report {
    /// Asks the kernel for the holders of `wanted`, and for all io_urings, for as long as `time` on a core.
    ///
    /// # Errors
    /// The kernel's answer.
    pub(super) fn of(kernel: &Kernel, wanted: &Inodes, time: Duration) -> io::Result<Self> {
        let question = Question { kernel, wanted, deadline: Deadline::after(time) };
        kernel.sift(wanted.iter().copied())?;
        let tables = Tables::read(question)?;
        let mut report = Self { is_cut: tables.is_cut, ..Self::default() };
        report.seen.extend(tables.tasks.values().flatten().map(|(pid, _)| *pid));
        let again = tables.shared();
        if again > AGAIN && kernel.chooses_tasks(question.deadline)? {
            report.read_each(question, &tables)?;
        } else if again <= AGAIN_AT_MOST {
            report.read(question, None, true)?;
        } else {
            report.is_cut = true;
        }
        Ok(report)
    }

    /// Reads every table once, by the first thread of a process that has it. What only other threads have is left
    /// to the search in /proc: before Linux 6.12 these cannot be asked for.
    fn read_each(&mut self, question: Question<'_>, tables: &Tables) -> io::Result<()> {
        for tasks in tables.tasks.values() {
            self.is_cut |= question.deadline.is_over();
            // All processes are searched in /proc then.
            if self.is_cut {
                return Ok(());
            }
            if let Some(Pid(reader)) = reader(tasks) {
                self.read(question, Some(reader), tasks.len() == 1)?;
            }
        }
        // Of a task that ended meanwhile nothing is read, or not all.
        let now = Tables::read(question)?;
        self.is_cut |= now.is_cut;
        for (table, tasks) in &tables.tasks {
            let still_has = |reader: &Pid| {
                now.tasks.get(table).is_some_and(|now| now.contains(&(*reader, reader.0)))
            };
            if let Some(reader) = reader(tasks).filter(still_has) {
                let others = first_threads(tasks).filter(|pid| *pid != reader);
                self.sharers.extend(others.map(|pid| Shared { pid, with: reader }));
            } else {
                for (pid, _) in tasks {
                    self.seen.remove(pid);
                }
            }
        }
        Ok(())
    }

    /// Reads the descriptors of one task, or of all. `is_counted`: whether each descriptor is reported as
    /// often as there are processes that have it.
    fn read(
        &mut self,
        question: Question<'_>,
        task: Option<u32>,
        is_counted: bool,
    ) -> io::Result<()> {
        let Question { kernel, wanted, deadline } = question;
        let reach = kernel.descriptors(task, deadline, |record| {
            // Nobody else was asked for.
            self.is_cut |= task.is_some_and(|task| task != record.thread);
            match record.what {
                What::Socket { inode, .. } if !wanted.contains(&inode) => {}
                _ if self.reported.len() + self.rings.len() >= MOST_REPORTED => self.is_cut = true,
                What::Socket { inode, descriptor, table, references } => {
                    let references = is_counted.then_some(references);
                    let link = link(&record, descriptor);
                    self.reported.push(Reported { link, inode, table, references });
                }
                What::Ring { descriptor } => self.rings.push(link(&record, descriptor)),
                What::Table { .. } => {}
            }
        })?;
        self.is_cut |= reach == Reach::Cut;
        Ok(())
    }

    /// The processes among `pids` that the kernel did not show; all of them where there is more to show.
    pub(super) fn unseen(&self, pids: &[Pid]) -> Vec<Pid> {
        let is_unseen = |pid: &Pid| self.is_cut || !self.seen.contains(pid);
        pids.iter().copied().filter(is_unseen).collect()
    }

    /// The processes that have the table of another one, each with the user that it is named for.
    pub(super) fn sharers(&self, proc: &OwnedFd) -> Vec<Sharer> {
        let shown = |pid: Pid| {
            let stat = rustix::fs::statat(proc, pid.to_string(), AtFlags::empty());
            stat.map_or(Uid(0), |stat| Uid(stat.st_uid))
        };
        let sharer = |Shared { pid, with }: &Shared| {
            let user = user_of(proc, *pid, shown(*pid));
            Sharer { pid: *pid, user, with: *with }
        };
        self.sharers.iter().map(sharer).collect()
    }

    /// What was found. What may be an io_uring by its name is one by its link in /proc.
    pub(super) fn findings(&mut self, search: &Search<'_>, proc: &OwnedFd) -> Findings {
        self.rings.sort_unstable();
        let mut findings = confirmed(&self.rings, search, proc);
        for Reported { link, inode, .. } in &self.reported {
            let held = (*inode, link.holder());
            if link.is_of_first_thread() {
                findings.held.push(held);
            } else {
                findings.held_by_threads.push(held);
            }
        }
        findings.name_threads();
        if !self.is_cut {
            findings.counted = counted(&self.reported);
        }
        findings
    }
}

/// The process of `tasks` by whose first thread their table is read, if such a thread has it.
fn reader(tasks: &[Task]) -> Option<Pid> {
    first_threads(tasks).next()
}

/// The processes among `tasks` whose first thread has the table.
fn first_threads(tasks: &[Task]) -> impl Iterator<Item = Pid> {
    tasks.iter().filter(|(pid, thread)| pid.0 == *thread).map(|(pid, _)| *pid)
}

/// The inodes of which every reference that the kernel counts is a descriptor that it reported. What is in
/// flight, registered in an io_uring or in use by a system call is counted too, and no descriptor.
fn counted(reported: &[Reported]) -> BTreeSet<u64> {
    let mut sockets: Vec<&Reported> = reported.iter().collect();
    sockets.sort_unstable_by_key(|one| (one.inode, one.table, one.link.descriptor));
    let of_each = sockets.chunk_by(|a, b| a.inode == b.inode);
    let counted = of_each.filter(|of_one| {
        // Processes that share a table have one descriptor together.
        let place = |one: &&Reported| (one.table, one.link.descriptor);
        let descriptors = of_one.chunk_by(|a, b| place(a) == place(b)).count() as u64;
        // Of a thread's own table nobody is named where a process itself holds the socket.
        let of_processes = of_one.iter().filter(|one| one.link.is_of_first_thread()).count();
        (of_processes == 0 || of_processes == of_one.len())
            && of_one.iter().all(|one| one.references == Some(descriptors))
    });
    counted.filter_map(|of_one| of_one.first()).map(|one| one.inode).collect()
}

impl Tables {
    fn read(question: Question<'_>) -> io::Result<Self> {
        let mut tables = Self::default();
        let reach = question.kernel.tables(question.deadline, |record| {
            if let What::Table { identity, size } = record.what {
                let task = (Pid(record.process), record.thread);
                tables.tasks.entry(identity).or_default().push(task);
                let known = tables.sizes.entry(identity).or_default();
                *known = size.max(*known);
            }
        })?;
        tables.is_cut = reach == Reach::Cut;
        Ok(tables)
    }

    /// How many places for descriptors are looked at again where every task is. Of threads of the kernel none.
    fn shared(&self) -> u64 {
        let again = self.tasks.iter().map(|(table, tasks)| {
            let size = self.sizes.get(table).copied().unwrap_or_default();
            u64::from(size).saturating_mul(tasks.len().saturating_sub(1) as u64)
        });
        again.fold(0, u64::saturating_add)
    }
}

fn link(record: &Record, descriptor: u32) -> Link {
    Link { pid: Pid(record.process), thread: record.thread, descriptor }
}

#[cfg(test)]
mod tests;
