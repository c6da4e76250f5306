//! Whether a process is stopped: by a signal, by a debugger, or with its cgroup.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::CWD;

use super::proc_dir::{open_dir, read_file};
use crate::model::{Stopped, Untrusted};
use crate::platform::decode::mount_info::{self, Mount};
use crate::platform::decode::{cgroup, proc_stat};

/// `CGROUP_SUPER_MAGIC` and `CGROUP2_SUPER_MAGIC` (`linux/magic.h`).
const CGROUP_FILE_SYSTEMS: [i64; 2] = [0x0027_e0eb, 0x6367_7270];

/// What stops the process in `directory` (its /proc/PID), if anything does. Of its threads the first
/// one tells: a stop signal stops all of them.
pub(super) fn of(directory: impl AsFd) -> Option<Stopped> {
    let groups = read_file(&directory, c"cgroup").unwrap_or_default();
    frozen(&groups).or_else(|| {
        let stat = read_file(&directory, c"stat").ok()?;
        match proc_stat::stat(&stat).ok()?.state {
            b'T' => Some(Stopped::BySignal),
            b't' => Some(Stopped::ByTracer),
            _ => None,
        }
    })
}

/// How a version of cgroups says that a group is frozen, and whether by itself.
struct Freezer {
    /// The type of its file system.
    kind: &'static [u8],
    /// The controller in /proc/PID/cgroup.
    controller: &'static [u8],
    /// The file that shows it, and what it says.
    state: (&'static str, &'static [u8]),
    /// The file that is about this cgroup alone and not about one above it.
    own: (&'static str, &'static [u8]),
    /// The file that thaws it, and what to write there.
    thaw: (&'static str, &'static str),
    can_be_killed: bool,
}

/// Documentation/admin-guide/cgroup-v2.rst, and cgroup-v1/freezer-subsystem.rst, of the kernel.
const FREEZERS: [Freezer; 2] = [
    Freezer {
        kind: b"cgroup2",
        controller: b"",
        state: ("cgroup.events", b"frozen 1"),
        own: ("cgroup.freeze", b"1"),
        thaw: ("cgroup.freeze", "0"),
        can_be_killed: true,
    },
    Freezer {
        kind: b"cgroup",
        controller: b"freezer",
        state: ("freezer.state", b"FROZEN"),
        own: ("freezer.self_freezing", b"1"),
        thaw: ("freezer.state", "THAWED"),
        can_be_killed: false,
    },
];

fn frozen(groups: &[u8]) -> Option<Stopped> {
    let file = read_file(CWD, c"/proc/self/mountinfo").ok()?;
    let mounts = mount_info::mounts(&file);
    FREEZERS.iter().find_map(|freezer| {
        let group = cgroup::path_of(groups, freezer.controller)?;
        let mut of_kind = mounts.iter().filter(|mount| mount.kind == freezer.kind);
        of_kind.find_map(|mount| freezer.frozen_below(mount, group))
    })
}

impl Freezer {
    /// Whether the group is frozen, as the hierarchy that is mounted there shows.
    fn frozen_below(&self, mount: &Mount, group: &[u8]) -> Option<Stopped> {
        let root = mount.root.strip_suffix(b"/").unwrap_or(&mount.root);
        let group = group.strip_prefix(root)?;
        let parts: Vec<&[u8]> =
            group.split(|&byte| byte == b'/').filter(|part| !part.is_empty()).collect();
        // A path with `..` is a cgroup outside this cgroup namespace.
        if parts.contains(&&b".."[..]) {
            return None;
        }
        let directory = open_hierarchy(mount)?;
        if !says(&directory, &parts, self.state) {
            return None;
        }
        let above = (1..=parts.len()).rev().filter_map(|length| parts.get(..length));
        let frozen =
            above.into_iter().find(|group| says(&directory, group, self.own)).unwrap_or(&parts);
        let point = mount.point.strip_suffix(b"/").unwrap_or(&mount.point);
        let file = [&[point], frozen, &[self.thaw.0.as_bytes()]].concat().join(&b'/');
        Some(Stopped::Frozen {
            thaw: self.thaw.1,
            file: Untrusted::new(file),
            can_be_killed: self.can_be_killed,
        })
    }
}

/// Whether a file of the group `parts` has this line.
fn says(hierarchy: &OwnedFd, parts: &[&[u8]], (file, line): (&str, &[u8])) -> bool {
    let path = [parts, &[file.as_bytes()]].concat().join(&b'/');
    let text = read_file(hierarchy, path.as_slice()).unwrap_or_default();
    text.split(|&byte| byte == b'\n').any(|said| said == line)
}

/// The mounted hierarchy, unless something else is mounted over it.
fn open_hierarchy(mount: &Mount) -> Option<OwnedFd> {
    let directory = open_dir(CWD, mount.point.as_slice()).ok()?;
    let is_one =
        rustix::fs::fstatfs(&directory).is_ok_and(|of| CGROUP_FILE_SYSTEMS.contains(&of.f_type));
    is_one.then_some(directory)
}
