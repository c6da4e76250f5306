//! Control groups of version 2: from the id of a socket's group to the unit or container that it
//! was created in, and to the processes there. Every user may read all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, RawDir};

use super::containers::CONTAINERS;
use super::proc_dir::{open_dir, read_file};
use crate::model::{Creator, Pid, Service, Untrusted};
use crate::platform::decode::cgroup::{self, Unit};
use crate::platform::decode::mount_info::{self, Mount};

/// Room for a few hundred groups.
const ENTRIES_BUFFER: usize = 16 * 1024;

/// `CGROUP2_SUPER_MAGIC` (`linux/magic.h`).
const CGROUP2: i64 = 0x6367_7270;

/// The groups among `ids` that are visible from here, with who was created and lives there. The
/// root group is left out: it says nothing of anybody.
pub(super) fn creators(ids: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
    let mut missing = ids.clone();
    let mut found = BTreeMap::new();
    let mounts = if ids.is_empty() { Vec::new() } else { mounts() };
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
}

/// Where the hierarchy is mounted, the whole of it first. Something else may be mounted over it.
fn mounts() -> Vec<Hierarchy> {
    let file = read_file(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let unified = mount_info::mounts(&file).into_iter().filter(|mount| mount.kind == b"cgroup2");
    let open = |mount: Mount| {
        let directory = open_dir(CWD, mount.point).ok()?;
        let is_unified = rustix::fs::fstatfs(&directory).is_ok_and(|of| of.f_type == CGROUP2);
        is_unified.then(|| Hierarchy { root: path(&mount.root), directory })
    };
    let mut mounts: Vec<Hierarchy> = unified.filter_map(open).collect();
    mounts.sort_by_key(|mount| mount.root.as_os_str().len());
    mounts
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

    /// The groups right below one, with their ids. One that vanishes has none.
    fn below(&self, group: &Path) -> Vec<(u64, PathBuf)> {
        let Ok(directory) = open_dir(&self.directory, group) else { return Vec::new() };
        let mut buffer = Vec::with_capacity(ENTRIES_BUFFER);
        let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
        let mut found = Vec::new();
        while let Some(Ok(entry)) = entries.next() {
            let name = entry.file_name().to_bytes();
            if entry.file_type() == FileType::Directory && !matches!(name, b"." | b"..") {
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
        let service =
            |unit: Unit<'_>| Service { name: Untrusted::new(unit.name), of_user: unit.of_user };
        Creator {
            service: place.unit.or(slice).map(service),
            container: place.container.map(|container| CONTAINERS.named(container)),
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

    /// `cgroup.procs`. A process outside of this PID namespace stands there as 0.
    fn own_processes(&self, group: &Path) -> Vec<Pid> {
        let read = |directory: OwnedFd| read_file(directory, c"cgroup.procs");
        let file = open_dir(&self.directory, group).and_then(read).unwrap_or_default();
        let numbers = file
            .split(|&byte| byte == b'\n')
            .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok());
        numbers.filter(|&number| number != 0).map(Pid).collect()
    }
}
