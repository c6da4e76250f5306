//! Descriptors of TCP and UDP sockets that are in no table of the kernel that was read: bound and
//! no more (before Linux 6.8), of a network namespace that is not known, or bound to nothing.
//!
//! [`round`] reads the descriptors of every user's processes, within a [`budget`]; [`examiner`] asks
//! what they are; [`missed`] is what was not examined. [`unconnected`] only counts those of TCP.
//!
//! The extended attribute `system.sockprotoname` says what kind of socket a descriptor has. It is read
//! through a descriptor with O_PATH, which opens no file and asks no file system but that of sockets:
//! a process may exchange its descriptors at any time. Only then is a socket copied.

mod budget;
mod examiner;
mod missed;
mod round;
mod unconnected;

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

use self::budget::{Budget, Deadline, ROUNDS};
use self::examiner::{Candidate, Examined, Examiner};
use self::missed::Spent;
pub(super) use self::missed::{Missed, name_or_number};
use self::round::{Process, Round, list};
pub(super) use self::unconnected::unconnected;
use super::bounds;
use super::copied::Copied;
use super::owners::Inodes;
use super::proc_dir::open_proc;
use crate::model::{Pid, Protocol};

/// The protocols of which sockets are copied.
pub(super) type Protocols = &'static [Protocol];

/// TCP alone.
pub(super) const TCP: Protocols = &[Protocol::Tcp];

/// Both.
pub(super) const ALL: Protocols = &[Protocol::Tcp, Protocol::Udp];

/// Calls `visit` for each socket of `protocols` that some process has a descriptor of and that is not
/// among `listed`, once, as far as the budgets go.
///
/// # Errors
/// When /proc cannot be read at all.
pub(super) fn search(
    listed: &Inodes,
    protocols: Protocols,
    visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
) -> std::io::Result<Missed> {
    search_within(&ROUNDS, listed, protocols, visit)
}

fn search_within(
    rounds: &[Budget],
    listed: &Inodes,
    protocols: Protocols,
    mut visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
) -> std::io::Result<Missed> {
    let proc = open_proc()?;
    let (processes, missed) = list(&proc)?;
    let deadline = Deadline::after(bounds::DESCRIPTORS_TIME);
    let mut hunt = Hunt { proc, listed, protocols, deadline, known: Inodes::default(), missed };
    let mut left = processes.clone();
    let mut cut = Spent::new();
    for budget in rounds {
        cut = hunt.round(*budget, &left, &mut visit);
        left.retain(|process| cut.contains_key(&process.user));
        if cut.is_empty() {
            break;
        }
    }
    if !hunt.missed.changed.is_empty() {
        hunt.follow(processes, &mut visit);
    }
    for (user, count) in cut {
        hunt.missed.spend(user, count);
    }
    Ok(hunt.missed)
}

/// A search in its rounds.
struct Hunt<'a> {
    proc: OwnedFd,
    listed: &'a Inodes,
    protocols: Protocols,
    deadline: Deadline,
    /// The sockets that were met.
    known: Inodes,
    missed: Missed,
}

impl Hunt<'_> {
    /// Examines what `processes` hold, and returns what is beyond their users' budgets.
    fn round(
        &mut self,
        budget: Budget,
        processes: &[Process],
        visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
    ) -> Spent {
        let mut round = Round::new(&self.proc, budget, [self.listed, &self.known], self.deadline);
        for process in processes {
            round.read(*process);
        }
        let Round { candidates, is_unreadable, spent, .. } = round;
        self.missed.is_unreadable |= is_unreadable;
        self.known.extend(candidates.iter().map(|candidate| candidate.inode));
        self.missed.examine(candidates, self.protocols, self.deadline, visit);
        // Whoever has them now, they have not been examined.
        for inode in self.missed.changed.keys() {
            self.known.remove(inode);
        }
        spent
    }

    /// Reads all processes again: a socket that is not where it was has been closed, or another
    /// descriptor has it, perhaps another process's. Then those that have changed meanwhile: each
    /// time there is less between the reading and the examination. Those that always change stay in
    /// what was missed.
    fn follow(
        &mut self,
        mut processes: Vec<Process>,
        mut visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
    ) {
        for _ in 0..FOLLOWED {
            self.missed.changed.clear();
            for (user, count) in self.round(ROUNDS[1], &processes, &mut visit) {
                self.missed.spend(user, count);
            }
            let changed: BTreeSet<Pid> = self.missed.changed.values().flatten().copied().collect();
            if changed.is_empty() {
                return;
            }
            processes.retain(|process| changed.contains(&process.pid));
        }
    }
}

/// How often processes are read again that change all the time.
const FOLLOWED: usize = 3;

impl Missed {
    /// Examines candidates until the deadline.
    fn examine(
        &mut self,
        mut candidates: Vec<Candidate>,
        protocols: Protocols,
        deadline: Deadline,
        mut visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
    ) {
        candidates.sort_unstable();
        let mut examiner = Examiner::new(candidates, protocols);
        while !deadline.is_over() {
            let visited = match examiner.next() {
                Some(Ok(Examined::Inet(protocol, copied))) => visit(protocol, &copied),
                Some(Ok(Examined::Other)) => Ok(()),
                Some(Ok(Examined::Changed(inode, pids))) => {
                    self.changed.entry(inode).or_default().extend(pids);
                    Ok(())
                }
                Some(Err(error)) => Err(error),
                None => break,
            };
            visited.unwrap_or_else(|error| self.refuse(error));
        }
        examiner.rest().iter().for_each(|candidate| self.spend(candidate.user, 1));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use rustix::io::Errno;

    use super::*;
    use crate::model::{Gap, TcpState, Uid};
    use crate::platform::linux::ffi::with_own_descriptors;

    fn inode(file: &impl AsRawFd) -> u64 {
        fs::metadata(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap().st_ino()
    }

    /// The protocols of the sockets with these inodes, in the order of the search.
    fn found(of: &[u64], listed: &[u64]) -> Vec<(u64, Protocol)> {
        let listed = listed.iter().copied().collect();
        let mut found = Vec::new();
        search(&listed, ALL, |protocol, copied| {
            let inode = copied.row("0.0.0.0:0".parse().unwrap(), TcpState::Bound)?.inode;
            found.extend(inode.filter(|inode| of.contains(inode)).map(|inode| (inode, protocol)));
            Ok(())
        })
        .unwrap();
        found
    }

    #[test]
    fn each_socket_is_visited_once_unless_it_is_listed_or_of_another_kind() {
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let _duplicate = tcp.try_clone().unwrap();
        let udp = UdpSocket::bind("[::1]:0").or_else(|_| UdpSocket::bind("127.0.0.1:0")).unwrap();
        let unix = std::os::unix::net::UnixDatagram::unbound().unwrap();
        let all = [inode(&tcp), inode(&udp), inode(&unix)];
        let mut expected = vec![(all[0], Protocol::Tcp), (all[1], Protocol::Udp)];
        expected.sort_unstable();
        assert_eq!(found(&all, &[]), expected);
        assert_eq!(found(&all, &all[..1]), [(all[1], Protocol::Udp)]);
        // Copied into a table that is not the process's.
        assert_eq!(with_own_descriptors(|| found(&all, &[])).unwrap(), expected);
    }

    #[test]
    fn what_is_beyond_a_budget_is_counted() {
        let held: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let own = Uid(rustix::process::getuid().as_raw());
        for (read, examined) in [(usize::MAX, 1), (1, usize::MAX)] {
            let rounds = [Budget { read, examined, ..ROUNDS[1] }; 2];
            let missed = search_within(&rounds, &Inodes::default(), ALL, |_, _| Ok(())).unwrap();
            assert!(missed.spent.contains_key(&own), "{missed:?}");
            assert!(!missed.is_nothing());
            let count = missed.beyond_budget().and_then(|gap| gap.count());
            assert_eq!(count, Some(missed.spent.values().sum()));
        }
        let missed = search(&Inodes::default(), TCP, |_, _| Ok(())).unwrap();
        assert_eq!(missed.beyond_budget(), None, "{missed:?}");
        drop(held);
    }

    #[test]
    fn what_a_first_round_left_is_examined_once_in_the_next() {
        let held: Vec<_> = (0..3).map(|_| UdpSocket::bind("127.0.0.1:0").unwrap()).collect();
        let wanted: Vec<u64> = held.iter().map(inode).collect();
        let rounds = [Budget { read: 40, examined: 1, ..ROUNDS[1] }, ROUNDS[1]];
        let mut found = Vec::new();
        let missed = search_within(&rounds, &Inodes::default(), ALL, |_, copied| {
            let row = copied.row("0.0.0.0:0".parse().unwrap(), TcpState::Bound)?;
            found.extend(row.inode.filter(|inode| wanted.contains(inode)));
            Ok(())
        })
        .unwrap();
        found.sort_unstable();
        assert_eq!(found, wanted, "{missed:?}");
        assert!(missed.spent.is_empty(), "{missed:?}");
    }

    #[test]
    fn what_another_descriptor_has_by_now_is_examined() {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let proc = open_proc().unwrap();
        let (processes, missed) = list(&proc).unwrap();
        let (listed, known) = Default::default();
        let deadline = Deadline::after(bounds::DESCRIPTORS_TIME);
        let mut hunt = Hunt { proc, listed: &listed, protocols: ALL, deadline, known, missed };
        // It was met, and then it was not where it had been.
        hunt.round(ROUNDS[1], &processes, |_, _| Ok(()));
        let had = BTreeSet::from([Pid(std::process::id())]);
        hunt.known.remove(&inode(&held));
        hunt.missed.changed.insert(inode(&held), had);
        let mut found = Vec::new();
        hunt.follow(processes, |_, copied| {
            found.extend(copied.row("0.0.0.0:0".parse().unwrap(), TcpState::Bound)?.inode);
            Ok(())
        });
        assert!(found.contains(&inode(&held)), "{:?}", hunt.missed);
    }

    #[test]
    fn what_cannot_be_examined_is_counted() {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let missed = search(&Inodes::default(), ALL, |_, _| Err(Errno::PERM)).unwrap();
        assert!(missed.refused.is_some_and(|(count, why)| count > 0 && why == Errno::PERM));
        let Some(Gap::SocketsUnexamined { .. }) = missed.refusal() else { panic!("{missed:?}") };
        drop(held);
    }
}
