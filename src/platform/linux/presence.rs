//! Whether processes and users exist, whether or not they have sockets.

use std::collections::BTreeSet;

use rustix::io::Errno;
use rustix::process::test_kill_process;

use super::proc_dir::{Entries, open_proc, read_file};
use crate::model::{Pid, Uid};

/// A first process that can be read shows that /proc hides no process (`hidepid`, proc(5)).
const FIRST: &str = "1/stat";

/// Whether there is no such process. One that only may not be signaled exists, and so does one that
/// /proc hides.
pub(super) fn is_absent(pid: Pid) -> bool {
    let known = i32::try_from(pid.0).ok().and_then(rustix::process::Pid::from_raw);
    known.is_none_or(|pid| test_kill_process(pid) == Err(Errno::SRCH))
}

/// Every process; none where some may be hidden.
pub(super) fn all() -> Option<BTreeSet<Pid>> {
    let proc = open_proc().ok()?;
    read_file(&proc, FIRST).ok()?;
    Entries::new().numbers(&proc).map(|pid| pid.ok().map(Pid)).collect()
}

/// Whether there is such a user (getpwnam(3), getpwuid(3)).
pub(super) fn has_user(word: &str) -> bool {
    match word.parse() {
        Ok(uid) => super::user_name(Uid(uid)).is_some(),
        Err(_) => uzers::get_user_by_name(word).is_some(),
    }
}
