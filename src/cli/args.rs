//! The words of the command line, as clap reads them.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]

use clap::builder::NonEmptyStringValueParser;
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use super::values::{network, one_state, pid, seconds, signal, some_seconds, states};
use crate::model::Signal;
use crate::model::{StateSet, TcpState};
use crate::query::SortKey;

/// Who holds this port, which sockets are stuck, and end it and prove that it ended.
#[derive(Parser, Debug)]
#[command(
    name = "portwho",
    bin_name = "portwho",
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    max_term_width = 100,
    after_help = "Exit codes: 0 a row was shown, 1 nothing matched, 2 usage or failure."
)]
pub(super) struct Cli {
    #[command(subcommand)]
    pub(super) command: Option<Verb>,
    #[command(flatten)]
    pub(super) list: ListArgs,
}

/// The commands besides listing.
#[derive(Subcommand, Debug)]
pub(super) enum Verb {
    /// End the owner of a port, and check that the port is free
    #[command(
        after_help = "Only what holds the port is ended: a listener or a bound socket, never a \
                      process that is merely connected.\n\
                      Exit codes: 0 every target is gone and the port is free, 1 nothing held \
                      the port, 2 refused, failed, survived or taken again."
    )]
    Kill(KillArgs),
    /// Close the sockets themselves; their process lives on
    #[command(
        after_help = "At least one filter is required. The connection ends, and its peer is told \
                      so; the descriptor stays with the process until it calls close().\n\
                      Listeners are left alone unless -l is given, which selects only them.\n\
                      Exit codes: 0 every socket is gone, 1 nothing matched, 2 refused, declined \
                      or failed."
    )]
    Close(CloseArgs),
    /// What a TCP state means, whose move it is, what to do
    #[command(
        after_help = "Without STATE: all of them, with the number of each here, and how they \
                      follow each other.\n\
                      Exit codes: 0 explained, 2 usage or failure."
    )]
    Explain(ExplainArgs),
    /// Look for leaks and pressure, name the culprit, say what to do
    #[command(
        after_help = "Finds sockets that leak in CLOSE_WAIT, both ends of half-closed connections, \
                      TIME_WAIT pressure, fan-outs in SYN_SENT, floods, full accept queues, \
                      peers that are gone, and descriptors that are nearly used up. On Linux it \
                      sees the network namespace that it runs in, and no container's.\n\
                      Exit codes: 0 healthy, or notes alone, 1 findings, 2 usage or failure."
    )]
    Doctor(DoctorArgs),
}

/// What is selected: the options that every command takes.
#[derive(Args, Debug)]
pub(super) struct SelectArgs {
    /// TCP only
    #[arg(short = 't', long)]
    pub(super) tcp: bool,
    /// UDP only
    #[arg(short = 'u', long)]
    pub(super) udp: bool,
    /// IPv4 only
    #[arg(short = '4', long = "ipv4")]
    pub(super) v4: bool,
    /// IPv6 only
    #[arg(short = '6', long = "ipv6")]
    pub(super) v6: bool,
    /// Owned by this process
    #[arg(long, value_name = "PID", value_parser = pid, value_delimiter = ',')]
    pub(super) pid: Vec<u32>,
    /// Owned by an image of this name, case-insensitive, whole or with *
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    pub(super) name: Vec<String>,
    /// Of this user, or of a process of this user
    #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new(),
          value_delimiter = ',')]
    pub(super) user: Vec<String>,
}

/// Which sockets: the filters of list and of close.
#[derive(Args, Debug)]
pub(super) struct FilterArgs {
    /// Local port: 80, 80,443, 8000-8010, http, 127.0.0.1:80, [::1]:80
    #[arg(value_name = "PORT")]
    pub(super) ports: Vec<String>,
    /// TCP state in any spelling, or a group: connected (all but LISTENING, BOUND, CLOSED),
    /// synchronized (those past the handshake), teardown (being closed), stuck (teardown
    /// without TIME_WAIT)
    #[arg(short, long, value_name = "STATE", value_parser = states, value_delimiter = ',',
          conflicts_with = "udp")]
    pub(super) state: Vec<StateSet>,
    /// All TCP states but these
    #[arg(long, value_name = "STATE", value_parser = states, value_delimiter = ',')]
    pub(super) not_state: Vec<StateSet>,
    /// Only what can take a connection or a datagram
    #[arg(short, long)]
    pub(super) listening: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Port at the far end
    #[arg(long, value_name = "PORT")]
    pub(super) foreign_port: Vec<String>,
    /// Local address or network
    #[arg(long, value_name = "ADDR[/LEN]", value_parser = network)]
    pub(super) local: Vec<IpNet>,
    /// Foreign address or network
    #[arg(long, value_name = "ADDR[/LEN]", value_parser = network)]
    pub(super) foreign: Vec<IpNet>,
}

impl FilterArgs {
    /// Whether anything was asked for.
    pub(super) const fn narrows(&self) -> bool {
        let select = &self.select;
        let by_kind = select.tcp || select.udp || select.v4 || select.v6 || self.listening;
        let by_state = !self.state.is_empty() || !self.not_state.is_empty();
        let by_port = !self.ports.is_empty() || !self.foreign_port.is_empty();
        let by_network = !self.local.is_empty() || !self.foreign.is_empty();
        let by_owner = !select.pid.is_empty() || !select.name.is_empty() || !select.user.is_empty();
        by_kind || by_state || by_port || by_network || by_owner
    }
}

/// Listing.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// Also look into the network namespaces of containers and others (Linux, as root)
    #[arg(long)]
    pub(super) all_netns: bool,
    /// Ask the system whether the ports can be bound, by binding them for a moment
    #[arg(long)]
    pub(super) try_bind: bool,
    /// Tell more of each owner: user, start, command, directory, parents, service, container,
    /// descriptors
    #[arg(short, long, conflicts_with_all = ["pids", "summary"])]
    pub(super) verbose: bool,
    /// Print bare PIDs, each once, one a line
    #[arg(short = 'q', long = "pids", conflicts_with_all = ["json", "summary"])]
    pub(super) pids: bool,
    /// Print counts by state, by state and process, and by foreign address
    #[arg(long)]
    pub(super) summary: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Sort the rows
    #[arg(long, value_name = "KEY", default_value = "port", hide_default_value = true)]
    pub(super) sort: SortArg,
    /// Leave titles and headings out
    #[arg(long)]
    pub(super) no_header: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub(super) color: ColorArg,
    #[command(flatten)]
    pub(super) habits: HabitArgs,
}

/// What netstat's users type out of habit. portwho does all of it anyway.
#[derive(Args, Debug)]
pub(super) struct HabitArgs {
    /// All sockets, also with -l; -n, -o and -p are accepted too and without effect, so that
    /// netstat's -aon, -tulpn and -anlp work
    #[arg(short = 'a')]
    pub(super) all: bool,
    #[arg(short = 'n', hide = true)]
    numeric: bool,
    #[arg(short = 'o', hide = true)]
    owner: bool,
    #[arg(short = 'p', hide = true)]
    programs: bool,
}

/// Ending.
#[derive(Args, Debug)]
pub(super) struct KillArgs {
    /// Local port: 80, 80,443, 8000-8010, http, 127.0.0.1:80, [::1]:80
    #[arg(value_name = "PORT", required = true)]
    pub(super) ports: Vec<String>,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Say who would be ended, and stop
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
    /// Send this signal instead of TERM (not on Windows)
    #[arg(short, long, value_name = "NAME", value_parser = signal)]
    pub(super) signal: Option<Signal>,
    /// End it at once, with KILL (also -9 and -KILL)
    #[arg(short, long, short_alias = '9')]
    pub(super) force: bool,
    /// How long to wait for the exit
    #[arg(long, value_name = "SECS", value_parser = seconds, default_value = "5")]
    pub(super) timeout: std::time::Duration,
}

/// Closing.
#[derive(Args, Debug)]
pub(super) struct CloseArgs {
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// Do not ask
    #[arg(short, long)]
    pub(super) yes: bool,
    /// Say what would be closed, and stop
    #[arg(short = 'n', long)]
    pub(super) dry_run: bool,
}

/// Explaining.
#[derive(Args, Debug)]
pub(super) struct ExplainArgs {
    /// A TCP state in any spelling
    #[arg(value_name = "STATE", value_parser = one_state)]
    pub(super) state: Option<TcpState>,
    #[arg(hide = true)]
    pub(super) more: Vec<String>,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub(super) color: ColorArg,
}

/// Diagnosing.
#[derive(Args, Debug)]
pub(super) struct DoctorArgs {
    /// Look twice, so many seconds apart, and tell what grows
    #[arg(long, value_name = "SECS", value_parser = some_seconds)]
    pub(super) interval: Option<std::time::Duration>,
    /// Print the thresholds and settings too
    #[arg(short, long)]
    pub(super) verbose: bool,
    /// Print JSON
    #[arg(long)]
    pub(super) json: bool,
    /// Colours
    #[arg(long, value_name = "WHEN", default_value = "auto", hide_default_value = true)]
    pub(super) color: ColorArg,
}

/// What can be sorted by.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(super) enum SortArg {
    Port,
    Local,
    Foreign,
    State,
    Pid,
    Image,
    User,
    RecvQ,
    SendQ,
}

impl From<SortArg> for SortKey {
    fn from(key: SortArg) -> Self {
        match key {
            SortArg::Port => Self::Port,
            SortArg::Local => Self::Local,
            SortArg::Foreign => Self::Foreign,
            SortArg::State => Self::State,
            SortArg::Pid => Self::Pid,
            SortArg::Image => Self::Image,
            SortArg::User => Self::User,
            SortArg::RecvQ => Self::RecvQ,
            SortArg::SendQ => Self::SendQ,
        }
    }
}

/// When to use colours.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum ColorArg {
    Auto,
    Always,
    Never,
}
