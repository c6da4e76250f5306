//! Network namespaces beside portwho's own: network_namespaces(7), setns(2).
//!
//! A namespace is entered by a thread of its own, which ends there: the rest of the program never
//! leaves the one that it was started in.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::io::Errno;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::bound::{self, Row};
use super::owners::Inodes;
use super::owners::LINKS_OF_ONE_THREAD;
use super::proc_dir::{Entries, is_gone, open_dir, open_proc, read_file};
use super::unlisted::{self, Missed};
use super::{ffi, process, tables};
use crate::model::{
    About, Container, Gap, Pid, Process, ProcessKind, Protocol, Reach, Scope, Socket, Uid,
    Untrusted,
};
use crate::platform::decode::mount_info;
use crate::platform::{NamespaceTable, PlatformError, SocketTable, reason};

/// Where `ip netns` binds its names.
const NAMED: &str = "/run/netns";

/// kthreadd, the parent of the kernel's threads. In a PID namespace below the machine's own it
/// may be anybody.
const KERNEL_THREADS: Pid = Pid(2);

/// What other portwhos are called, whose threads visit namespaces as this one's does.
const OWN_IMAGE: &[u8] = env!("CARGO_PKG_NAME").as_bytes();

/// A network namespace.
struct Namespace {
    /// A descriptor that refers to it, by which it is entered.
    link: OwnedFd,
    /// The lowest PID whose first thread lives there.
    first: Option<Pid>,
    /// Those of which another thread does: to stay, or on a visit, as one of another portwho.
    by_thread: BTreeSet<Pid>,
    /// Whether the kernel's own threads live there: it is the machine's first.
    is_first: bool,
    /// The name that it is bound to in the file system.
    bound_to: Option<Untrusted>,
}

impl Namespace {
    fn new(link: OwnedFd) -> Self {
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
    fn candidates(&self) -> impl Iterator<Item = Pid> {
        let by_thread = self.by_thread.iter().filter(|_| self.first.is_none());
        self.first.into_iter().chain(by_thread.copied())
    }
}

/// How many namespaces of one user are searched for a hint, and how many where all were asked for.
/// Entering one and reading its tables takes about a millisecond, and keeping one costs its user
/// little: there may be `user.max_net_namespaces` of them, often 100,000.
const fn most_of_a_user(reach: Reach) -> usize {
    match reach {
        Reach::Hint => 128,
        Reach::Processes | Reach::Descriptors => 512,
    }
}

/// The sockets in `scope` of other network namespaces than this thread's own, as far as `reach`
/// tells.
///
/// # Errors
/// When the namespaces cannot be listed.
pub(super) fn sockets(scope: &Scope, reach: Reach) -> Result<NamespaceTable, PlatformError> {
    if !rustix::process::geteuid().is_root() {
        let mut unseen = NamespaceTable::default();
        unseen.table.gaps.push(Gap::NamespacesUnseen { why: None });
        return Ok(unseen);
    }
    let cannot_list = |error| PlatformError::io("cannot list network namespaces", error);
    let mut known = Known::new(most_of_a_user(reach)).map_err(cannot_list)?;
    known.list().map_err(cannot_list)?;
    let mut found = NamespaceTable::default();
    let visits = visit_all(&known.namespaces, scope, reach);
    if reach == Reach::Descriptors {
        let listed: Vec<&Inodes> = visits.iter().map(|visit| &visit.inodes).collect();
        let strays = Strays::search(&mut known, &listed);
        merge(visits, &mut found.table);
        strays.complete(&mut found.table);
        let visits = visit_all(&strays.namespaces, scope, Reach::Processes);
        merge(visits, &mut found.table);
        known.namespaces.extend(strays.namespaces);
    } else {
        merge(visits, &mut found.table);
    }
    found.table.gaps.extend(known.left_out());
    found.table.gaps.dedup();
    found.complete = known.complete;
    found.names = names(&known.namespaces);
    Ok(found)
}

/// The inodes of the sockets in `scope` that other network namespaces list.
pub(super) fn listed(scope: &Scope) -> Inodes {
    let Ok(mut known) = Known::new(most_of_a_user(Reach::Hint)) else { return Inodes::default() };
    if known.list().is_err() {
        return Inodes::default();
    }
    let visits = visit_all(&known.namespaces, scope, Reach::Hint);
    let tables = visits.into_iter().filter_map(|visit| visit.table.ok());
    tables.flat_map(|table| bound::inodes(&table.sockets)).collect()
}

/// What was found in one namespace.
struct Visit {
    inode: u64,
    table: Result<SocketTable, String>,
    /// The inodes of all its sockets, where descriptors are searched for others.
    inodes: Inodes,
}

fn merge(visits: Vec<Visit>, found: &mut SocketTable) {
    for Visit { inode, table, .. } in visits {
        match table {
            Ok(table) => {
                let inside = |socket| Socket { netns: Some(inode), ..socket };
                found.sockets.extend(table.sockets.into_iter().map(inside));
                found.gaps.extend(table.gaps);
            }
            Err(why) => found.gaps.push(Gap::NamespacesUnseen { why: Some(why) }),
        }
    }
}

/// Reads each namespace in turn, in one thread that ends afterwards.
fn visit_all(namespaces: &BTreeMap<u64, Namespace>, scope: &Scope, reach: Reach) -> Vec<Visit> {
    let visit = |(&inode, namespace): (&u64, &Namespace)| {
        let entered =
            move_into_link_name_space(namespace.link.as_fd(), Some(LinkNameSpaceType::Network));
        if let Err(error) = entered {
            let why = io::Error::from(error).to_string();
            return Visit { inode, table: Err(why), inodes: Inodes::default() };
        }
        let table = tables::listed(scope).map_err(|error| error.to_string());
        let inodes = match (reach, &table) {
            (Reach::Hint | Reach::Processes, _) => Inodes::default(),
            (Reach::Descriptors, Ok(table)) if scope.is_everything() => {
                bound::inodes(&table.sockets)
            }
            (Reach::Descriptors, _) => all_inodes(),
        };
        Visit { inode, table, inodes }
    };
    let visit_each = || namespaces.iter().map(visit).collect();
    let visited = thread::scope(|scope| {
        let visitor = thread::Builder::new().spawn_scoped(scope, visit_each);
        let visitor = visitor.map_err(|error| error.to_string())?;
        visitor.join().map_err(|_| "the thread that entered them panicked".to_owned())
    });
    let unvisited = |inode: &u64, why: &String| Visit {
        inode: *inode,
        table: Err(why.clone()),
        inodes: Inodes::default(),
    };
    visited.unwrap_or_else(|why| namespaces.keys().map(|inode| unvisited(inode, &why)).collect())
}

/// The inodes of all sockets that this thread's network namespace lists.
fn all_inodes() -> Inodes {
    let table = tables::listed(&Scope::everything()).unwrap_or_default();
    bound::inodes(&table.sockets)
}

/// What was found by the descriptors of sockets that no table has.
struct Strays {
    /// Namespaces that nothing but sockets keeps alive.
    namespaces: BTreeMap<u64, Namespace>,
    /// Sockets bound in other namespaces that were known, for kernels that do not list those.
    bound: Vec<Socket>,
    /// Whether one was met of which it cannot be told whether it still holds its port.
    is_unclear: bool,
    missed: Missed,
    /// Why no descriptor was searched.
    failure: Option<String>,
}

impl Strays {
    fn search(known: &mut Known, listed: &[&Inodes]) -> Self {
        let own = all_inodes();
        let inodes = listed.iter().copied().chain([&own]).flatten().copied().collect();
        let mut namespaces = BTreeMap::new();
        let (mut bound, mut is_unclear) = (Vec::new(), false);
        let missed = unlisted::search(&inodes, unlisted::ALL, |protocol, copied| {
            let (link, inode) = copied.namespace()?;
            if known.namespaces.contains_key(&inode) && protocol == Protocol::Tcp {
                match bound::row(copied)? {
                    Row::Holds(row) => bound.push(Socket { netns: Some(inode), ..*row }),
                    Row::Unclear => is_unclear = true,
                    Row::None => {}
                }
            } else if !namespaces.contains_key(&inode) && known.admits(inode, &link) {
                namespaces.insert(inode, Namespace::new(link));
            }
            Ok(())
        });
        let (missed, failure) = match missed {
            Ok(missed) => (missed, None),
            Err(error) => (Missed::default(), Some(error.to_string())),
        };
        known.complete &= !missed.is_unreadable;
        Self { namespaces, bound, is_unclear, missed, failure }
    }

    /// Adds the bound sockets where the kernel does not list them, and what was left out.
    fn complete(&self, table: &mut SocketTable) {
        if table.gaps.iter().any(Gap::is_about_bound) {
            table.sockets.extend(self.bound.iter().cloned());
            if self.missed.is_nothing() && self.failure.is_none() && !self.is_unclear {
                table.gaps.retain(|gap| !gap.is_about_bound());
            }
        }
        table.gaps.extend(self.missed.beyond_budget());
        table.gaps.extend(self.missed.refusal());
        let failure = self.failure.clone().map(|why| Gap::NamespacesUnseen { why: Some(why) });
        table.gaps.extend(failure);
    }
}

/// The namespaces but this thread's own, as far as each user's budget goes.
struct Known {
    own: u64,
    most_of_a_user: usize,
    namespaces: BTreeMap<u64, Namespace>,
    /// How many were taken of each user, as far as that can be told.
    taken: BTreeMap<Option<Uid>, usize>,
    /// Those beyond that, with their users.
    beyond: BTreeMap<u64, Option<Uid>>,
    /// Whether every process could be asked for its namespace.
    complete: bool,
    /// Why some could not be opened at all.
    failure: Option<Errno>,
}

impl Known {
    fn new(most_of_a_user: usize) -> io::Result<Self> {
        let own = fs::metadata("/proc/thread-self/ns/net")?.st_ino();
        let (namespaces, taken, beyond) = Default::default();
        Ok(Self { own, most_of_a_user, namespaces, taken, beyond, complete: true, failure: None })
    }

    /// Lists those that processes live in, then those with a name, and then those that only other
    /// threads live in: a user's budget goes to the first.
    fn list(&mut self) -> io::Result<()> {
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
        match rustix::fs::statat(proc, link, AtFlags::empty()) {
            Ok(stat) if stat.st_ino == self.own => {}
            Ok(stat) => match self.find(stat.st_ino, proc, link) {
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
    fn admits(&mut self, inode: u64, link: &OwnedFd) -> bool {
        if inode == self.own || self.beyond.contains_key(&inode) {
            return false;
        }
        let user = ffi::namespace_owner(link.as_fd()).ok().map(Uid);
        let taken = self.taken.entry(user).or_default();
        *taken += 1;
        let is_within = *taken <= self.most_of_a_user;
        if !is_within {
            self.beyond.insert(inode, user);
        }
        is_within
    }

    /// The gaps of those beyond their users' budgets, and of those that could not be opened.
    fn left_out(&self) -> impl Iterator<Item = Gap> {
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
    // A process that vanishes while they are listed lives nowhere any more.
    let threads = entries.numbers(&tasks).map_while(Result::ok);
    Ok(threads.filter(|thread| *thread != pid).collect())
}

/// The files that namespaces are bound to, by the number that each should have: `ip netns`, Docker
/// and others mount them, and the mount tells the kind and the number.
fn bound_namespaces() -> Vec<(u64, Vec<u8>)> {
    let file = read_file(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let mounts = mount_info::mounts(&file).into_iter().filter(|mount| mount.kind == b"nsfs");
    let numbered = mounts.filter_map(|mount| {
        let digits = mount.root.strip_prefix(b"net:[")?.strip_suffix(b"]")?;
        Some((std::str::from_utf8(digits).ok()?.parse().ok()?, mount.point))
    });
    numbered.collect()
}

/// What each namespace is called: its container, the name that it is bound to, or else its first
/// process.
fn names(namespaces: &BTreeMap<u64, Namespace>) -> BTreeMap<u64, Untrusted> {
    let firsts = namespaces.values().flat_map(Namespace::candidates);
    let processes = process::describe(&firsts.chain([KERNEL_THREADS]).collect(), About::Table);
    let is_visitor = |process: &&Process| process.name.as_bytes() == OWN_IMAGE;
    let kernel = processes.get(&KERNEL_THREADS);
    let has_kernel = kernel.is_some_and(|process| process.kind == ProcessKind::Kernel);
    let name = |namespace: &Namespace| {
        let living = namespace.candidates().filter_map(|pid| processes.get(&pid));
        let first = living.min_by_key(is_visitor);
        let container = first.and_then(|process| process.container.as_ref());
        if namespace.is_first && has_kernel {
            return Some(Untrusted::from("host"));
        }
        let by_process = || first.map(|process| process.name.clone());
        container.map(Container::handle).or(namespace.bound_to.clone()).or_else(by_process)
    };
    let named = namespaces
        .iter()
        .map(|(inode, one)| (*inode, name(one).unwrap_or_else(|| format!("net:[{inode}]").into())));
    named.collect()
}
