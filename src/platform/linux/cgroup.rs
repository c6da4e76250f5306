//! Control groups of version 2: from the id of a socket's group to the unit or container that it
//! was created in, and to the processes there. Every user may read all of it.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, RawDir};

use super::containers::Containers;
use super::proc_dir::{open_dir, read_file};
use crate::model::{Creator, Pid, Service, Untrusted};
use crate::platform::decode::cgroup::{self, Unit};
use crate::platform::decode::mount_info;

/// Room for a few hundred groups.
const ENTRIES_BUFFER: usize = 16 * 1024;

/// The groups among `ids` that are visible from here, with who was created and lives there. The
/// root group is left out: it says nothing of anybody.
pub(super) fn creators(ids: &BTreeSet<u64>) -> BTreeMap<u64, Creator> {
    if ids.is_empty() {
        return BTreeMap::new();
    }
    let containers = Containers::default();
    let mut found = BTreeMap::new();
    for mount in mounts() {
        let mut search = Search { mount: &mount, missing: ids.clone(), found: Vec::new() };
        search.missing.retain(|id| !found.contains_key(id));
        search.run();
        let creators =
            search.found.into_iter().map(|(id, path)| (id, creator(&mount, &path, &containers)));
        found.extend(creators);
    }
    found
}

/// Where the hierarchy of version 2 is mounted.
fn mounts() -> Vec<PathBuf> {
    let file = read_file(CWD, c"/proc/self/mountinfo").unwrap_or_default();
    let unified = mount_info::mounts(&file).into_iter().filter(|mount| mount.kind == b"cgroup2");
    unified.map(|mount| PathBuf::from(std::ffi::OsStr::from_bytes(&mount.point))).collect()
}

/// A search for groups by their ids. A group's id is the inode number of its directory
/// (`kernfs_node_id` in the kernel), which a directory listing tells without opening it.
struct Search<'a> {
    mount: &'a Path,
    missing: BTreeSet<u64>,
    found: Vec<(u64, PathBuf)>,
}

impl Search<'_> {
    fn run(&mut self) {
        let mut unread = vec![PathBuf::new()];
        while let Some(path) = unread.pop().filter(|_| !self.missing.is_empty()) {
            for (id, name) in below(&self.mount.join(&path)) {
                let path = path.join(name);
                if self.missing.remove(&id) {
                    self.found.push((id, path.clone()));
                }
                unread.push(path);
            }
        }
    }
}

/// The groups right below one, with their ids. One that vanishes has none.
fn below(path: &Path) -> Vec<(u64, PathBuf)> {
    let Ok(directory) = open_dir(CWD, path) else { return Vec::new() };
    let mut buffer = Vec::with_capacity(ENTRIES_BUFFER);
    let mut entries = RawDir::new(&directory, buffer.spare_capacity_mut());
    let mut found = Vec::new();
    while let Some(Ok(entry)) = entries.next() {
        let name = entry.file_name().to_bytes();
        if entry.file_type() == FileType::Directory && !matches!(name, b"." | b"..") {
            found.push((entry.ino(), PathBuf::from(std::ffi::OsStr::from_bytes(name))));
        }
    }
    found
}

fn creator(mount: &Path, path: &Path, containers: &Containers) -> Creator {
    let group = cgroup::of_path(path.as_os_str().as_bytes());
    let slice = group.slice.map(|name| Unit { name, of_user: false });
    let service = group.unit.or(slice);
    let mut candidates = processes_in(&mount.join(path));
    if candidates.is_empty()
        && let Some(socket) = group.unit
    {
        candidates = service_of_socket(&mount.join(path), socket.name);
    }
    Creator {
        service: service
            .map(|unit| Service { name: Untrusted::new(unit.name), of_user: unit.of_user }),
        container: group.container.map(|container| containers.named(container)),
        candidates,
    }
}

/// systemd creates the sockets of a `.socket` unit in that unit's group; the service that they
/// are for lives beside it.
fn service_of_socket(path: &Path, unit: &[u8]) -> Vec<Pid> {
    let Some(name) = unit.strip_suffix(b".socket") else { return Vec::new() };
    let service = [name, b".service"].concat();
    processes_in(&path.with_file_name(std::ffi::OsStr::from_bytes(&service)))
}

/// The processes in a group; where it has none of its own, those of the nearest ones below.
fn processes_in(path: &Path) -> Vec<Pid> {
    let mut level = vec![path.to_owned()];
    while !level.is_empty() {
        let pids: BTreeSet<Pid> = level.iter().flat_map(|path| own_processes(path)).collect();
        if !pids.is_empty() {
            return pids.into_iter().collect();
        }
        let deeper = level
            .iter()
            .flat_map(|path| below(path).into_iter().map(move |(_, name)| path.join(name)));
        level = deeper.collect();
    }
    Vec::new()
}

/// `cgroup.procs`. A process outside of this PID namespace stands there as 0.
fn own_processes(path: &Path) -> Vec<Pid> {
    let read = |directory: OwnedFd| read_file(directory, c"cgroup.procs");
    let file = open_dir(CWD, path).and_then(read).unwrap_or_default();
    let numbers = file
        .split(|&byte| byte == b'\n')
        .filter_map(|line| std::str::from_utf8(line).ok()?.parse().ok());
    numbers.filter(|&number| number != 0).map(Pid).collect()
}
