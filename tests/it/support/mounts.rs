//! Changing what /proc is, for this test and the children that it starts from now on.

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

fn mount_on_proc(filesystem: &str, options: Option<&str>) -> nix::Result<()> {
    const NONE: Option<&str> = None;
    unshare(CloneFlags::CLONE_NEWNS)?;
    mount(NONE, "/", NONE, MsFlags::MS_REC | MsFlags::MS_PRIVATE, NONE)?;
    mount(Some(filesystem), "/proc", Some(filesystem), MsFlags::empty(), options)
}
