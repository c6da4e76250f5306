//! Errors of commands that belong to no other subject here.

use std::fmt::Display;

use super::advice::run_to;
use super::shell::ShellCommand;
use crate::model::Shell;

/// A PORT that is neither a number nor a service; perhaps the command `near` was meant.
#[must_use]
pub fn unknown_service(name: &str, near: Option<&str>, shell: Shell) -> String {
    let unknown = format!("port '{name}': unknown service");
    match near {
        Some(command) => {
            let help = ShellCommand::new(shell, format_args!("portwho {command} --help"));
            run_to(&format!("for the command {command}"), &unknown, &help.into())
        }
        None => format!("{unknown}; use a number from 1 to 65535"),
    }
}

/// An interface that the system does not have: `interface 'eth7': not found`.
#[must_use]
pub fn unknown_interface(name: &str) -> String {
    format!("interface '{name}': not found")
}

/// Every network namespace was asked for on a system without any.
pub const NO_NAMESPACES: &str = "--all-netns: Windows shows the sockets of one network compartment \
                                 only; run portwho inside of the container";

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
