//! What doctor says of a machine on which nothing is wrong.

use super::Output;

/// Nothing was found in these, such as `9 sockets of 1 process`. Which checks can be made differs
/// between machines.
#[track_caller]
pub fn is_healthy(output: &Output, of: &str) {
    output.is(0, &output.stdout, "");
    let first = format!("no problems found in {of} (");
    assert!(output.stdout.starts_with(&first), "{first}: {output:?}");
    assert!(!output.stdout.contains("\n\n"), "{output:?}");
}
