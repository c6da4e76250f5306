//! Network namespaces beside portwho's own: network_namespaces(7), setns(2).
//!
//! A namespace is entered by a thread of its own, which ends there: the rest of the program never
//! leaves the one that it was started in.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::linux::fs::MetadataExt;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::thread;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::proc_dir::{Entries, is_gone, open_dir, open_proc, read_file};
use super::searcher::LINKS_OF_ONE_THREAD;
use super::{process, tables};
use crate::model::{About, Container, Gap, Pid, Process, ProcessKind, Scope, Socket, Untrusted};
use crate::platform::decode::mount_info;
use crate::platform::{NamespaceTable, PlatformError, SocketTable};

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

/// The sockets in `scope` of every network namespace but this thread's own.
///
/// # Errors
/// When the namespaces cannot be listed.
pub(super) fn sockets(scope: &Scope) -> Result<NamespaceTable, PlatformError> {
    if !rustix::process::geteuid().is_root() {
        let mut unseen = NamespaceTable::default();
        unseen.table.gaps.push(Gap::NamespacesUnseen { why: None });
        return Ok(unseen);
    }
    let (namespaces, complete) =
        list().map_err(|error| PlatformError::io("cannot list network namespaces", error))?;
    let mut found = NamespaceTable { complete, ..NamespaceTable::default() };
    for (inode, table) in visit_all(&namespaces, scope) {
        match table {
            Ok(table) => {
                let inside = |socket| Socket { netns: Some(inode), ..socket };
                found.table.sockets.extend(table.sockets.into_iter().map(inside));
                found.table.gaps.extend(table.gaps);
            }
            Err(why) => found.table.gaps.push(Gap::NamespacesUnseen { why: Some(why) }),
        }
    }
    found.table.gaps.dedup();
    found.names = names(&namespaces);
    Ok(found)
}

/// Reads each namespace in turn, in one thread that ends afterwards.
fn visit_all(
    namespaces: &BTreeMap<u64, Namespace>,
    scope: &Scope,
) -> Vec<(u64, Result<SocketTable, String>)> {
    let visit = |namespace: &Namespace| {
        move_into_link_name_space(namespace.link.as_fd(), Some(LinkNameSpaceType::Network))
            .map_err(|error| io::Error::from(error).to_string())?;
        tables::sockets(scope).map_err(|error| error.to_string())
    };
    let visit_each = || namespaces.iter().map(|(inode, one)| (*inode, visit(one))).collect();
    let visited = thread::scope(|scope| {
        let visitor = thread::Builder::new().spawn_scoped(scope, visit_each);
        let visitor = visitor.map_err(|error| error.to_string())?;
        visitor.join().map_err(|_| "the thread that looked there died".to_owned())
    });
    visited
        .unwrap_or_else(|why| namespaces.keys().map(|inode| (*inode, Err(why.clone()))).collect())
}

/// Every namespace but this thread's own, by inode number, and whether that is all of them.
fn list() -> io::Result<(BTreeMap<u64, Namespace>, bool)> {
    let own = fs::metadata("/proc/thread-self/ns/net")?.st_ino();
    let mut namespaces = BTreeMap::new();
    let complete = add_by_processes(&mut namespaces, own)?;
    for (inode, path) in bound_namespaces().into_iter().filter(|(inode, _)| *inode != own) {
        add_bound(&mut namespaces, inode, &path);
    }
    Ok((namespaces, complete))
}

/// Adds the namespaces that some thread of some process lives in.
fn add_by_processes(namespaces: &mut BTreeMap<u64, Namespace>, own: u64) -> io::Result<bool> {
    let proc = open_proc()?;
    let mut entries = Entries::new();
    let pids = entries.numbers(&proc).collect::<Result<Vec<_>, _>>()?;
    let mut complete = pids.contains(&1);
    for pid in pids {
        let threads = other_threads(&proc, pid, &mut entries);
        let others = threads.iter().map(|thread| (format!("{pid}/task/{thread}/ns/net"), false));
        for (link, is_main) in std::iter::once((format!("{pid}/ns/net"), true)).chain(others) {
            match rustix::fs::statat(&proc, &link, AtFlags::empty()) {
                Ok(stat) if stat.st_ino == own => {}
                Ok(stat) => match known(namespaces, stat.st_ino, &proc, &link) {
                    Ok(Some(namespace)) => namespace.add(Pid(pid), is_main),
                    Ok(None) => {}
                    Err(_) => complete = false,
                },
                // A kernel thread, or one that has exited, lives in none.
                Err(error) if is_gone(error) => {}
                Err(_) => complete = false,
            }
        }
    }
    Ok(complete)
}

/// The namespace of this number, opened by a link that led there a moment ago; none where that has
/// changed.
fn known<'a>(
    namespaces: &'a mut BTreeMap<u64, Namespace>,
    inode: u64,
    proc: &OwnedFd,
    link: &str,
) -> rustix::io::Result<Option<&'a mut Namespace>> {
    if let Entry::Vacant(vacant) = namespaces.entry(inode) {
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let link = match rustix::fs::openat(proc, link, flags, Mode::empty()) {
            Err(error) if is_gone(error) => return Ok(None),
            opened => opened?,
        };
        // The thread may have moved on since: what was opened is what counts.
        if rustix::fs::fstat(&link)?.st_ino != inode {
            return Ok(None);
        }
        vacant.insert(Namespace::new(link));
    }
    Ok(namespaces.get_mut(&inode))
}

/// The threads of a process besides its first.
fn other_threads(proc: &OwnedFd, pid: u32, entries: &mut Entries) -> Vec<u32> {
    let path = format!("{pid}/task");
    let of_one = |links| links <= LINKS_OF_ONE_THREAD;
    if rustix::fs::statat(proc, &path, AtFlags::empty()).is_ok_and(|stat| of_one(stat.st_nlink)) {
        return Vec::new();
    }
    let Ok(tasks) = open_dir(proc, path) else { return Vec::new() };
    // A process that vanishes while they are listed lives nowhere any more.
    let threads = entries.numbers(&tasks).map_while(Result::ok);
    threads.filter(|thread| *thread != pid).collect()
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

fn add_bound(namespaces: &mut BTreeMap<u64, Namespace>, inode: u64, path: &[u8]) {
    let path = Path::new(std::ffi::OsStr::from_bytes(path));
    // Something else may be mounted over it by now, which must not be waited for.
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
    let Ok(link) = rustix::fs::openat(CWD, path, flags, Mode::empty()) else { return };
    if !rustix::fs::fstat(&link).is_ok_and(|stat| stat.st_ino == inode) {
        return;
    }
    let namespace = namespaces.entry(inode).or_insert_with(|| Namespace::new(link));
    if path.starts_with(NAMED) || namespace.bound_to.is_none() {
        namespace.bound_to = path.file_name().map(|name| Untrusted::new(name.as_bytes()));
    }
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
