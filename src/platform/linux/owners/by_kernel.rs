//! The search for owners by the kernel's iterators, with the findings of a search in /proc.
//!
//! Each table of descriptors is looked at once, whoever shares it. What an iterator reports is a number
//! of the moment: each holder is confirmed by its link in /proc, as any reader of /proc would see it.
//! Processes that the iterator does not show (new ones, and those that something hides from it) are
//! searched in /proc.

use std::io;
use std::os::fd::OwnedFd;
use std::time::Instant;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::bounds;
use super::super::bpf::{Kernel, Reach};
use super::confirm::{Candidates, Reported};
use super::findings::Findings;
use super::parallel::search_all;
use super::search::{Inodes, Search};
use super::walk::Sharers;
use crate::model::Pid;
use crate::platform::decode::task_records::{Record, What};

/// How many descriptors may be looked at again because tasks share tables, before each table is asked
/// for by itself: that takes two system calls and a reading for each.
const AGAIN: u64 = 65_536;

/// A thread, by its process.
type Task = (Pid, u32);

/// What the kernel reported.
#[derive(Debug, Default)]
pub(super) struct Report {
    /// What processes have.
    reported: Vec<Reported>,
    /// Processes by the one whose table was read for them.
    pub(super) sharers: Sharers,
    /// The processes that were seen.
    seen: FxHashSet<Pid>,
    /// Whether everything was.
    pub(super) is_cut: bool,
}

/// The tables of descriptors, each with the tasks that have it.
#[derive(Debug, Default)]
struct Tables {
    tasks: FxHashMap<u64, Vec<Task>>,
    /// How many numbers each has room for.
    sizes: FxHashMap<u64, u32>,
}

impl Report {
    /// Asks the kernel for the holders of `wanted`, and for all io_urings.
    ///
    /// # Errors
    /// The kernel's answer.
    pub(super) fn of(kernel: &Kernel, wanted: &Inodes) -> io::Result<Self> {
        let deadline = Instant::now() + bounds::KERNEL_SEARCH;
        kernel.sift(wanted.iter().copied())?;
        let tables = Tables::read(kernel, deadline)?;
        let mut report = Self::default();
        report.seen.extend(tables.tasks.values().flatten().map(|(pid, _)| *pid));
        if tables.shared() <= AGAIN {
            report.read(kernel, None, &[], wanted, deadline)?;
            return Ok(report);
        }
        match report.read_each(kernel, &tables, wanted, deadline) {
            // One task cannot be chosen before Linux 6.1.
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => {
                report.read(kernel, None, &[], wanted, deadline)?;
            }
            read => read?,
        }
        Ok(report)
    }

    /// Reads every table once.
    fn read_each(
        &mut self,
        kernel: &Kernel,
        tables: &Tables,
        wanted: &Inodes,
        deadline: Instant,
    ) -> io::Result<()> {
        for tasks in tables.tasks.values() {
            let Some((first, others)) = tasks.split_first() else { continue };
            self.read(kernel, Some(first.1), others, wanted, deadline)?;
        }
        // Of a task that ended meanwhile nothing is read, or not all.
        let now = Tables::read(kernel, deadline)?;
        for (table, tasks) in &tables.tasks {
            let still = now.tasks.get(table).is_some_and(|now| now.first() == tasks.first());
            if !still {
                for (pid, _) in tasks {
                    self.seen.remove(pid);
                }
            } else if let Some(((with, _), others)) = tasks.split_first() {
                let others = others.iter().map(|(pid, _)| *pid).filter(|pid| pid != with);
                self.sharers.entry(*with).or_default().extend(others);
            }
        }
        Ok(())
    }

    /// Reads the descriptors of one task, which `others` have too, or of all.
    fn read(
        &mut self,
        kernel: &Kernel,
        task: Option<u32>,
        others: &[Task],
        wanted: &Inodes,
        deadline: Instant,
    ) -> io::Result<()> {
        let reach = kernel.descriptors(task, deadline, |record| {
            let Some(reported) = reported(&record, wanted) else { return };
            self.reported.push(reported);
            // The rings of a table are those of one task: `sharers` names the others.
            for (pid, thread) in others.iter().filter(|_| reported.inode.is_some()) {
                self.reported.push(Reported { pid: *pid, thread: *thread, ..reported });
            }
        })?;
        self.is_cut |= reach == Reach::Cut;
        Ok(())
    }

    /// The processes among `pids` that the kernel did not show.
    pub(super) fn unseen(&self, pids: &[Pid]) -> Vec<Pid> {
        pids.iter().copied().filter(|pid| !self.seen.contains(pid)).collect()
    }

    /// What /proc shows of it too.
    pub(super) fn confirmed(&mut self, search: &Search<'_>, proc: &OwnedFd) -> Findings {
        self.reported.sort_unstable();
        let candidates = self.reported.chunk_by(|a, b| (a.pid, a.thread) == (b.pid, b.thread));
        let candidates: Vec<Candidates> = candidates.map(Candidates).collect();
        let mut findings = search_all(&candidates, search, |searcher, candidates| {
            searcher.confirm(proc, candidates);
        });
        findings.name_threads();
        findings
    }
}

impl Tables {
    fn read(kernel: &Kernel, deadline: Instant) -> io::Result<Self> {
        let mut tables = Self::default();
        kernel.tables(deadline, |record| {
            if let What::Table { identity, size } = record.what {
                let task = (Pid(record.process), record.thread);
                tables.tasks.entry(identity).or_default().push(task);
                tables.sizes.insert(identity, size);
            }
        })?;
        Ok(tables)
    }

    /// How many numbers are looked at again where every task is.
    fn shared(&self) -> u64 {
        let again = self.tasks.iter().map(|(table, tasks)| {
            let size = self.sizes.get(table).copied().unwrap_or_default();
            u64::from(size).saturating_mul(tasks.len().saturating_sub(1) as u64)
        });
        again.fold(0, u64::saturating_add)
    }
}

/// What a record says, if it is of something wanted.
fn reported(record: &Record, wanted: &Inodes) -> Option<Reported> {
    let (inode, descriptor) = match record.what {
        What::Socket { inode, descriptor } if wanted.contains(&inode) => (Some(inode), descriptor),
        What::Ring { descriptor } => (None, descriptor),
        What::Socket { .. } | What::Table { .. } => return None,
    };
    Some(Reported { pid: Pid(record.process), thread: record.thread, descriptor, inode })
}
