//! Races and soak: the program against processes that let go, change and come back while it runs.
//!
//! `cargo bench --bench soak -- MINUTES` tries each kind of race for its share of the time, and
//! prints a table of what was tried and what failed; the exit code is 1 if anything did.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a try that cannot set itself up counts as failed"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "results and progress")]
#![allow(unreachable_pub, reason = "nothing is reachable in a benchmark")]

/// The tests' own tools: roles, terminals, namespaces.
#[cfg(target_os = "linux")]
#[allow(dead_code, unused_imports, unused_macros, reason = "the tests use more of it")]
#[allow(
    clippy::format_collect,
    clippy::format_push_string,
    clippy::needless_pass_by_value,
    reason = "as in the tests"
)]
#[macro_use]
#[path = "../../tests/it/support/mod.rs"]
mod support;

/// What changes between the plan and the signal of kill.
#[cfg(target_os = "linux")]
mod kills;
/// What is tried.
#[cfg(target_os = "linux")]
mod kind;
/// Owners under churn, against those that are known.
#[cfg(target_os = "linux")]
mod owners;
/// Memory and descriptors over many runs.
#[cfg(target_os = "linux")]
mod resources;
/// Which kinds there are, and the table.
#[cfg(target_os = "linux")]
mod soak;
/// A process that changes its socket when it is told.
#[cfg(target_os = "linux")]
mod turn;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    if turn::played() || support::role::played() {
        return std::process::ExitCode::SUCCESS;
    }
    soak::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the races are run on Linux, where their processes are");
}
