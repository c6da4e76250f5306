//! portwho compared with the tools that people use today: whole processes, measured in turn, on loads
//! that are made for it in a network namespace of their own.
//!
//! `cargo bench --bench compare` runs all four workloads and prints a table of each, and which of
//! the goals are met. Speed is measured and never asserted: the exit code does not tell of it.
//!
//! The program starts itself again in two roles: as the processes of a load ([`load`]), and as a
//! stopwatch around each run of a tool ([`stopwatch`]).

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot set itself up should stop, and say where"
)]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "results and progress")]
#![allow(unreachable_pub, reason = "nothing is reachable in a benchmark")]

#[cfg(target_os = "linux")]
mod arguments;
#[cfg(target_os = "linux")]
mod contestants;
#[cfg(target_os = "linux")]
mod goals;
/// Processes, descriptors and sockets to search.
#[cfg(target_os = "linux")]
mod load;
/// The machine and what else it was doing.
#[cfg(target_os = "linux")]
mod machine;
/// The tests' own way into a network namespace.
#[cfg(target_os = "linux")]
#[path = "../../tests/it/support/netns.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod netns;
#[cfg(target_os = "linux")]
mod report;
#[cfg(target_os = "linux")]
mod rounds;
/// One run of a tool, from fork to exit.
#[cfg(target_os = "linux")]
mod stopwatch;
#[cfg(target_os = "linux")]
mod table;
/// What that waits with.
#[cfg(target_os = "linux")]
#[path = "../../tests/it/support/wait.rs"]
mod wait;
/// The four workloads, and what is asked on each.
#[cfg(target_os = "linux")]
mod workloads;

/// The comparison itself, from the words of the command line to the tables.
#[cfg(target_os = "linux")]
mod compare;

#[cfg(target_os = "linux")]
use wait::wait_until;

#[cfg(target_os = "linux")]
fn main() -> std::process::ExitCode {
    compare::main()
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("the comparison is made on Linux, where the other tools and the loads are");
}
