//! Descriptors of TCP and UDP sockets that are in no table of the kernel that was read: bound and
//! no more (before Linux 6.8), of a network namespace that is not known, or bound to nothing.
//!
//! What kind of socket it is tells the extended attribute `system.sockprotoname`, asked through a
//! descriptor with O_PATH: that opens no file, and no file system is asked but the sockets' own
//! (a process may exchange its descriptors at any time). Only then is a socket copied.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustc_hash::FxHashMap;
use rustix::io::Errno;

use super::bounds;
use super::copied::Copied;
use super::examiner::{Candidate, Examined, Examiner};
use super::owners::Inodes;
use super::owners::Table;
use super::owners::{LONGEST_LINK, can_be_named, read_link, socket_inode};
use super::proc_dir::{Entries, is_first_pid_namespace, is_gone, open_proc, read_file};
use super::user_name;
use crate::model::{Gap, Pid, Protocol, Uid, Untrusted};
use crate::platform::decode::proc_status;
use crate::platform::reason;

/// What may be spent on one user's processes in a round.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// How many descriptors are read.
    read: usize,
    /// How many of those that are in no table are examined.
    examined: usize,
    /// How long they are read, in time on a core.
    time: Duration,
}

/// The first round is enough for nearly every user, and so short that one with many descriptors
/// does not use up the time that those of all others take.
const ROUNDS: [Budget; 2] = [
    Budget {
        read: bounds::DESCRIPTORS_FIRST,
        examined: bounds::EXAMINED_FIRST,
        time: bounds::DESCRIPTORS_TIME_FIRST,
    },
    Budget {
        read: bounds::DESCRIPTORS_OF_USER,
        examined: bounds::EXAMINED_OF_USER,
        time: bounds::DESCRIPTORS_TIME,
    },
];

/// What a search has left out.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Sockets that could not be examined, and the first reason.
    pub(super) refused: Option<(usize, Errno)>,
    /// Descriptors beyond a user's budget.
    pub(super) spent: Spent,
    /// Whether some process could not be read.
    pub(super) is_unreadable: bool,
    /// Whether there may be processes that this PID namespace does not show.
    pub(super) is_inside: bool,
    /// Processes whose descriptors were not what they had been a moment before.
    changed: BTreeSet<Pid>,
}

impl Missed {
    /// Whether every descriptor was examined.
    pub(super) fn is_nothing(&self) -> bool {
        self.refused.is_none()
            && self.spent.is_empty()
            && self.changed.is_empty()
            && !self.is_unreadable
            && !self.is_inside
    }

    /// The gap of those beyond a user's budget.
    pub(super) fn beyond_budget(&self) -> Option<Gap> {
        let users = self.spent.keys().map(|&uid| name_or_number(uid)).collect();
        let count = self.spent.values().sum();
        (count > 0).then_some(Gap::DescriptorsUnexamined { count, users })
    }

    /// The gap of those that could not be examined.
    pub(super) fn refusal(&self) -> Option<Gap> {
        let (count, error) = self.refused?;
        Some(Gap::SocketsUnexamined { count, why: reason(&error.into()) })
    }

    fn spend(&mut self, user: Uid, count: usize) {
        *self.spent.entry(user).or_default() += count;
    }

    fn refuse(&mut self, error: Errno) {
        self.refused = Some(self.refused.map_or((1, error), |(count, first)| (count + 1, first)));
    }
}

/// The name of a user, or else the number.
pub(super) fn name_or_number(uid: Uid) -> Untrusted {
    user_name(uid).unwrap_or_else(|| uid.to_string().into())
}

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
    let (mut processes, missed) = list(&proc)?;
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
    let changed = std::mem::take(&mut hunt.missed.changed);
    processes.retain(|process| changed.contains(&process.pid));
    hunt.follow(processes, &mut visit);
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
        spent
    }

    /// Reads processes again that have changed since they were read: each time there is less between
    /// the reading and the examination. Those that always change stay in what was missed.
    fn follow(
        &mut self,
        mut processes: Vec<Process>,
        mut visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
    ) {
        for _ in 0..FOLLOWED {
            if processes.is_empty() {
                return;
            }
            self.round(ROUNDS[0], &processes, &mut visit);
            let changed = std::mem::take(&mut self.missed.changed);
            processes.retain(|process| changed.contains(&process.pid));
        }
        self.missed.changed.extend(processes.iter().map(|process| process.pid));
    }
}

/// When a search has to end, in time that this process has been on a core: what others do on the
/// machine takes nothing from it.
#[derive(Clone, Copy)]
struct Deadline(Duration);

impl Deadline {
    fn after(limit: Duration) -> Self {
        Self(time_of_this_process() + limit)
    }

    fn is_over(self) -> bool {
        time_of_this_process() > self.0
    }
}

fn time_of_this_process() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// Asking for the time is a system call, as is reading a descriptor.
const READ_BETWEEN: usize = 64;

/// How often processes are read again that change all the time.
const FOLLOWED: usize = 3;

/// A process, and whose it is.
#[derive(Clone, Copy)]
struct Process {
    pid: Pid,
    user: Uid,
}

/// All processes, root's first, and whether some are not among them.
fn list(proc: &OwnedFd) -> std::io::Result<(Vec<Process>, Missed)> {
    let pids = Entries::new().numbers(proc).collect::<Result<Vec<_>, _>>()?;
    let missed = Missed {
        is_unreadable: !pids.contains(&1),
        is_inside: is_first_pid_namespace() != Some(true),
        ..Missed::default()
    };
    let user = |pid| {
        let status = read_file(proc, format!("{pid}/status"));
        status.ok().and_then(|status| proc_status::real_user(&status)).unwrap_or(Uid(0))
    };
    let mut processes: Vec<Process> =
        pids.into_iter().map(|pid| Process { pid: Pid(pid), user: user(pid) }).collect();
    processes.sort_by_key(|process| process.user.0 != 0);
    Ok((processes, missed))
}

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
                Some(Ok(Examined::Changed(mut pids))) => {
                    self.changed.append(&mut pids);
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

/// Descriptors beyond each user's budget.
type Spent = BTreeMap<Uid, usize>;

/// What has been taken of a user's budget.
#[derive(Clone, Copy, Debug, Default)]
struct Taken {
    read: usize,
    examined: usize,
    time: Duration,
}

impl Taken {
    fn is_all(&self, budget: &Budget) -> bool {
        self.read >= budget.read || self.time > budget.time
    }
}

/// A reading of descriptors: those of sockets that are in no table, as far as the budgets go.
struct Round<'a> {
    proc: &'a OwnedFd,
    budget: Budget,
    /// The inodes of sockets that need not be examined.
    known: [&'a Inodes; 2],
    deadline: Deadline,
    /// See [`can_be_named`].
    can_be_named: bool,
    entries: Entries,
    candidates: Vec<Candidate>,
    is_unreadable: bool,
    spent: Spent,
    taken: FxHashMap<Uid, Taken>,
}

impl<'a> Round<'a> {
    fn new(proc: &'a OwnedFd, budget: Budget, known: [&'a Inodes; 2], deadline: Deadline) -> Self {
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
    fn read(&mut self, process: Process) {
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
        let Process { pid, user } = process;
        let taken = taken.entry(user).or_default();
        let mut since = time_of_this_process();
        let result = table.for_each(0..u32::MAX, entries, |descriptor| {
            let mut is_late = false;
            if taken.read.is_multiple_of(READ_BETWEEN) {
                let now = time_of_this_process();
                taken.time += now.saturating_sub(std::mem::replace(&mut since, now));
                is_late = deadline.is_over();
            }
            if is_late || taken.is_all(budget) {
                *spent.entry(user).or_default() += 1;
                // The rest of this table is not read: there is no end to what a user can open.
                return Err(Errno::SRCH);
            }
            taken.read += 1;
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(table, descriptor, &mut buffer)? else { return Ok(false) };
            let is_new = |inode: &u64| known.iter().all(|known| !known.contains(inode));
            let Some(inode) = socket_inode(link).filter(is_new) else { return Ok(true) };
            taken.examined += 1;
            if taken.examined > budget.examined {
                *spent.entry(user).or_default() += 1;
            } else {
                candidates.push(Candidate { inode, pid, descriptor, user });
            }
            Ok(true)
        });
        taken.time += time_of_this_process().saturating_sub(since);
        self.is_unreadable |= result.is_err_and(|error| !is_gone(error));
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;
    use crate::model::TcpState;

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
    fn what_cannot_be_examined_is_counted() {
        let held = UdpSocket::bind("127.0.0.1:0").unwrap();
        let missed = search(&Inodes::default(), ALL, |_, _| Err(Errno::PERM)).unwrap();
        assert!(missed.refused.is_some_and(|(count, why)| count > 0 && why == Errno::PERM));
        let Some(Gap::SocketsUnexamined { .. }) = missed.refusal() else { panic!("{missed:?}") };
        drop(held);
    }

    #[test]
    fn a_descriptor_that_has_changed_is_left_alone() {
        let file = fs::File::open("/dev/null").unwrap();
        let (own, descriptor) = (Pid(std::process::id()), file.as_raw_fd().cast_unsigned());
        assert!(Copied::of(own, descriptor, inode(&file)).unwrap().is_none());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let descriptor = socket.as_raw_fd().cast_unsigned();
        assert!(Copied::of(own, descriptor, inode(&socket) + 1).unwrap().is_none());
        assert!(Copied::of(own, descriptor, inode(&socket)).unwrap().is_some());
    }
}
