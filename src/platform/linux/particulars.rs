//! The particulars of processes: /proc/PID/cwd, exe, fd and limits.

use std::collections::{BTreeMap, BTreeSet};
use std::os::fd::{AsFd, OwnedFd};

use super::bounds;
use super::proc_dir::{Entries, open_dir, open_proc, read_file};
use crate::model::{Particulars, Pid, Untrusted};
use crate::platform::decode::{proc_exe, proc_limits};

/// The particulars of those of `pids` that still exist.
pub(super) fn of(pids: &BTreeSet<Pid>) -> BTreeMap<Pid, Particulars> {
    let Ok(proc) = open_proc() else { return BTreeMap::new() };
    let mut entries = Entries::new();
    let particulars = pids.iter().filter_map(|pid| {
        let directory = open_dir(&proc, pid.to_string()).ok()?;
        Some((*pid, describe(&directory, &mut entries)))
    });
    particulars.collect()
}

fn describe(directory: &OwnedFd, entries: &mut Entries) -> Particulars {
    let working_directory = rustix::fs::readlinkat(directory, c"cwd", Vec::new()).ok();
    let executable = rustix::fs::readlinkat(directory, c"exe", Vec::new());
    let limits = read_file(directory, c"limits").ok();
    let limits = limits.map(|file| proc_limits::open_files(&file)).unwrap_or_default();
    let (descriptor_limit, descriptor_hard_limit) = limits;
    Particulars {
        executable_deleted: executable
            .is_ok_and(|link| proc_exe::executable(link.as_bytes()).is_removed),
        working_directory: working_directory.map(|path| Untrusted::new(path.into_bytes())),
        descriptors: count(directory, entries),
        descriptor_limit,
        descriptor_hard_limit,
    }
}

/// The descriptors of a process: those of its first thread, or where that has exited and no longer has
/// any, of the thread that has most.
fn count(directory: impl AsFd, entries: &mut Entries) -> Option<u64> {
    let own = count_in(&directory, c"fd", entries);
    if own.is_some_and(|count| count > 0) {
        return own;
    }
    let tasks = open_dir(&directory, c"task").ok()?;
    let threads = entries.numbers(&tasks).collect::<Result<Vec<_>, _>>().ok()?;
    let counts = threads
        .iter()
        .take(bounds::THREADS_COUNTED)
        .filter_map(|thread| count_in(&tasks, format!("{thread}/fd"), entries));
    counts.max().or(own)
}

fn count_in(
    directory: impl AsFd,
    path: impl rustix::path::Arg,
    entries: &mut Entries,
) -> Option<u64> {
    let descriptors = open_dir(directory, path).ok()?;
    // Since Linux 6.2 the size of the directory is their number; 0 before that.
    let size =
        rustix::fs::fstat(&descriptors).ok().and_then(|stat| u64::try_from(stat.st_size).ok());
    if let Some(counted) = size.filter(|count| *count > 0) {
        return Some(counted);
    }
    entries.numbers(&descriptors).try_fold(0, |count, number| number.map(|_| count + 1)).ok()
}
