//! Where programs come from that users cannot replace.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{AtFlags, Mode, OFlags};

use super::bounds;
use super::proc_dir::{Beginning, open_proc, read_beginning, read_file};
use super::shares::Shares;
use crate::model::{Pid, Untrusted};
use crate::platform::decode::mount_info::{self, Mount, covering};
use crate::platform::decode::proc_status;

/// Where distributions and administrators install programs (hier(7)): root owns these, and what is
/// below them.
///
/// Not among them: `/opt`, of which parts are often given to the user that a program runs as;
/// `/nix/store` and `/gnu/store`, where every user may have a program of any name built; `/snap`,
/// whose programs run in mount namespaces of their own; `/home`, `/tmp`, `/var`, which are users'.
const DIRECTORIES: [&str; 13] = [
    "/usr/bin",
    "/usr/sbin",
    "/usr/lib",
    "/usr/lib64",
    "/usr/libexec",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/lib",
    "/usr/local/libexec",
    // Where these are no links into /usr.
    "/bin",
    "/sbin",
    "/lib",
    "/lib64",
];

/// These directories.
pub(super) fn directories() -> Vec<Untrusted> {
    DIRECTORIES.iter().map(|&directory| directory.into()).collect()
}

/// The fdinfo of a file that is only a path is a few lines.
const FDINFO: usize = 4096;

/// Those of `pids` whose executable's path leads to the same file here: it is on the mount that this
/// path leads to in the process's mount namespace (mount_namespaces(7)), and here the path leads
/// to the same file of the same file system; rootless podman has a namespace of its own. The text of the link alone proves
/// nothing: on a mount that was detached it begins at that mount's root. One whose namespace may
/// not be read, or is too large, is not among them.
pub(super) fn in_own_mounts(pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    if pids.is_empty() {
        return BTreeSet::new();
    }
    let mut tables = MountTables::new(&proc);
    pids.iter().copied().filter(|pid| has_same_mount(&mut tables, *pid) == Some(true)).collect()
}

/// Whether the executable is on the mount that its path leads to, there and here. The mount table
/// of a process in a root directory of its own (chroot(2)) has other paths, so it tells nothing.
fn has_same_mount(tables: &mut MountTables<'_>, pid: Pid) -> Option<bool> {
    let proc = tables.proc;
    let is_whole = link(proc, &format!("{pid}/root"))? == b"/";
    let path = link(proc, &format!("{pid}/exe"))?;
    let path = path.strip_suffix(b" (deleted)").unwrap_or(&path);
    let there = covering(tables.of(pid)?, path)?.clone();
    let here = covering(&tables.own, path)?;
    let is_there = mount_of_executable(proc, pid)? == there.id;
    let is_same = here.file_at(path)? == there.file_at(path)?;
    Some(is_whole && is_there && is_same)
}

/// The mount tables of processes, one for each mount namespace. Whoever has a user namespace may
/// mount what it likes in it, and the kernel takes the longer for a line the more is mounted.
struct MountTables<'a> {
    proc: &'a OwnedFd,
    /// The number of this process's own mount namespace.
    own_number: Option<u64>,
    own: Vec<Mount>,
    /// Those of other namespaces by their numbers; none where one was not read to its end.
    others: BTreeMap<u64, Option<Vec<Mount>>>,
    shares: Shares,
}

impl<'a> MountTables<'a> {
    fn new(proc: &'a OwnedFd) -> Self {
        let file = read_beginning(proc, "thread-self/mountinfo", bounds::KERNEL_FILE);
        let own = file.ok().as_ref().and_then(whole).unwrap_or_default();
        let others = BTreeMap::new();
        let own_number = namespace(proc, "thread-self");
        let shares = Shares::new(bounds::MOUNT_TABLES_OF_USER, bounds::MOUNT_TABLES);
        Self { proc, own_number, own, others, shares }
    }

    /// That of a process.
    fn of(&mut self, pid: Pid) -> Option<&[Mount]> {
        let number = namespace(self.proc, &pid.to_string())?;
        if self.own_number == Some(number) {
            return Some(&self.own);
        }
        let Self { proc, others, shares, .. } = self;
        others.entry(number).or_insert_with(|| read(proc, pid, shares)).as_deref()
    }
}

/// The number of a process's mount namespace.
fn namespace(proc: &OwnedFd, process: &str) -> Option<u64> {
    let link = rustix::fs::statat(proc, format!("{process}/ns/mnt"), AtFlags::empty());
    Some(link.ok()?.st_ino)
}

/// The mount table of a process, as far as its user's share goes.
fn read(proc: &OwnedFd, pid: Pid, shares: &Shares) -> Option<Vec<Mount>> {
    let status = read_file(proc, format!("{pid}/status")).ok()?;
    let user = proc_status::real_user(&status)?;
    let limit = shares.left(Some(user)).min(bounds::MOUNT_TABLE);
    let file = read_beginning(proc, format!("{pid}/mountinfo"), limit).ok()?;
    shares.spend(Some(user), file.bytes.len());
    whole(&file)
}

fn whole(file: &Beginning) -> Option<Vec<Mount>> {
    (!file.is_cut).then(|| mount_info::mounts(&file.bytes))
}

/// The number of the mount that the executable is on. `O_PATH` opens no file (open(2)), so that the
/// file system is not asked.
fn mount_of_executable(proc: &OwnedFd, pid: Pid) -> Option<Vec<u8>> {
    let flags = OFlags::PATH | OFlags::CLOEXEC;
    let file = rustix::fs::openat(proc, format!("{pid}/exe"), flags, Mode::empty()).ok()?;
    let info = read_beginning(proc, format!("self/fdinfo/{}", file.as_raw_fd()), FDINFO).ok()?;
    let mut lines = info.bytes.split(|&byte| byte == b'\n');
    let id = lines.find_map(|line| line.strip_prefix(b"mnt_id:"))?;
    Some(id.trim_ascii().to_vec())
}

fn link(proc: &OwnedFd, path: &str) -> Option<Vec<u8>> {
    Some(rustix::fs::readlinkat(proc, path, Vec::new()).ok()?.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_in_its_own_mount_namespace() {
        let own = Pid(std::process::id());
        assert_eq!(in_own_mounts(&BTreeSet::from([own, Pid(u32::MAX)])), BTreeSet::from([own]));
    }
}
