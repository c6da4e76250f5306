//! Descriptors that were found before, looked at by their links in /proc.

use std::os::fd::OwnedFd;

use super::descriptors::Table;
use super::findings::{Findings, Ring};
use super::parallel::{Place, search_all};
use super::search::{Search, user_of};
use super::searcher::{LONGEST_LINK, RING, Searcher, read_link, socket_inode};
use crate::model::{Holder, LeftOut, Pid, Uid};

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

/// What the links show: the sockets among those that are searched for, and the io_urings. `links` are in order.
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
        let user = payer_of(proc, &table, links);
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
            if let Some(link) = read_link(&table, one.descriptor, &mut buffer)? {
                self.take(*one, link, user);
            }
        }
        Ok(())
    }

    /// Takes what its link shows.
    fn take(&mut self, one: Link, link: &[u8], user: Uid) {
        let Link { pid, thread, descriptor } = one;
        if link == RING {
            self.findings.rings.push(Ring { pid, thread, descriptor, user });
        } else if let Some(inode) = socket_inode(link).filter(|it| self.shared.wanted.contains(it))
        {
            self.findings.held.push((inode, one.holder()));
        }
    }
}

/// From whose time these are read. Few are not worth asking whose a process is that looks like root's.
fn payer_of(proc: &OwnedFd, table: &Table, links: &[Link]) -> Uid {
    match links.first() {
        Some(one) if links.len() > READ_BETWEEN => user_of(proc, one.pid, table.user()),
        _ => table.user(),
    }
}
