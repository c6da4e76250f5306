//! What the kernel reported, confirmed by the links in /proc.

use std::os::fd::OwnedFd;

use super::descriptors::Table;
use super::findings::Ring;
use super::parallel::Place;
use super::search::user_of;
use super::searcher::{LONGEST_LINK, RING, Searcher, read_link, socket_inode};
use crate::model::{Holder, LeftOut, Pid, Uid};

/// A descriptor that the kernel reported.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Reported {
    /// The process.
    pub(super) pid: Pid,
    /// The thread in whose table it is.
    pub(super) thread: u32,
    /// Its number there.
    pub(super) descriptor: u32,
    /// The inode of a socket; none of what may be an io_uring.
    pub(super) inode: Option<u64>,
    /// The table that it is in.
    pub(super) table: u64,
    /// How many references there are to the socket, where the table is looked at for this thread alone.
    pub(super) references: Option<u64>,
}

/// Those of one thread.
#[derive(Debug)]
pub(super) struct Candidates<'a>(pub(super) &'a [Reported]);

impl Place for Candidates<'_> {
    const PER_THREAD: usize = 64;
}

/// How many links are read before the user's time is looked at.
const READ_BETWEEN: usize = 64;

impl Searcher<'_> {
    /// Confirms what one thread has.
    pub(super) fn confirm(&mut self, proc: &OwnedFd, candidates: &Candidates<'_>) {
        let Some(Reported { pid, thread, .. }) = candidates.0.first() else { return };
        let task = if pid.0 == *thread { pid.to_string() } else { format!("{pid}/task/{thread}") };
        let confirmed = self.confirm_table(proc, &task, candidates.0);
        self.note_refusal(confirmed, proc, format!("{task}/stat"));
    }

    fn confirm_table(
        &mut self,
        proc: &OwnedFd,
        task: &str,
        reported: &[Reported],
    ) -> rustix::io::Result<()> {
        let Some(table) = self.open(proc, format!("{task}/fd"))? else { return Ok(()) };
        let user = payer_of(proc, &table, reported);
        for (place, one) in reported.iter().enumerate() {
            if place.is_multiple_of(READ_BETWEEN) {
                self.shared.budgets.note_time(user, self.stopwatch.lap());
                if self.shared.budgets.is_late(user) {
                    let descriptors = reported.len() - place;
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

    /// Takes what its link shows to be what was reported.
    fn take(&mut self, reported: Reported, link: &[u8], user: Uid) {
        let Reported { pid, thread, descriptor, inode, .. } = reported;
        let holder = Holder { pid, descriptor: Some(descriptor) };
        match inode {
            None if link == RING => {
                self.findings.rings.push(Ring { pid, thread, descriptor, user });
            }
            Some(inode) if socket_inode(link) == Some(inode) && thread == pid.0 => {
                self.findings.held.push((inode, holder));
            }
            Some(inode) if socket_inode(link) == Some(inode) => {
                self.findings.held_by_threads.push((inode, holder));
            }
            _ => {}
        }
    }
}

/// From whose time these are confirmed. Few are not worth asking whose a process is that looks like root's.
fn payer_of(proc: &OwnedFd, table: &Table, reported: &[Reported]) -> Uid {
    match reported.first() {
        Some(one) if reported.len() > READ_BETWEEN => user_of(proc, one.pid, table.user()),
        _ => table.user(),
    }
}
