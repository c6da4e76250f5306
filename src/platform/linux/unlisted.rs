//! Descriptors of TCP and UDP sockets that are in no table of the kernel that was read: bound and
//! no more (before Linux 6.8), of a network namespace that is not known, or bound to nothing.
//!
//! What kind of socket it is tells the extended attribute `system.sockprotoname`, asked through a
//! descriptor with O_PATH: that opens no file, and no file system is asked but the sockets' own
//! (a process may exchange its descriptors at any time). Only then is a socket copied.

use std::collections::BTreeMap;
use std::fs;
use std::os::fd::OwnedFd;
use std::os::linux::fs::MetadataExt;
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;
use rustix::io::Errno;

use super::copied::Copied;
use super::examiner::{Candidate, Examined, Examiner};
use super::owners::Inodes;
use super::owners::Table;
use super::owners::{LONGEST_LINK, read_link, socket_inode};
use super::proc_dir::{Entries, is_gone, open_proc, read_file};
use super::user_name;
use crate::model::{Gap, Pid, Protocol, Uid, Untrusted};
use crate::platform::decode::proc_status;
use crate::platform::reason;

/// What may be spent on one user's processes.
#[derive(Clone, Copy, Debug)]
struct Budget {
    /// How many descriptors are read.
    read: usize,
    /// How many of those that are in no table are examined.
    examined: usize,
}

const BUDGET: Budget = Budget { read: DESCRIPTORS_OF_A_USER, examined: EXAMINED_OF_A_USER };

/// How long a search takes at most, whatever the budgets are worth on this machine.
const LONGEST: Duration = Duration::from_secs(4);

/// How many descriptors are read of one user's processes. The same as the walk for owners allows
/// (an honest server with a million loses nothing): about a microsecond each.
const DESCRIPTORS_OF_A_USER: usize = 2_000_000;

/// How many of those that are in no table are examined, duplicates included. AF_UNIX sockets are
/// among them, of which a desktop has a few thousand; six system calls each, about 5 microseconds.
const EXAMINED_OF_A_USER: usize = 131_072;

/// `PROC_PID_INIT_INO` in the kernel: the machine's own PID namespace.
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// What a search has left out.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// Sockets that could not be examined, and the first reason.
    pub(super) refused: Option<(usize, Errno)>,
    /// Descriptors beyond a user's budget.
    pub(super) spent: BTreeMap<Uid, usize>,
    /// Whether some process could not be read.
    pub(super) is_unreadable: bool,
    /// Whether there may be processes that this PID namespace does not show.
    pub(super) is_inside: bool,
}

impl Missed {
    /// Whether every descriptor was examined.
    pub(super) fn is_nothing(&self) -> bool {
        self.refused.is_none() && self.spent.is_empty() && !self.is_unreadable && !self.is_inside
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

    fn spend(&mut self, user: Uid) {
        *self.spent.entry(user).or_default() += 1;
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
    search_within(BUDGET, listed, protocols, visit)
}

fn search_within(
    budget: Budget,
    listed: &Inodes,
    protocols: Protocols,
    mut visit: impl FnMut(Protocol, &Copied) -> rustix::io::Result<()>,
) -> std::io::Result<Missed> {
    let proc = open_proc()?;
    let mut list = List::new(&proc, budget, listed);
    list.read_all()?;
    let List { mut candidates, mut missed, started, .. } = list;
    candidates.sort_unstable();
    let mut examiner = Examiner::new(candidates, protocols);
    while started.elapsed() < LONGEST {
        let visited = match examiner.next() {
            Some(Ok(Examined::Inet(protocol, copied))) => visit(protocol, &copied),
            Some(Ok(Examined::Other)) => Ok(()),
            Some(Err(error)) => Err(error),
            None => break,
        };
        visited.unwrap_or_else(|error| missed.refuse(error));
    }
    examiner.rest().iter().for_each(|candidate| missed.spend(candidate.user));
    Ok(missed)
}

/// The descriptors of sockets that are in no table, as far as the budgets go.
struct List<'a> {
    proc: &'a OwnedFd,
    budget: Budget,
    listed: &'a Inodes,
    candidates: Vec<Candidate>,
    missed: Missed,
    started: Instant,
    /// What has been taken of each user's budgets: descriptors read, and candidates.
    taken: FxHashMap<Uid, (usize, usize)>,
}

impl<'a> List<'a> {
    fn new(proc: &'a OwnedFd, budget: Budget, listed: &'a Inodes) -> Self {
        let (candidates, missed, taken) = (Vec::new(), Missed::default(), FxHashMap::default());
        let started = Instant::now();
        Self { proc, budget, listed, candidates, missed, started, taken }
    }

    fn read_all(&mut self) -> std::io::Result<()> {
        let mut entries = Entries::new();
        let pids = entries.numbers(self.proc).collect::<Result<Vec<_>, _>>()?;
        self.missed.is_unreadable = !pids.contains(&1);
        self.missed.is_inside = !in_first_pid_namespace();
        for pid in pids {
            match self.read(Pid(pid), &mut entries) {
                Err(error) if !is_gone(error) => self.missed.is_unreadable = true,
                _ => {}
            }
        }
        Ok(())
    }

    /// Reads a process's descriptors.
    fn read(&mut self, pid: Pid, entries: &mut Entries) -> rustix::io::Result<()> {
        let Some(table) = Table::open(self.proc, format!("{pid}/fd"), false)? else {
            return Ok(());
        };
        let status = read_file(self.proc, format!("{pid}/status"))?;
        let user = proc_status::real_user(&status).unwrap_or(Uid(0));
        let Self { budget, listed, candidates, missed, taken, .. } = self;
        let started = self.started;
        let (read, examined) = taken.entry(user).or_default();
        table.for_each(0..u32::MAX, entries, |descriptor| {
            *read += 1;
            if *read > budget.read || started.elapsed() > LONGEST {
                missed.spend(user);
                // The rest of this table is not read: there is no end to what a user can open.
                return Err(Errno::SRCH);
            }
            let mut buffer = [0; LONGEST_LINK];
            let Some(link) = read_link(&table, descriptor, &mut buffer)? else { return Ok(false) };
            let inode = socket_inode(link).filter(|inode| !listed.contains(inode));
            let Some(inode) = inode else { return Ok(true) };
            *examined += 1;
            if *examined > budget.examined {
                missed.spend(user);
            } else {
                candidates.push(Candidate { inode, pid, descriptor, user });
            }
            Ok(true)
        })
    }
}

/// Whether every process of the machine has a number here.
fn in_first_pid_namespace() -> bool {
    fs::metadata("/proc/self/ns/pid").is_ok_and(|link| link.st_ino() == FIRST_PID_NAMESPACE)
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, UdpSocket};
    use std::os::fd::AsRawFd;

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
            let budget = Budget { read, examined };
            let missed = search_within(budget, &Inodes::default(), ALL, |_, _| Ok(())).unwrap();
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
