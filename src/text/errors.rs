//! Errors of commands that belong to no other subject here.

use std::fmt::Display;

use super::advice::run_to;
use super::remedies;
use super::shell::ShellCommand;
use crate::model::Shell;

/// A PORT that is neither a number nor a service; perhaps the command `near` was meant. A word with a `/`
/// names a protocol.
#[must_use]
pub fn unknown_service(name: &str, near: Option<&str>, shell: Shell) -> String {
    if name.contains('/') {
        return format!("port '{name}': unknown protocol; use /tcp or /udp");
    }
    if let Some(command) = near {
        let help = ShellCommand::new(shell, format_args!("portwho {command} --help"));
        let unknown = format!("port '{name}': unknown service");
        return run_to(&format!("for the command {command}"), &unknown, &help.into());
    }
    let may_be_command = name.bytes().all(|byte| byte.is_ascii_alphabetic());
    let what = if may_be_command { "service or command" } else { "service" };
    let text = format!("port '{name}': unknown {what}; use a number from 1 to 65535");
    if !name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        return text;
    }
    let by_name = remedies::list(shell, ["--name", name]);
    run_to("to find processes by name", &text, &by_name.into())
}

/// An interface that the system does not have: `interface 'eth7': not found`.
#[must_use]
pub fn unknown_interface(name: &str) -> String {
    format!("interface '{name}': not found")
}

/// Every network namespace was asked for on a system without any.
pub const NO_NAMESPACES: &str = "--all-netns: Windows shows the sockets of one network compartment \
                                 only; run portwho inside of the container";

/// A way to search for owners was asked for on a system that does not search.
pub const NO_OWNER_SEARCH: &str = "--owners: Windows names the owners itself";

/// The sockets of each state cannot be counted.
#[must_use]
pub fn not_counted(error: &impl Display) -> String {
    format!("the sockets cannot be counted: {error}")
}

/// A result cannot be written.
#[must_use]
pub fn not_written(why: &str) -> String {
    format!("cannot write to standard output: {why}")
}
