//! The parts of portwho by themselves: where a change made a step faster or slower, before it can
//! be seen in a whole process. `cargo bench --bench micro -- render` runs those of a name.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a benchmark that cannot set itself up should stop, and say where"
)]
#![allow(unreachable_pub, reason = "nothing is reachable in a benchmark")]

/// From the kernel's bytes to sockets.
mod decoder;

/// From rows to text.
mod render;

/// What the others work on.
mod sample;

/// From a snapshot to rows.
mod select;

/// From sockets to those who hold them.
#[cfg(target_os = "linux")]
mod walk;

fn main() {
    divan::main();
}
