//! Changing what is mounted, for this test and the children that it starts from now on.

use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};

use super::cgroup;

/// A /proc in which users see their own processes only.
pub fn hide_processes() -> nix::Result<()> {
    mount_on_proc("proc", Some("hidepid=2"))
}

/// A /proc with nothing in it.
pub fn empty_proc() -> nix::Result<()> {
    mount_on_proc("tmpfs", None)
}

/// No cgroups of version 2: whatever group this test runs in, it cannot be seen.
pub fn hide_cgroups() -> nix::Result<()> {
    own_mounts()?;
    for point in cgroup::mounts("cgroup2", "") {
        mount(Some("tmpfs"), &point, Some("tmpfs"), MsFlags::empty(), NONE)?;
    }
    Ok(())
}

/// No other cgroups of version 2 than those below the one that this process is in now.
pub fn only_own_cgroups() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWCGROUP)?;
    let points = cgroup::mounts("cgroup2", "");
    // The kernel puts no file system right on itself.
    hide_cgroups()?;
    for point in points {
        mount(Some("cgroup2"), &point, Some("cgroup2"), MsFlags::empty(), NONE)?;
    }
    Ok(())
}

/// Nothing in this directory, for the mount namespace that this process is in by now.
pub fn empty(directory: &str) -> nix::Result<()> {
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("mode=755"))
}

/// A disk with room for one page, in the place of this directory.
pub fn small_disk(directory: &str) -> nix::Result<()> {
    own_mounts()?;
    mount(Some("tmpfs"), directory, Some("tmpfs"), MsFlags::empty(), Some("size=4096"))
}

/// One file in the place of another, for the mount namespace that this process is in by now.
pub fn bind(file: &str, place: &str) -> nix::Result<()> {
    mount(Some(file), place, NONE, MsFlags::MS_BIND, NONE)
}

/// Takes away what was mounted there; what runs from it goes on.
pub fn detach(directory: &str) -> nix::Result<()> {
    umount2(directory, MntFlags::MNT_DETACH)
}

fn mount_on_proc(filesystem: &str, options: Option<&str>) -> nix::Result<()> {
    own_mounts()?;
    mount(Some(filesystem), "/proc", Some(filesystem), MsFlags::empty(), options)
}

/// What is mounted from now on is mounted for this test alone.
pub fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
}

const NONE: Option<&str> = None;
