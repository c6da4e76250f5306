//! What watching costs: CPU time of all threads of `portwho watch` on a terminal, beside a loop of ss.
//!
//! `cargo bench --bench watch` makes two loads in a network namespace of its own, lets connections of all
//! processes come and go, measures each program for a minute, and prints a table. No exit code depends
//! on a time.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot set itself up should stop, and say where"
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

/// Processes whose connections come and go.
#[cfg(target_os = "linux")]
mod crowd;
/// What a process uses.
#[cfg(target_os = "linux")]
mod usage;
/// What is measured, and the table.
#[cfg(target_os = "linux")]
mod watch;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    if crowd::played() || support::role::played() {
        return std::process::ExitCode::SUCCESS;
    }
    watch::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("this is measured on Linux, where the load and the other tools are");
}
