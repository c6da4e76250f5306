//! Tests that this machine cannot run.

#[cfg(target_os = "linux")]
use std::env;

use super::harness;

/// What a skipped test's line begins with, for the harness to find it again.
pub const MARK: &str = "skipped: ";

/// Says that this test cannot run here, and why; the test should return at once.
///
/// On the project's own build machines nothing may be missing: there it is a failure.
#[cfg(target_os = "linux")]
pub fn skip(reason: &str) {
    let line = line(reason);
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{line}, and CI=true allows no skip");
    println!("{line}");
}

/// Says that a stand-in for a system cannot do what this test needs. That is no failure on any
/// machine: the system itself is tested elsewhere.
#[cfg(windows)]
pub fn skip_stand_in(reason: &str) {
    println!("{}", line(reason));
}

fn line(reason: &str) -> String {
    format!("{MARK}{}: {reason}", harness::test_name())
}
