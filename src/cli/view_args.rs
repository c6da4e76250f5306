//! The options of the list: how it is printed, and what users of netstat type out of habit.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]

use clap::Args;

use super::choices::{ColorArg, SortArg};
use super::values::column;
use crate::query::SocketColumn;

/// How the list is printed.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub(super) struct ViewArgs {
    /// Show details of each owner: user, start time, command line, descriptors
    #[arg(short, long, conflicts_with_all = ["pids", "summary"])]
    pub(super) verbose: bool,
    /// Print one table, with the user and the command line in each row
    #[arg(short, long, conflicts_with_all = ["pids", "summary", "json", "columns", "lsof"])]
    pub(super) wide: bool,
    /// Print one table with these columns: proto, local, foreign, state, pid, image, user, command,
    /// port, foreign-port, service, age, recv-q, send-q, timer, idle, inode, fd, netns, v6only, type,
    /// device, size/off, node, name
    #[arg(long, value_name = "A,B,...", value_parser = column, value_delimiter = ',',
          hide_short_help = true,
          conflicts_with_all = ["verbose", "pids", "summary", "json", "lsof"])]
    pub(super) columns: Vec<SocketColumn>,
    /// Print one table with lsof's columns, a row for each process and descriptor
    #[arg(long, hide_short_help = true,
          conflicts_with_all = ["verbose", "pids", "summary", "json", "csv"])]
    pub(super) lsof: bool,
    /// Print comma-separated values, with the columns of --wide or --columns
    #[arg(long, hide_short_help = true,
          conflicts_with_all = ["verbose", "pids", "summary", "json"])]
    pub(super) csv: bool,
    /// Print only PIDs, one per line
    #[arg(short = 'q', long = "pids", conflicts_with_all = ["json", "summary"],
          hide_short_help = true)]
    pub(super) pids: bool,
    /// Print counts by state, by process and by foreign address
    #[arg(long, hide_short_help = true)]
    pub(super) summary: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Sort rows by port, local, foreign, state, pid, image, user, age, recv-q or send-q
    #[arg(
        long,
        value_name = "KEY",
        hide_possible_values = true,
        hide_short_help = true,
        allow_hyphen_values = true
    )]
    pub(super) sort: Option<SortArg>,
    /// Omit titles and headings
    #[arg(long, hide_short_help = true)]
    pub(super) no_header: bool,
    /// Use color: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        hide_short_help = true
    )]
    pub(super) color: ColorArg,
}

/// What users of netstat type out of habit. portwho does all of it anyway.
#[derive(Args, Debug)]
#[command(next_help_heading = "Compatibility")]
pub(super) struct HabitArgs {
    /// All sockets; overrides -l
    #[arg(short = 'a', hide_short_help = true)]
    pub(super) all: bool,
    /// No effect; accepted for netstat -aon
    #[arg(short = 'n', hide_short_help = true)]
    numeric: bool,
    /// No effect; accepted for netstat -aon
    #[arg(short = 'o', hide_short_help = true)]
    owner: bool,
    /// No effect; accepted for netstat -tulpn; -p tcp and -p udp as on Windows
    #[arg(short = 'p', hide_short_help = true)]
    programs: bool,
    /// No effect; accepted for netstat -anob
    #[arg(short = 'b', hide_short_help = true)]
    binaries: bool,
}
