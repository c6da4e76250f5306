//! Changing what is mounted, for this test and the children that it starts from now on.

use std::fs;

use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

/// A /proc in which users see their own processes only.
pub fn hide_processes() -> nix::Result<()> {
    mount_on_proc("proc", Some("hidepid=2"))
}

/// A /proc with nothing in it.
pub fn empty_proc() -> nix::Result<()> {
    mount_on_proc("tmpfs", None)
}

/// No control groups of version 2: whatever group this test runs in, nobody can tell.
pub fn hide_cgroups() -> nix::Result<()> {
    own_mounts()?;
    let mounts = fs::read_to_string("/proc/self/mountinfo").expect("mountinfo");
    for line in mounts.lines().filter(|line| line.contains(" - cgroup2 ")) {
        let point = line.split(' ').nth(4).expect("a mount point");
        mount(Some("tmpfs"), point, Some("tmpfs"), MsFlags::empty(), NONE)?;
    }
    Ok(())
}

fn mount_on_proc(filesystem: &str, options: Option<&str>) -> nix::Result<()> {
    own_mounts()?;
    mount(Some(filesystem), "/proc", Some(filesystem), MsFlags::empty(), options)
}

/// What is mounted from now on is mounted for this test alone.
fn own_mounts() -> nix::Result<()> {
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)
}

const NONE: Option<&str> = None;
