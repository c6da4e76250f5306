//! The arguments of each command, as clap parses them.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]

use clap::Args;

use super::args::{FilterArgs, SelectArgs};
use super::choices::{ColorArg, GenerateArg};
use super::request::Topic;
use super::values::{count, seconds, signal, some_seconds, topic};
use crate::model::Signal;

/// Terminating.
#[derive(Args, Debug)]
pub(super) struct KillArgs {
    /// Local port, or a list: 80, 80,443, 8000-8010, http, 53/udp, localhost:80, [::1]:80
    #[arg(value_name = "PORT", required = true)]
    pub(super) ports: Vec<String>,
    /// Do not ask for confirmation
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Print what would be done, and stop
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// Send this signal instead of SIGTERM (not on Windows)
    #[arg(short, long, value_name = "NAME", value_parser = signal)]
    pub(super) signal: Option<Signal>,
    /// Send SIGKILL immediately (also: -9, -KILL)
    #[arg(short, long, short_alias = '9')]
    pub(super) force: bool,
    /// First terminate the parent that restarts the owner (asks, or requires -y)
    #[arg(long)]
    pub(super) parent: bool,
    /// Seconds to wait for the process to exit
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "5")]
    pub(super) timeout: std::time::Duration,
    #[command(flatten)]
    pub(super) select: SelectArgs,
}

/// Closing.
#[derive(Args, Debug)]
pub(super) struct CloseArgs {
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// Do not ask for confirmation
    #[arg(short, long, help_heading = "Options")]
    pub(super) yes: bool,
    /// Print what would be closed, and stop
    #[arg(short = 'n', long, help_heading = "Options")]
    pub(super) dry_run: bool,
}

/// Explaining.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// TCP state in any spelling, or UDP
    #[arg(value_name = "STATE", value_parser = topic)]
    pub(super) state: Option<Topic>,
    #[arg(hide = true)]
    pub(super) more: Vec<String>,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Use color: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub(super) color: ColorArg,
}

/// Diagnosing.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// Take two snapshots, SECS apart, and report growth
    #[arg(long, value_name = "SECS", value_parser = some_seconds, help_heading = "Options")]
    pub(super) interval: Option<std::time::Duration>,
    /// Take N snapshots, and compare each with the one before; 0 repeats until Ctrl-C
    #[arg(long, value_name = "N", value_parser = count, help_heading = "Options")]
    pub(super) count: Option<u64>,
    /// Print every check with its threshold, and the TCP settings
    #[arg(short, long, help_heading = "Options")]
    pub(super) verbose: bool,
    /// Print JSON
    #[arg(long, help_heading = "Options")]
    pub(super) json: bool,
    /// Use color: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Options"
    )]
    pub(super) color: ColorArg,
}

/// Generating.
#[derive(Args, Debug)]
pub(super) struct GenerateArgs {
    /// What to print: man, bash, zsh, fish or powershell
    #[arg(value_name = "WHAT", hide_possible_values = true)]
    pub(super) what: GenerateArg,
}
