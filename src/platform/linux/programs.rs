//! Where programs come from that users cannot replace.

use std::collections::BTreeSet;
use std::os::fd::OwnedFd;

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

/// Mount tables longer than this are not read to their end, and prove nothing.
const LONGEST_MOUNT_TABLE: usize = 1024 * 1024;

/// Those of `pids` whose executable's path leads to the same file system here: they are in the mount
/// namespace of this thread (mount_namespaces(7)), or their own has the same mount there, as that
/// of rootless podman. One whose namespace may not be read is not. Only texts of the kernel are
/// read, of links and of mountinfo; the path itself is not followed.
pub(super) fn in_own_mounts(pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    let Some(namespace) = link(&proc, "thread-self/ns/mnt") else { return BTreeSet::new() };
    let mut own_mounts = None;
    let mut means_the_same = |pid: &Pid| {
        link(&proc, &format!("{pid}/ns/mnt")).is_some_and(|other| {
            let own = || mounts(&proc, "thread-self");
            other == namespace
                || has_same_mount(&proc, *pid, own_mounts.get_or_insert_with(own)) == Some(true)
        })
    };
    pids.iter().copied().filter(|pid| means_the_same(pid)).collect()
}

/// Whether the mount that the executable's path leads to is one of `own`. The mount table of a
/// process in a root directory of its own (chroot(2)) has other paths, so it tells nothing.
fn has_same_mount(proc: &OwnedFd, pid: Pid, own: &[Mount]) -> Option<bool> {
    let is_whole = link(proc, &format!("{pid}/root"))? == b"/";
    let executable = link(proc, &format!("{pid}/exe"))?;
    let theirs = mounts(proc, &pid.to_string());
    let (here, there) = (covering(own, &executable)?, covering(&theirs, &executable)?);
    Some(is_whole && here == there)
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
