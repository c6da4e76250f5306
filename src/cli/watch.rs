//! `portwho watch`: its arguments, and the request that they make.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]

use std::time::Duration;

use clap::Args;

use super::args::FilterArgs;
use super::choices::{ColorArg, SortArg};
use super::values::{column, count, some_seconds};
use super::{ColorWhen, FilterRequest, UsageError, filter_request};
use crate::query::{SocketColumn, SortKey};

/// Shown below the options.
pub(super) const DETAILS: &str = "\
On a terminal it is a view with keys: ? lists them, q quits. Otherwise it prints lines.\n\
Each look is compared with the one before: what opened, what changed (state, addresses or owners), \
what closed. What opened and closed between two looks is not seen. If a look uses much CPU time, \
the interval grows.\n\
Exit codes: 0 after q, and with --count after the last look; 2 usage error or failure; 130 Ctrl-C.";

/// Watching.
#[derive(Args, Debug)]
pub(super) struct WatchArgs {
    #[command(flatten)]
    filters: FilterArgs,
    /// Sockets of every network namespace (Linux, as root)
    #[arg(long, help_heading = "Scope")]
    all_netns: bool,
    /// Seconds between two looks
    #[arg(long, value_name = "SECS", value_parser = some_seconds, default_value = "1",
          help_heading = "Options")]
    interval: Duration,
    /// Stop after N looks; 0 repeats until Ctrl-C
    #[arg(long, value_name = "N", value_parser = count, default_value = "0",
          hide_default_value = true, help_heading = "Options")]
    count: u64,
    /// Leave out the keys that kill, close and write a file
    #[arg(long, help_heading = "Options")]
    read_only: bool,
    /// Show the user and the command line in each row
    #[arg(short, long, conflicts_with_all = ["json", "columns"], help_heading = "Output")]
    wide: bool,
    /// Show these columns, by the words of the list
    #[arg(long, value_name = "A,B,...", value_parser = column, value_delimiter = ',',
          conflicts_with = "json", help_heading = "Output")]
    columns: Vec<SocketColumn>,
    /// Sort rows by port, local, foreign, state, pid, image, user, age, recv-q or send-q
    #[arg(
        long,
        value_name = "KEY",
        hide_possible_values = true,
        allow_hyphen_values = true,
        help_heading = "Output"
    )]
    sort: Option<SortArg>,
    /// Print a line for each change
    #[arg(long, conflicts_with = "json", help_heading = "Output")]
    plain: bool,
    /// Print a JSON object for each change, one per line
    #[arg(long, help_heading = "Output")]
    json: bool,
    /// Use color in the live view: auto, always or never
    #[arg(
        long,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    color: ColorArg,
}

/// A request to watch.
#[derive(Debug)]
pub struct WatchRequest {
    /// Which sockets.
    pub filters: FilterRequest,
    /// Whether every network namespace is looked at.
    pub all_namespaces: bool,
    /// How long it rests between two looks, at least.
    pub interval: Duration,
    /// How many looks it takes; none for no end.
    pub count: Option<u64>,
    /// The columns; none for those of the list.
    pub columns: Option<Vec<SocketColumn>>,
    /// How to sort the rows.
    pub sort: SortKey,
    /// A line for each change, even on a terminal.
    pub plain: bool,
    /// A JSON object for each change.
    pub json: bool,
    /// Whether the live view does nothing to the machine.
    pub read_only: bool,
    /// When the live view uses color.
    pub color: ColorWhen,
}

/// The request.
pub(super) fn request(args: WatchArgs) -> Result<WatchRequest, UsageError> {
    let wide = args.wide.then(|| SocketColumn::WIDE.to_vec());
    let columns = (!args.columns.is_empty()).then_some(args.columns);
    Ok(WatchRequest {
        filters: filter_request(args.filters)?,
        all_namespaces: args.all_netns,
        interval: args.interval,
        count: (args.count > 0).then_some(args.count),
        columns: columns.or(wide),
        sort: args.sort.map(SortKey::from).unwrap_or_default(),
        plain: args.plain,
        json: args.json,
        read_only: args.read_only,
        color: args.color.into(),
    })
}
