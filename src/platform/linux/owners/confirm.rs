//! What may be an io_uring by its name, looked at by its link in /proc.

use std::os::fd::OwnedFd;

use super::findings::{Findings, Ring};
use super::parallel::{Place, search_all};
use super::search::{Search, user_of};
use super::searcher::{LONGEST_LINK, RING, Searcher, read_link};
use crate::model::{Holder, LeftOut, Pid};

/// A descriptor.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Link {
    /// The process.
    pub(super) pid: Pid,
    /// The thread in whose table it is.
    pub(super) thread: u32,
    /// Its number there.
    pub(super) descriptor: u32,
}

/// Those of one thread.
#[derive(Debug)]
struct Links<'a>(&'a [Link]);

impl Place for Links<'_> {
    const PER_THREAD: usize = 64;
}

/// How many links are read before the user's time is looked at.
const READ_BETWEEN: usize = 64;

/// Those of `links`, which are in order, that are io_urings.
pub(super) fn confirmed(links: &[Link], search: &Search<'_>, proc: &OwnedFd) -> Findings {
    let of_threads = links.chunk_by(|a, b| (a.pid, a.thread) == (b.pid, b.thread));
    let of_threads: Vec<Links<'_>> = of_threads.map(Links).collect();
    search_all(&of_threads, search, |searcher, links| searcher.confirm(proc, links.0))
}

impl Link {
    /// Who holds what it leads to.
    pub(super) fn holder(self) -> Holder {
        Holder { pid: self.pid, descriptor: Some(self.descriptor) }
    }

    /// Whether it is in the table of the process itself.
    pub(super) fn is_of_first_thread(self) -> bool {
        self.pid.0 == self.thread
    }
}

impl Searcher<'_> {
    /// Looks at those of one thread.
    fn confirm(&mut self, proc: &OwnedFd, links: &[Link]) {
        let Some(one @ Link { pid, thread, .. }) = links.first() else { return };
        let task =
            if one.is_of_first_thread() { pid.to_string() } else { format!("{pid}/task/{thread}") };
        let confirmed = self.confirm_table(proc, &task, links);
        self.note_refusal(confirmed, proc, format!("{task}/stat"));
    }

    fn confirm_table(
        &mut self,
        proc: &OwnedFd,
        task: &str,
        links: &[Link],
    ) -> rustix::io::Result<()> {
        let Some(table) = self.open(proc, format!("{task}/fd"))? else { return Ok(()) };
        let user = links.first().map_or(table.user(), |one| user_of(proc, one.pid, table.user()));
        for (place, one) in links.iter().enumerate() {
            if place.is_multiple_of(READ_BETWEEN) {
                self.shared.budgets.note_time(user, self.stopwatch.lap());
                if self.shared.budgets.is_late(user) {
                    let descriptors = links.len() - place;
                    self.leave_out(user, LeftOut { descriptors, ..LeftOut::default() });
                    break;
                }
            }
            let mut buffer = [0; LONGEST_LINK];
            if read_link(&table, one.descriptor, &mut buffer)? == Some(RING) {
                let Link { pid, thread, descriptor } = *one;
                self.findings.rings.push(Ring { pid, thread, descriptor, user });
            }
        }
        Ok(())
    }
}
