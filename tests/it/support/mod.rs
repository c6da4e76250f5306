//! What the tests are written with; one subject a file.

mod diff;
mod harness;
mod healthy;
mod run;
mod scratch;
mod skip;
mod wait;

#[cfg(target_os = "linux")]
mod attackers;
#[cfg(target_os = "linux")]
pub mod budgets;
#[cfg(target_os = "linux")]
pub mod cgroup;
#[cfg(all(windows, feature = "watch"))]
pub mod console;
#[cfg(target_os = "linux")]
pub mod docker;
#[cfg(target_os = "linux")]
mod faulty;
#[cfg(target_os = "linux")]
pub mod features;
#[cfg(target_os = "linux")]
pub mod ffi;
#[cfg(target_os = "linux")]
pub mod flight;
#[cfg(target_os = "linux")]
pub mod golden;
pub mod json;
#[cfg(target_os = "linux")]
pub mod kernel_table;
#[cfg(windows)]
pub mod lab;
#[cfg(target_os = "linux")]
pub mod limits;
#[cfg(target_os = "linux")]
pub mod makers;
pub mod metrics;
#[cfg(target_os = "linux")]
pub mod mounts;
#[cfg(target_os = "linux")]
pub mod neighbor;
#[cfg(target_os = "linux")]
pub mod netns;
#[cfg(windows)]
pub mod netsh;
pub mod netstat;
#[cfg(windows)]
pub mod peer;
#[cfg(target_os = "linux")]
pub mod process;
#[cfg(target_os = "linux")]
pub mod programs;
#[cfg(target_os = "linux")]
pub mod refuse;
#[cfg(target_os = "linux")]
pub mod renaming;
#[cfg(target_os = "linux")]
pub mod reopen;
#[cfg(target_os = "linux")]
pub mod role;
#[cfg(target_os = "linux")]
mod rounds;
#[cfg(target_os = "linux")]
pub mod segments;
#[cfg(target_os = "linux")]
mod stalling_files;
#[cfg(target_os = "linux")]
mod supervisor;
#[cfg(target_os = "linux")]
pub mod terminal;
#[cfg(windows)]
mod window;
#[cfg(windows)]
pub mod wine;

#[cfg(target_os = "linux")]
pub use diff::diff;
pub use harness::{Test, main};
pub use healthy::is_healthy;
#[cfg(target_os = "linux")]
pub use rounds::rounds;
pub use run::{Output, portwho};
#[cfg(target_os = "linux")]
pub use run::{Run, VIEWS, without_seconds};
pub use scratch::Scratch;
#[cfg(target_os = "linux")]
pub use skip::{has_checkout, skip};
#[cfg(windows)]
pub use skip::{has_checkout, skip_stand_in};
pub use wait::wait_until;
