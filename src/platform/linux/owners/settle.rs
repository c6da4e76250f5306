//! Sockets that closed, and ports that changed hands, while their owners were searched.
//!
//! The dump and the walk are two moments. A socket without an owner after the walk is asked for
//! again: one that has closed leaves no row, and the sockets that took its port since (its
//! successors) are searched in its place. A process that reopens its port every few milliseconds
//! is never met by a walk of the whole machine, so that in the end a few processes are searched
//! at a time, each time for a new dump.

use std::time::{Duration, Instant};

use rustc_hash::{FxHashMap, FxHashSet};

use super::doubt::{Doubt, Name, Terms, Wanted, name};
use super::everywhere::{NotAnswered, Unsearched};
use super::search::Inodes;
use super::walk::{Processes, Walk};
use crate::model::{Pid, Socket, Uid};

/// How many sockets without an owner are asked for again for each user. More than these are
/// hidden as a rule, or in flight.
pub(super) const ASKED_AGAIN: usize = 512;

/// How often all processes are searched in small groups.
const PASSES: usize = 8;

/// The smallest group of processes between two dumps: reading it takes a fraction of a
/// millisecond.
const GROUP: usize = 8;

/// How many dumps a pass takes at most.
const DUMPS: usize = 256;

/// How long groups are searched at most; a backstop, where a dump takes long by itself.
const CHASE: Duration = Duration::from_secs(1);

/// The sockets after the search, and which of them are new.
pub(super) struct Settled {
    /// The sockets that still exist, and the successors of those that do not.
    pub(super) sockets: Vec<Socket>,
    /// The inodes of successors that closed faster than they could be searched.
    pub(super) changing: Inodes,
}

/// Asks again for those of `sockets` that are `mine`, so that they ought to have been found, and
/// are not in `found`; searches their successors, if they are `wanted`, and adds those to `found`.
///
/// # Errors
/// Where the kernel was asked to search, and does not answer.
pub(super) fn settle(
    mut sockets: Vec<Socket>,
    found: &mut Walk,
    mine: Wanted<'_>,
    wanted: Wanted<'_>,
) -> Result<Settled, NotAnswered> {
    let doubtful = doubtful(&sockets, found, mine);
    if doubtful.is_empty() {
        return Ok(Settled { sockets, changing: Inodes::default() });
    }
    let in_doubt = |socket: &mut Socket| doubtful.contains(&name(socket));
    let rows: Vec<Socket> = sockets.extract_if(.., in_doubt).collect();
    let known = sockets.iter().filter(|socket| socket.holds_port()).map(name).collect();
    let mut doubt = Doubt::new(rows, known, found, Terms { mine, wanted });
    doubt.ask_again();
    if !doubt.sought().is_empty() {
        doubt.search_everywhere()?;
    }
    if !doubt.sought().is_empty() {
        doubt.chase()?;
    }
    let changing = doubt.sought();
    sockets.append(&mut doubt.rows);
    Ok(Settled { sockets, changing })
}

/// The names of the sockets that have no owner and ought to have one. Those of another network
/// namespace cannot be asked for from here.
fn doubtful(sockets: &[Socket], found: &Walk, mine: Wanted<'_>) -> FxHashSet<Name> {
    let is_owned = |inode| inode == 0 || found.holders.get(inode).is_some();
    let unowned = sockets.iter().filter(|socket| !socket.inode.is_none_or(is_owned));
    let mut of_users: FxHashMap<Option<Uid>, Vec<Name>> = FxHashMap::default();
    for socket in unowned.filter(|socket| socket.netns.is_none() && mine(socket)) {
        of_users.entry(socket.uid).or_default().push(name(socket));
    }
    of_users.into_values().filter(|names| names.len() <= ASKED_AGAIN).flatten().collect()
}

impl Doubt<'_> {
    /// Searches the successors in every process; those that are still there afterwards in every
    /// thread and io_uring too. What has no owner then is not found by another search either.
    fn search_everywhere(&mut self) -> Result<(), NotAnswered> {
        let Ok(processes) = Processes::list() else { return Ok(()) };
        let new = self.sought();
        self.add_holders_everywhere(&processes, &new)?;
        self.renew();
        let still_there: Inodes = self.sought().intersection(&new).copied().collect();
        if !still_there.is_empty() {
            self.search_deeply(still_there)?;
        }
        Ok(())
    }

    fn search_deeply(&mut self, inodes: Inodes) -> Result<(), NotAnswered> {
        let mine = self.rows.iter().filter_map(|row| Some((row.inode?, row.uid)));
        let mine = mine.filter(|(inode, _)| inodes.contains(inode)).collect();
        match self.found.search(&inodes, &mine) {
            Ok(()) => {
                self.renew();
                self.searched = inodes;
                Ok(())
            }
            Err(Unsearched::NotAnswered(why)) => Err(why),
            // What the first search found stands.
            Err(Unsearched::Unlisted(_)) => Ok(()),
        }
    }

    /// Searches `pids`, within what is left of their users' budgets.
    fn add_holders(&mut self, processes: &Processes, pids: &[Pid], wanted: &Inodes) -> Vec<Pid> {
        let mut findings = processes.search_these(pids, wanted, &self.found.budgets);
        self.found.holders.add(findings.holders());
        findings.held.iter().map(|(_, holder)| holder.pid).collect()
    }

    /// Searches all processes.
    fn add_holders_everywhere(
        &mut self,
        processes: &Processes,
        wanted: &Inodes,
    ) -> Result<(), NotAnswered> {
        let Walk { budgets, way, .. } = &*self.found;
        let (mut findings, _) = processes.search_everywhere(wanted, budgets, way)?;
        self.found.holders.add(findings.holders());
        self.found.by_kernel |= findings.by_kernel;
        Ok(())
    }

    /// Searches a few processes at a time for what a new dump shows, until everything that is there
    /// has its owner. The newest processes come first, and those that held one of the sockets are
    /// searched each time.
    fn chase(&mut self) -> Result<(), NotAnswered> {
        let deadline = Instant::now() + CHASE;
        let mut suspects = Vec::new();
        for _ in 0..PASSES {
            let Ok(processes) = Processes::list() else { return Ok(()) };
            let size = GROUP.max(processes.pids().len() / DUMPS);
            for group in processes.pids().rchunks(size) {
                self.renew();
                self.search(&processes, group, &mut suspects);
                if self.sought().is_empty() || Instant::now() > deadline {
                    return self.search_again(&processes);
                }
            }
        }
        Processes::list().map_or(Ok(()), |processes| self.search_again(&processes))
    }

    fn search(&mut self, processes: &Processes, group: &[Pid], suspects: &mut Vec<Pid>) {
        let pids = [&suspects[..], group].concat();
        suspects.extend(self.add_holders(processes, &pids, &self.sought()));
        suspects.sort_unstable();
        suspects.dedup();
    }

    /// Searches everywhere who else holds what was found in a few processes.
    fn search_again(&mut self, processes: &Processes) -> Result<(), NotAnswered> {
        let inodes: Inodes = self.successors().filter_map(|row| row.inode).collect();
        self.add_holders_everywhere(processes, &inodes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Protocol};

    fn of_user(uid: u32, cookie: u64) -> Socket {
        let local = Endpoint::new([127, 0, 0, 1].into(), 80);
        Socket {
            uid: Some(Uid(uid)),
            cookie: Some(cookie),
            inode: Some(cookie + 1),
            ..Socket::at(Protocol::Udp, local)
        }
    }

    #[test]
    fn one_users_many_sockets_do_not_keep_anothers_from_being_asked_again() {
        let many = (0..=ASKED_AGAIN as u64).map(|cookie| of_user(1000, cookie));
        let sockets: Vec<Socket> = many.chain([of_user(1001, 1_000_000)]).collect();
        let found = Walk::default();
        let names = |sockets: &[Socket], mine: Wanted<'_>| doubtful(sockets, &found, mine);
        assert_eq!(names(&sockets, &|_| true), FxHashSet::from_iter([name(&sockets[513])]));
        assert_eq!(names(&sockets[1..], &|_| true).len(), ASKED_AGAIN + 1);
        assert!(names(&sockets, &|socket| socket.uid == Some(Uid(0))).is_empty());
    }

    #[test]
    fn another_namespaces_and_the_kernels_sockets_are_not_asked_for() {
        let elsewhere = Socket { netns: Some(7), ..of_user(0, 1) };
        let kernels = Socket { inode: Some(0), ..of_user(0, 2) };
        assert!(doubtful(&[elsewhere, kernels], &Walk::default(), &|_| true).is_empty());
    }
}
