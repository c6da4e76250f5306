//! Tests that this machine cannot run.

use std::env;

use super::harness;

/// What a skipped test's line begins with, for the harness to find it again.
pub const MARK: &str = "skipped: ";

/// Says that this test cannot run here, and why; the test should return at once.
///
/// On the project's own build machines nothing may be missing: there it is a failure.
pub fn skip(reason: &str) {
    let line = format!("{MARK}{}: {reason}", harness::test_name());
    assert!(env::var_os("CI").is_none_or(|ci| ci != "true"), "{line}, and CI=true allows no skip");
    println!("{line}");
}
