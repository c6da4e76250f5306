//! Programs in the PATH that a test needs.

use std::path::PathBuf;
use std::process::Command;
use std::{env, fs};

use super::skip;

/// Where a program is, by the PATH; `None` if it is not there.
pub fn find_in_path(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file())
}

/// Whether system calls can be watched; the test is skipped otherwise.
pub fn can_strace() -> bool {
    let probe = Command::new("strace").args(["-o", "/dev/null", "true"]).status();
    let can = probe.is_ok_and(|status| status.success());
    if !can {
        skip("strace is missing or refused");
    }
    can
}

/// A shell that may have any name: one that busybox plays is chosen by its name.
pub fn shell() -> PathBuf {
    let is_itself =
        |path: &PathBuf| fs::canonicalize(path).is_ok_and(|path| !path.ends_with("busybox"));
    let mut shells = ["sh", "bash"].into_iter().filter_map(find_in_path);
    shells.find(is_itself).expect("a shell in the PATH that is not busybox's")
}

pub fn in_path(program: &str) -> PathBuf {
    find_in_path(program).unwrap_or_else(|| panic!("no {program} in the PATH"))
}
