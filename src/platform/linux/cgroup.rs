//! Cgroups of version 2: from the id of a socket's group to the unit or container that it
//! was created in, and to the processes there. Every user may read all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::rc::Rc;

use rustix::fs::{CWD, FileType, RawDir};

use super::bounds;
use super::containers::containers;
use super::proc_dir::{open_dir, read_file};
use super::shares::Shares;
use crate::model::{Creator, Pid, Service, Uid, Untrusted};
use crate::platform::decode::cgroup::{self, Unit};
use crate::platform::decode::mount_info::{self, Mount};

/// Room for a few hundred groups.
const ENTRIES_BUFFER: usize = 16 * 1024;

/// `CGROUP2_SUPER_MAGIC` (`linux/magic.h`).
const CGROUP2: i64 = 0x6367_7270;

/// The groups among `ids` that are visible from here, with who was created and lives there. The
/// root group is omitted: it identifies no process.
pub(super) fn creators(ids: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
    let mut missing = ids.clone();
    let mut found = BTreeMap::new();
    let shares = Rc::new(Shares::new(bounds::GROUPS_OF_USER, bounds::GROUPS));
    let mounts = if ids.is_empty() { Vec::new() } else { mounts(&shares) };
    for mount in &mounts {
        found.extend(mount.creators(&mut missing));
    }
    found
}

/// A mount of the hierarchy of version 2.
struct Hierarchy {
    /// What of the hierarchy is mounted there.
    root: PathBuf,
    directory: OwnedFd,
    /// What may be kept of the groups that users made.
    shares: Rc<Shares>,
}

/// Where the hierarchy is mounted, the whole of it first. Something else may be mounted over it.
fn mounts(shares: &Rc<Shares>) -> Vec<Hierarchy> {
    let file = read_file(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let unified = mount_info::mounts(&file).into_iter().filter(|mount| mount.kind == b"cgroup2");
    let mut mounts: Vec<Hierarchy> = unified.filter_map(|mount| hierarchy(mount, shares)).collect();
    mounts.sort_by_key(|mount| mount.root.as_os_str().len());
    mounts
}

/// What is mounted there, if that is the hierarchy still.
fn hierarchy(mount: Mount, shares: &Rc<Shares>) -> Option<Hierarchy> {
    let directory = open_dir(CWD, mount.point).ok()?;
    let is_unified = rustix::fs::fstatfs(&directory).is_ok_and(|of| of.f_type == CGROUP2);
    let shares = Rc::clone(shares);
    is_unified.then(|| Hierarchy { root: path(&mount.root), directory, shares })
}

/// The service that runs as a unit.
pub(super) fn service_of(unit: Unit<'_>) -> Service {
    Service { name: Untrusted::new(unit.name), of_user: unit.of_user }
}

fn path(bytes: &[u8]) -> PathBuf {
    PathBuf::from(std::ffi::OsStr::from_bytes(bytes))
}

impl Hierarchy {
    /// Searches the groups among `missing`, which loses those that are found. A group's id is the
    /// inode number of its directory (`kernfs_node_id` in the kernel), which a directory listing
    /// tells without opening it.
    fn creators(&self, missing: &mut BTreeSet<u64>) -> Vec<(u64, Creator)> {
        let mut found = Vec::new();
        let own_id = rustix::fs::fstat(&self.directory).map_or(0, |stat| stat.st_ino);
        if self.root != Path::new("/") && missing.remove(&own_id) {
            found.push((own_id, self.creator(Path::new("."))));
        }
        let mut unread = vec![PathBuf::from(".")];
        while let Some(parent) = unread.pop().filter(|_| !missing.is_empty()) {
            for (id, name) in self.below(&parent) {
                let path = parent.join(name);
                if missing.remove(&id) {
                    found.push((id, self.creator(&path)));
                }
                unread.push(path);
            }
        }
        found
    }

    /// The groups right below one, with their ids. One that vanishes has none. Only whom a group
    /// belongs to can make others in it, root left aside, and is charged for them.
    fn below(&self, group: &Path) -> Vec<(u64, PathBuf)> {
        let Ok(directory) = open_dir(&self.directory, group) else { return Vec::new() };
        let user = rustix::fs::fstat(&directory).ok().map(|stat| Uid(stat.st_uid));
        let mut left = self.shares.left(user);
        let mut buffer = Vec::with_capacity(ENTRIES_BUFFER);
        let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
        let mut found = Vec::new();
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name().to_bytes();
            if entry.file_type() == FileType::Directory && !matches!(name, b"." | b"..") {
                let cost = group.as_os_str().len() + name.len() + bounds::GROUP_COST;
                let Some(rest) = left.checked_sub(cost) else { break };
                left = rest;
                self.shares.spend(user, cost);
                found.push((entry.ino(), path(name)));
            }
        }
        found
    }

    fn creator(&self, group: &Path) -> Creator {
        let whole = self.root.join(group);
        let place = cgroup::of_path(whole.as_os_str().as_bytes());
        let slice = place.slice.map(|name| Unit { name, of_user: false });
        let mut candidates = self.processes_in(group);
        if candidates.is_empty()
            && let Some(socket) = place.unit
        {
            candidates = self.service_of_socket(group, socket.name);
        }
        Creator {
            service: place.unit.or(slice).map(service_of),
            container: place.container.map(|container| containers().named(container)),
            is_delegated: place.is_delegated,
            candidates,
        }
    }

    /// systemd creates the sockets of a `.socket` unit in that unit's group; the service that they
    /// are for lives beside it.
    fn service_of_socket(&self, group: &Path, unit: &[u8]) -> Vec<Pid> {
        let Some(name) = unit.strip_suffix(b".socket") else { return Vec::new() };
        let service = [name, b".service"].concat();
        self.processes_in(&group.with_file_name(std::ffi::OsStr::from_bytes(&service)))
    }

    /// The processes in a group; where it has none of its own, those of the nearest ones below.
    fn processes_in(&self, group: &Path) -> Vec<Pid> {
        let mut level = vec![group.to_owned()];
        while !level.is_empty() {
            let pids: BTreeSet<Pid> =
                level.iter().flat_map(|group| self.own_processes(group)).collect();
            if !pids.is_empty() {
                return pids.into_iter().collect();
            }
            let deeper = level.iter().flat_map(|group| {
                self.below(group).into_iter().map(move |(_, name)| group.join(name))
            });
            level = deeper.collect();
        }
        Vec::new()
    }

    /// `cgroup.procs`. A process outside this PID namespace stands there as 0.
    fn own_processes(&self, group: &Path) -> Vec<Pid> {
        let read = |directory: OwnedFd| read_file(directory, c"cgroup.procs");
        let file = open_dir(&self.directory, group).and_then(read).unwrap_or_default();
        let numbers = file
            .split(|&byte| byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok());
        numbers.filter(|&number| number != 0).map(Pid).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{MetadataExt, chown};

    use super::*;

    /// Plain directories stand for groups: what is listed and charged is the same.
    #[test]
    #[expect(clippy::print_stderr, reason = "a skip is printed")]
    fn groups_that_a_user_made_without_end_hide_no_others() {
        if !rustix::process::geteuid().is_root() {
            eprintln!("skipped: only root can give directories away");
            return;
        }
        let folder = std::env::temp_dir().join(format!("portwho-groups-{}", std::process::id()));
        let group = |name: &str, user: u32| {
            fs::create_dir_all(folder.join(name)).unwrap();
            chown(folder.join(name), Some(user), None).unwrap();
        };
        (0..50).for_each(|number| group(&format!("greedy/{number}"), 1000));
        group("greedy", 1000);
        group("modest/last", 1001);
        group("modest", 1001);
        group("system/last", 0);
        let hierarchy = Hierarchy {
            root: PathBuf::from("/"),
            directory: open_dir(CWD, folder.as_path()).unwrap(),
            shares: Rc::new(Shares::new(1000, 10_000)),
        };
        let id = |name: &str| fs::metadata(folder.join(name)).unwrap().ino();
        let wanted = [id("modest/last"), id("system/last")];
        let mut missing: BTreeSet<u64> = (0..50).map(|n| id(&format!("greedy/{n}"))).collect();
        missing.extend(wanted);
        let found = hierarchy.creators(&mut missing);
        fs::remove_dir_all(&folder).unwrap();
        assert!((1..50).contains(&missing.len()), "{}", missing.len());
        for id in wanted {
            assert!(found.iter().any(|(found, _)| *found == id));
        }
    }
}
