//! Sockets of TCP that processes keep and that are not connected: reset, or never connected. Nothing
//! is opened or copied for that, so that no socket lives longer for being looked at.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::OwnedFd;

use rustc_hash::FxHashSet;

use super::budget::{Budget, Deadline, ROUNDS};
use super::examiner::Candidate;
use super::missed::Missed;
use super::round::{Process, Round, list};
use crate::model::{Pid, Scope, StateSet, TcpState, Uid, Unconnected};
use crate::platform::linux::bound;
use crate::platform::linux::owners::Inodes;
use crate::platform::linux::proc_dir::{is_gone, open_proc};
use crate::platform::linux::{bounds, namespaces};

/// Examining one takes four system calls.
const EXAMINED_BETWEEN: usize = 64;

/// The sockets of TCP that are BOUND or in no table, of processes of this thread's network namespace that
/// have at least this many of them. Which of the two does not matter: before Linux 6.8 no table has those
/// that are BOUND either.
///
/// # Errors
/// When /proc or the tables cannot be read at all.
pub(in crate::platform::linux) fn unconnected(at_least: usize) -> io::Result<Unconnected> {
    let proc = open_proc()?;
    let listed = listed()?;
    let (processes, missed) = list(&proc)?;
    let mut search = Search { proc, listed, missed };
    let here = search.of_own_namespace(processes)?;
    let deadline = Deadline::after(bounds::DESCRIPTORS_TIME);
    let candidates = search.candidates(&ROUNDS, &here, deadline);
    let mut sockets = search.tcp(candidates, deadline);
    sockets.retain(|_, inodes| inodes.len() >= at_least);
    if !sockets.is_empty() {
        // A process may have sockets of other namespaces, as the resolver of containers has.
        let elsewhere = namespaces::listed(&bound::LISTED_TCP);
        for inodes in sockets.values_mut() {
            inodes.retain(|inode| !elsewhere.contains(inode));
        }
        sockets.retain(|_, inodes| inodes.len() >= at_least);
    }
    let gaps = search.missed.beyond_budget().into_iter().collect();
    Ok(Unconnected { sockets, is_unreadable: search.missed.is_unreadable, gaps })
}

/// The inodes of the sockets of TCP in this network namespace that listen or are connected.
fn listed() -> io::Result<Inodes> {
    let states = StateSet::ALL.without(StateSet::of(&[TcpState::Bound]));
    let table = super::super::tables::listed(&Scope { tcp: states, ..bound::LISTED_TCP })
        .map_err(|error| io::Error::other(error.to_string()))?;
    if table.gaps.iter().any(crate::model::Gap::may_hide_rows) {
        return Err(io::Error::other("a table could not be read"));
    }
    Ok(bound::inodes(&table.sockets))
}

/// A search for sockets that are not connected.
struct Search {
    proc: OwnedFd,
    listed: Inodes,
    missed: Missed,
}

impl Search {
    /// Those of the processes that are in this thread's network namespace.
    fn of_own_namespace(&mut self, mut processes: Vec<Process>) -> io::Result<Vec<Process>> {
        let own = rustix::fs::stat(c"/proc/thread-self/ns/net")?.st_ino;
        processes.retain(|process| {
            let path = format!("{}/ns/net", process.pid);
            match rustix::fs::statat(&self.proc, path, rustix::fs::AtFlags::empty()) {
                Ok(stat) => stat.st_ino == own,
                Err(error) => {
                    self.missed.is_unreadable |= !is_gone(error);
                    false
                }
            }
        });
        Ok(processes)
    }

    /// Their descriptors of sockets that are not listed. Users whose descriptors are not read to the end in a
    /// round are read anew in the next, which has a larger budget for each.
    fn candidates(
        &mut self,
        rounds: &[Budget],
        processes: &[Process],
        deadline: Deadline,
    ) -> Vec<Candidate> {
        let none = Inodes::default();
        let mut found: Vec<Candidate> = Vec::new();
        let mut left = processes.to_vec();
        for (number, budget) in rounds.iter().enumerate() {
            let mut round = Round::new(&self.proc, *budget, [&self.listed, &none], deadline);
            for process in &left {
                round.read(*process);
            }
            let Round { candidates, is_unreadable, spent, .. } = round;
            let is_last = number + 1 == rounds.len() || spent.is_empty();
            self.missed.is_unreadable |= is_unreadable;
            for (user, count) in spent.iter().filter(|_| is_last) {
                self.missed.spend(*user, *count);
            }
            let is_cut = |user: &Uid| !is_last && spent.contains_key(user);
            found.extend(candidates.into_iter().filter(|one| !is_cut(&one.user)));
            left.retain(|process| is_cut(&process.user));
            if left.is_empty() {
                break;
            }
        }
        found
    }

    /// Which of these are of TCP, by process. A socket is examined once.
    fn tcp(
        &mut self,
        mut candidates: Vec<Candidate>,
        deadline: Deadline,
    ) -> BTreeMap<Pid, BTreeSet<u64>> {
        candidates.sort_unstable();
        let mut found: BTreeMap<Pid, BTreeSet<u64>> = BTreeMap::new();
        let sockets = candidates.chunk_by(|one, other| one.inode == other.inode);
        let mut is_late = false;
        for (number, of_one) in sockets.enumerate() {
            is_late |= number.is_multiple_of(EXAMINED_BETWEEN) && deadline.is_over();
            if is_late {
                for one in of_one {
                    self.missed.spend(one.user, 1);
                }
                continue;
            }
            // A descriptor that was closed meanwhile tells nothing, and another may have it still.
            let is_tcp = of_one.iter().find_map(|one| one.is_plain_tcp(&self.proc).ok().flatten());
            if is_tcp == Some(true) {
                let pids: FxHashSet<Pid> = of_one.iter().map(|one| one.pid).collect();
                for pid in pids {
                    found.entry(pid).or_default().extend(of_one.first().map(|one| one.inode));
                }
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use rustix::net::{AddressFamily, SocketFlags, SocketType};

    use super::*;

    fn inode(file: &impl AsRawFd) -> u64 {
        std::fs::metadata(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap().st_ino()
    }

    fn own(found: &Unconnected) -> BTreeSet<u64> {
        found.sockets.get(&Pid(std::process::id())).cloned().unwrap_or_default()
    }

    #[test]
    fn only_sockets_of_tcp_that_are_not_connected_are_found() {
        let unused = |family| {
            let flags = SocketFlags::CLOEXEC;
            rustix::net::socket_with(family, SocketType::STREAM, flags, None).unwrap()
        };
        let (v4, local) = (unused(AddressFamily::INET), unused(AddressFamily::UNIX));
        let _duplicate = v4.try_clone().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let udp = UdpSocket::bind("127.0.0.1:0").unwrap();
        let found = own(&unconnected(1).unwrap());
        let flags = SocketFlags::CLOEXEC;
        let bound =
            rustix::net::socket_with(AddressFamily::INET, SocketType::STREAM, flags, None).unwrap();
        rustix::net::bind(&bound, &std::net::SocketAddr::from(([127, 0, 0, 1], 0))).unwrap();
        assert!(!found.contains(&inode(&bound)) && found.contains(&inode(&v4)), "{found:?}");
        let found = own(&unconnected(1).unwrap());
        assert!(found.contains(&inode(&bound)) && found.contains(&inode(&v4)), "{found:?}");
        for other in [inode(&local), inode(&listener), inode(&client), inode(&udp)] {
            assert!(!found.contains(&other), "{other} in {found:?}");
        }
    }

    #[test]
    fn a_process_with_fewer_is_left_out() {
        assert_eq!(own(&unconnected(100_000).unwrap()), BTreeSet::new());
    }

    #[test]
    fn what_a_small_budget_left_is_read_in_the_next_round() {
        let held: Vec<_> = (0..3)
            .map(|_| {
                let flags = SocketFlags::CLOEXEC;
                let (family, kind) = (AddressFamily::INET, SocketType::STREAM);
                rustix::net::socket_with(family, kind, flags, None).unwrap()
            })
            .collect();
        let proc = open_proc().unwrap();
        let (processes, _) = list(&proc).unwrap();
        let missed = Missed::default();
        let mut search = Search { proc, listed: Inodes::default(), missed };
        let small = Budget { read: 1, ..ROUNDS[1] };
        let deadline = Deadline::after(bounds::DESCRIPTORS_TIME);
        let mut found = |rounds: &[Budget]| {
            let candidates = search.candidates(rounds, &processes, deadline);
            let found: BTreeSet<u64> = candidates.iter().map(|one| one.inode).collect();
            held.iter().filter(|one| found.contains(&inode(*one))).count()
        };
        assert_eq!(found(&[small, ROUNDS[1]]), 3);
        assert_eq!(found(&[small]), 0);
        assert!(search.missed.beyond_budget().is_some());
    }
}
