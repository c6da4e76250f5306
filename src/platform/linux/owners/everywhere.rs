//! The search of every process: in /proc, or by the kernel where that pays or was asked for.

use std::io;

use rustix::fs::{AtFlags, statat};
use thiserror::Error;

use super::super::bounds;
use super::super::bpf::Kernel;
use super::budgets::Budgets;
use super::by_kernel::Report;
use super::findings::Findings;
use super::search::{Inodes, Search};
use super::sharers::Sharers;
use super::walk::Processes;
use super::way::Way;

/// From so many processes on their descriptors are counted before the first one is read, at 4 µs for each
/// process. Fewer have many only where some has a large table, whose size is seen before it is read.
const COUNTED: usize = 256;

/// The kernel was asked to search, and began, and failed.
#[derive(Debug, Error)]
#[error("the search failed: {0}")]
pub(in crate::platform::linux) struct NotAnswered(pub(super) io::Error);

/// Why the processes were not searched at all.
#[derive(Debug, Error)]
pub(super) enum Unsearched {
    /// They cannot be listed.
    #[error("{0}")]
    Unlisted(#[from] io::Error),
    /// The kernel alone was to search them.
    #[error("{0}")]
    NotAnswered(#[from] NotAnswered),
}

impl Processes {
    /// Searches all of them, by the way that pays or was asked for.
    ///
    /// # Errors
    /// When the kernel was asked to search, and does not answer.
    pub(super) fn search_everywhere(
        &self,
        wanted: &Inodes,
        budgets: &Budgets,
        way: &Way,
    ) -> Result<(Findings, Sharers), NotAnswered> {
        let Some(patience) = way.patience() else {
            return Ok(self.search(&self.pids, wanted, budgets));
        };
        if let Some(found) = self.search_patiently(wanted, budgets, patience) {
            return Ok(found);
        }
        let Some(kernel) = way.kernel() else {
            return Ok(self.search(&self.pids, wanted, budgets));
        };
        match self.search_by_kernel(kernel, wanted, budgets) {
            Err(_) if !way.is_by_kernel_alone() => Ok(self.search(&self.pids, wanted, budgets)),
            // What was not refused before is, as a rule, not refused now.
            found => found.map_err(NotAnswered),
        }
    }

    /// Searches all of them, unless they have more descriptors than this.
    fn search_patiently(
        &self,
        wanted: &Inodes,
        budgets: &Budgets,
        patience: u64,
    ) -> Option<(Findings, Sharers)> {
        if patience == 0 || (self.pids.len() >= COUNTED && self.have_more_than(patience)) {
            return None;
        }
        let search = Search::new(wanted, budgets, self.can_be_named).with_patience(patience);
        let (findings, unsettled) = self.search_tables_of(&self.pids, &search);
        (!search.is_given_up()).then(|| self.settle_sharers(findings, unsettled, wanted, budgets))
    }

    /// Whether they have more descriptors than this, as far as the kernel shows how many there are.
    fn have_more_than(&self, most: u64) -> bool {
        let mut count: u64 = 0;
        self.can_be_named
            && self.pids.iter().any(|pid| {
                let shown = statat(&self.proc, format!("{pid}/fd"), AtFlags::empty());
                let size = shown.ok().and_then(|stat| u64::try_from(stat.st_size).ok());
                count = count.saturating_add(size.unwrap_or_default());
                count > most
            })
    }

    /// Lets the kernel search.
    fn search_by_kernel(
        &self,
        kernel: &Kernel,
        wanted: &Inodes,
        budgets: &Budgets,
    ) -> io::Result<(Findings, Sharers)> {
        let mut report = Report::of(kernel, wanted, bounds::KERNEL_SEARCH)?;
        let search = Search::new(wanted, budgets, self.can_be_named);
        let mut findings = report.findings(&search, &self.proc);
        findings.by_kernel = true;
        let (others, mut unsettled) =
            self.search_tables(&report.unseen(&self.pids), wanted, budgets);
        for (inode, _) in &others.held {
            findings.counted.remove(inode);
        }
        findings.absorb(others);
        unsettled.extend(report.sharers(&self.proc));
        Ok(self.settle_sharers(findings, unsettled, wanted, budgets))
    }
}
