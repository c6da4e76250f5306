//! Where programs come from that users cannot replace.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{Mode, OFlags};

use super::proc_dir::{open_proc, read_beginning};
use crate::model::{Pid, Untrusted};
use crate::platform::decode::mount_info::{self, Mount, covering};

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

/// Mount tables longer than this are not read to their end, and prove nothing.
const LONGEST_MOUNT_TABLE: usize = 1024 * 1024;

/// Those of `pids` whose executable's path leads to the same file here: it is on the mount that this
/// path leads to in the process's mount namespace (mount_namespaces(7)), and here the path leads
/// to the same one; rootless podman has a namespace of its own. The text of the link alone proves
/// nothing: on a mount that was detached it begins at that mount's root. One whose namespace may
/// not be read is not among them.
pub(super) fn in_own_mounts(pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    if pids.is_empty() {
        return BTreeSet::new();
    }
    let own = mounts(&proc, "thread-self");
    let means_the_same = |pid: &&Pid| has_same_mount(&proc, **pid, &own) == Some(true);
    pids.iter().filter(means_the_same).copied().collect()
}

/// Whether the executable is on the mount that its path leads to, there and here. The mount table
/// of a process in a root directory of its own (chroot(2)) has other paths, so it tells nothing.
fn has_same_mount(proc: &OwnedFd, pid: Pid, own: &[Mount]) -> Option<bool> {
    let is_whole = link(proc, &format!("{pid}/root"))? == b"/";
    let path = link(proc, &format!("{pid}/exe"))?;
    let path = path.strip_suffix(b" (deleted)").unwrap_or(&path);
    let theirs = mounts(proc, &pid.to_string());
    let (here, there) = (covering(own, path)?, covering(&theirs, path)?);
    let is_there = mount_of_executable(proc, pid)? == there.id;
    Some(is_whole && is_there && here.shows_the_same(there))
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

/// The mount table of a process; empty where it cannot be read whole.
fn mounts(proc: &OwnedFd, process: &str) -> Vec<Mount> {
    let file = read_beginning(proc, format!("{process}/mountinfo"), LONGEST_MOUNT_TABLE);
    let whole = file.ok().filter(|file| !file.is_cut);
    whole.map(|file| mount_info::mounts(&file.bytes)).unwrap_or_default()
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
