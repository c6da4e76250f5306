//! Which network namespaces there are: by the threads that live in them, and by what they are bound
//! to in the file system.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use super::super::owners::LINKS_OF_ONE_THREAD;
use super::super::proc_dir::{Entries, is_gone, open_dir, open_proc, read_file};
use super::super::{bounds, ffi, unlisted};
use crate::model::{Gap, Pid, Uid, Untrusted};
use crate::platform::decode::mount_info;
use crate::platform::reason;

/// Where `ip netns` binds its names.
const NAMED: &str = "/run/netns";

/// kthreadd, the parent of the kernel's threads. In a PID namespace below the machine's own it
/// may be any process.
pub(super) const KERNEL_THREADS: Pid = Pid(2);

/// A network namespace.
#[derive(Debug)]
pub(super) struct Namespace {
    /// A descriptor that refers to it, by which it is entered.
    pub(super) link: OwnedFd,
    /// The lowest PID whose first thread lives there.
    pub(super) first: Option<Pid>,
    /// Those of which another thread does: to stay, or on a visit, as one of another portwho.
    pub(super) by_thread: BTreeSet<Pid>,
    /// Whether the kernel's own threads live there: it is the machine's first.
    pub(super) is_first: bool,
    /// The name that it is bound to in the file system.
    pub(super) bound_to: Option<Untrusted>,
}

impl Namespace {
    pub(super) fn new(link: OwnedFd) -> Self {
        Self { link, first: None, by_thread: BTreeSet::new(), is_first: false, bound_to: None }
    }

    fn add(&mut self, pid: Pid, by_first_thread: bool) {
        if by_first_thread {
            self.first = Some(self.first.map_or(pid, |first| first.min(pid)));
            self.is_first |= pid == KERNEL_THREADS;
        } else {
            self.by_thread.insert(pid);
        }
    }

    /// Who may be the first process there.
    pub(super) fn candidates(&self) -> impl Iterator<Item = Pid> {
        let by_thread = self.by_thread.iter().filter(|_| self.first.is_none());
        self.first.into_iter().chain(by_thread.copied())
    }
}

/// The namespaces but this thread's own, as far as each user's budget goes.
pub(super) struct Known {
    own: u64,
    most_of_a_user: usize,
    pub(super) namespaces: BTreeMap<u64, Namespace>,
    /// How many were taken of each user, as far as that can be told.
    taken: BTreeMap<Option<Uid>, usize>,
    /// Those beyond that, with their users.
    beyond: BTreeMap<u64, Option<Uid>>,
    /// Whether every process could be asked for its namespace.
    pub(super) complete: bool,
    /// Why some could not be opened at all.
    failure: Option<Errno>,
}

impl Known {
    pub(super) fn new(most_of_a_user: usize) -> io::Result<Self> {
        let own = fs::metadata("/proc/thread-self/ns/net")?.st_ino();
        let (namespaces, taken, beyond) = Default::default();
        Ok(Self { own, most_of_a_user, namespaces, taken, beyond, complete: true, failure: None })
    }

    /// Lists those that processes live in, then those with a name, and then those that only other
    /// threads live in: a user's budget goes to the first.
    pub(super) fn list(&mut self) -> io::Result<()> {
        allow_descriptors();
        let proc = open_proc()?;
        let mut entries = Entries::new();
        let pids = entries.numbers(&proc).collect::<Result<Vec<_>, _>>()?;
        self.complete = pids.contains(&1);
        for &pid in &pids {
            self.add_thread(&proc, &format!("{pid}/ns/net"), Pid(pid), true);
        }
        for (inode, path) in bound_namespaces() {
            self.add_bound(inode, &path);
        }
        for &pid in &pids {
            let threads = other_threads(&proc, pid, &mut entries);
            for thread in threads.unwrap_or_else(|error| self.miss(error)) {
                self.add_thread(&proc, &format!("{pid}/task/{thread}/ns/net"), Pid(pid), false);
            }
        }
        Ok(())
    }

    /// Adds the namespace that a thread lives in.
    fn add_thread(&mut self, proc: &OwnedFd, link: &str, pid: Pid, is_first: bool) {
        match number(proc, link) {
            Ok(number) if number == self.own => {}
            Ok(number) => match self.find(number, proc, link) {
                Ok(Some(namespace)) => namespace.add(pid, is_first),
                Ok(None) => {}
                Err(error) => self.miss(error),
            },
            // A kernel thread, or one that has exited, lives in none.
            Err(error) if is_gone(error) => {}
            Err(error) => self.miss(error),
        }
    }

    /// Something could not be opened: because this user may not, or because that takes more
    /// descriptors than there are.
    fn miss<T: Default>(&mut self, error: Errno) -> T {
        match error {
            Errno::MFILE | Errno::NFILE => self.failure = Some(error),
            _ => self.complete = false,
        }
        T::default()
    }

    /// The namespace of this number, opened by a link that led there a moment ago; none where that
    /// has changed, or where its user has too many.
    fn find(
        &mut self,
        inode: u64,
        proc: &OwnedFd,
        link: &str,
    ) -> rustix::io::Result<Option<&mut Namespace>> {
        if !self.namespaces.contains_key(&inode) && !self.beyond.contains_key(&inode) {
            let flags = OFlags::RDONLY | OFlags::CLOEXEC;
            let link = match rustix::fs::openat(proc, link, flags, Mode::empty()) {
                Err(error) if is_gone(error) => return Ok(None),
                opened => opened?,
            };
            // The thread may have moved on since: what was opened is what counts.
            if rustix::fs::fstat(&link)?.st_ino == inode && self.admits(inode, &link) {
                self.namespaces.insert(inode, Namespace::new(link));
            }
        }
        Ok(self.namespaces.get_mut(&inode))
    }

    /// Whether a namespace that is new is within its user's budget; takes it off.
    pub(super) fn admits(&mut self, inode: u64, link: &OwnedFd) -> bool {
        if inode == self.own || self.beyond.contains_key(&inode) {
            return false;
        }
        let user = ffi::namespace_owner(link.as_fd()).ok().map(Uid);
        let most_of_many = bounds::USERS_OF_NAMESPACES * self.most_of_a_user;
        let others = self.taken.iter().filter(|(user, _)| !is_root(**user)).map(|(_, taken)| taken);
        let of_others: usize = others.sum();
        let taken = self.taken.entry(user).or_default();
        let is_within = if is_root(user) {
            *taken < most_of_many
        } else {
            *taken < self.most_of_a_user && of_others < most_of_many
        };
        *taken += usize::from(is_within);
        if !is_within {
            self.beyond.insert(inode, user);
        }
        is_within
    }

    /// The gaps of those beyond their users' budgets, and of those that could not be opened.
    pub(super) fn left_out(&self) -> impl Iterator<Item = Gap> {
        let users: BTreeSet<Option<Uid>> = self.beyond.values().copied().collect();
        let users = users.into_iter().flatten().map(unlisted::name_or_number).collect();
        let count = self.beyond.len();
        let beyond = (count > 0).then_some(Gap::NamespacesUnsearched { count, users });
        let why = self.failure.map(|error| reason(&error.into()));
        beyond.into_iter().chain(why.map(|why| Gap::NamespacesUnseen { why: Some(why) }))
    }

    /// Adds one that is bound to a path, unless something else is mounted there by now.
    fn add_bound(&mut self, inode: u64, path: &[u8]) {
        if inode == self.own {
            return;
        }
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        // That must not be waited for.
        let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let link = match rustix::fs::openat(CWD, path, flags, Mode::empty()) {
            Ok(link) => link,
            // It may be out of this root directory.
            Err(error) if is_gone(error) => return,
            Err(error) => return self.miss(error),
        };
        if !rustix::fs::fstat(&link).is_ok_and(|stat| stat.st_ino == inode) {
            return;
        }
        if !self.namespaces.contains_key(&inode) {
            if !self.admits(inode, &link) {
                return;
            }
            self.namespaces.insert(inode, Namespace::new(link));
        }
        let Some(namespace) = self.namespaces.get_mut(&inode) else { return };
        if path.starts_with(NAMED) || namespace.bound_to.is_none() {
            namespace.bound_to = path.file_name().map(|name| Untrusted::new(name.as_bytes()));
        }
    }
}

fn is_root(user: Option<Uid>) -> bool {
    user == Some(Uid(0))
}

/// Each namespace takes a descriptor while they are searched, and the usual limit is 1,024.
fn allow_descriptors() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, ..limit });
}

/// The threads of a process besides its first.
fn other_threads(proc: &OwnedFd, pid: u32, entries: &mut Entries) -> rustix::io::Result<Vec<u32>> {
    let path = format!("{pid}/task");
    let of_one = |links| links <= LINKS_OF_ONE_THREAD;
    if rustix::fs::statat(proc, &path, AtFlags::empty()).is_ok_and(|stat| of_one(stat.st_nlink)) {
        return Ok(Vec::new());
    }
    let tasks = match open_dir(proc, path) {
        Err(error) if is_gone(error) => return Ok(Vec::new()),
        opened => opened?,
    };
    // A process that exits while they are listed has no namespace anymore.
    let threads = entries.numbers(&tasks).map_while(Result::ok);
    Ok(threads.filter(|thread| *thread != pid).collect())
}

/// The files that namespaces are bound to, by the number that each should have: `ip netns`, Docker
/// and others mount them, and the mount tells the kind and the number.
fn bound_namespaces() -> Vec<(u64, Vec<u8>)> {
    let file = read_file(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let mounts = mount_info::mounts(&file).into_iter().filter(|mount| mount.kind == b"nsfs");
    let numbered = mounts.filter_map(|mount| Some((number_in(&mount.root)?, mount.point)));
    numbered.collect()
}

/// The number of the namespace that a link in /proc leads to. It stands in the link, where it takes less than
/// half the time of following it: the kernel makes no file for it.
fn number(proc: &OwnedFd, link: &str) -> rustix::io::Result<u64> {
    let mut buffer = [0; 32];
    let length = rustix::fs::readlinkat_raw(proc, link, &mut buffer[..])?;
    match buffer.get(..length).and_then(number_in) {
        Some(number) => Ok(number),
        None => Ok(rustix::fs::statat(proc, link, AtFlags::empty())?.st_ino),
    }
}

/// `net:[4026531840]`: the kind and the number of a namespace (namespaces(7)).
fn number_in(name: &[u8]) -> Option<u64> {
    let digits = name.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
