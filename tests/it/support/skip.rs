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

/// Whether the checkout that this test was built from is on this machine; a skip where it is not.
#[cfg(target_os = "linux")]
pub fn has_checkout() -> bool {
    let is_there = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("src").is_dir();
    if !is_there {
        skip("the checkout is not on this machine");
    }
    is_there
}

/// Where Windows' tests run, the checkout is.
#[cfg(windows)]
pub const fn has_checkout() -> bool {
    true
}

fn line(reason: &str) -> String {
    format!("{MARK}{}: {reason}", harness::test_name())
}
