//! Where programs come from that users cannot replace.

use std::collections::BTreeSet;

use super::proc_dir::open_proc;
use crate::model::{Pid, Untrusted};

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

/// Those of `pids` that are in the mount namespace of this thread (mount_namespaces(7)). One whose
/// namespace may not be read is not. Only the text of the links is read.
pub(super) fn in_own_mounts(pids: &BTreeSet<Pid>) -> BTreeSet<Pid> {
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    let namespace =
        |of: &str| rustix::fs::readlinkat(&proc, format!("{of}/ns/mnt"), Vec::new()).ok();
    let Some(own) = namespace("thread-self") else { return BTreeSet::new() };
    let is_own = |pid: &Pid| namespace(&pid.to_string()).is_some_and(|other| other == own);
    pids.iter().copied().filter(is_own).collect()
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
