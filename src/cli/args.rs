//! The command line, as clap parses it.

#![expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]

use clap::builder::NonEmptyStringValueParser;
use clap::{ArgAction, Args, Parser, Subcommand};
use ipnet::IpNet;

use super::choices::OwnersArg;
use super::values::{network, pid, states};
use super::verb_args::{CloseArgs, DoctorArgs, ExplainArgs, GenerateArgs, KillArgs};
use super::view_args::{HabitArgs, ViewArgs};
use crate::model::StateSet;
use crate::query::ForeignTerm;

/// Shown by `-h`, instead of every option.
const EXAMPLES: &str = "\
Examples:
  portwho 8080             Which process holds port 8080
  portwho kill 8080        Terminate it, and check that the port is free
  portwho -l --name nginx  Where nginx listens
  portwho --help           All options";

/// Shown by `--help`, below the options.
pub(super) const DETAILS: &str = "\
States: spelling is flexible: CLOSE_WAIT, close-wait, CloseWait.
  Groups: connected (all but LISTENING, BOUND and CLOSED), synchronized (past the handshake),
  teardown (closing or closed), stuck (teardown without TIME_WAIT).
  PowerShell splits lists, so quote them: --state \"LISTEN,CLOSE_WAIT\"
Several owners: a command, a name or a PID that ends in +2 has two more behind it; -v shows them all.
Exit codes: 0 a row was shown, 1 nothing matched, 2 usage error or failure.
Help for a command: portwho kill --help";

/// The screen of `-h`: 25 lines at most, so that it fits a terminal of that height.
const TEMPLATE: &str = "{about}\n\n{usage-heading} {usage}\n\n{before-help}{all-args}{after-help}";

/// Find what holds a port, and free it
#[derive(Parser, Debug)]
#[command(
    name = super::NAME,
    bin_name = super::NAME,
    version,
    args_conflicts_with_subcommands = true,
    disable_help_subcommand = true,
    disable_help_flag = true,
    disable_version_flag = true,
    max_term_width = 100,
    help_template = TEMPLATE,
    before_help = EXAMPLES,
    override_usage = "portwho [COMMAND] [OPTIONS] [PORT]...",
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
    /// Terminate the owner of a port, and check that the port is free
    #[command(after_help = "Only a process with a listening or BOUND socket on the port is \
                            terminated, never one that merely has a connection. Without -u or a \
                            PORT such as 53/udp, only TCP counts.\n\
                      On a terminal, kill asks first. If standard input is not a terminal, it \
                      sends the signal without asking; if unrelated processes hold the port, it \
                      then requires --yes or a filter, and --parent requires --yes.\n\
                      Exit codes: 0 every target has exited and the port is free, 1 nothing holds \
                      the port, 2 usage error, refused, failed, still running or taken again.")]
    Kill(KillArgs),
    /// Close sockets; their process keeps running
    #[command(
        after_help = "A PORT or another filter is required. The connection is closed; the process keeps \
                      its descriptor until it calls close(). On Linux the peer gets a RST in \
                      ESTABLISHED, CLOSE_WAIT and FIN_WAIT_1, and in FIN_WAIT_2 with a process; in \
                      CLOSING, LAST_ACK and TIME_WAIT nothing is sent.\n\
                      Listeners are not closed without -l, which selects only them.\n\
                      On a terminal, close asks first. If standard input is not a terminal, it \
                      requires a PORT, --pid or --yes, and closes the sockets without asking.\n\
                      Exit codes: 0 every socket is closed, 1 nothing matched, 2 usage error, \
                      refused, declined or failed."
    )]
    Close(CloseArgs),
    /// Wait until something listens on a port, or until the port is free
    #[command(after_help = super::wait::DETAILS)]
    Wait(super::wait::WaitArgs),
    /// Watch sockets open, change and close
    #[command(after_help = super::watch::DETAILS)]
    Watch(super::watch::WatchArgs),
    /// Explain a TCP state: what it means, who must act, what to do
    #[command(after_help = "Without STATE: every state, how many sockets are in it here, and the \
                      transitions between them. With UDP: why its sockets have no state.\n\
                      Exit codes: 0 explanation printed, 2 unknown state or failure.")]
    Explain(ExplainArgs),
    /// Check for leaks, full queues and exhausted ports and descriptors
    #[command(
        after_help = "Checks for leaks, full queues, drops, peers that do not answer or read, \
                      and limits nearly reached; -v lists every check. On Linux it checks only \
                      its own network namespace.\n\
                      Exit codes: 0 no findings, or only notes; 1 findings, or nothing matched; \
                      2 usage error or failure."
    )]
    Doctor(DoctorArgs),
    /// Print metrics for Prometheus
    #[command(after_help = super::metrics::DETAILS)]
    Metrics(super::metrics::MetricsArgs),
    /// Print the man page, or a script that completes portwho's command lines in a shell
    #[command(
        after_help = "To complete commands, options, states, and the ports, PIDs and names of \
                      this machine:\n  \
                      source <(portwho generate bash)    in ~/.bashrc\n  \
                      source <(portwho generate zsh)     in ~/.zshrc, after compinit\n  \
                      portwho generate fish > ~/.config/fish/completions/portwho.fish\n  \
                      portwho generate powershell | Out-String | Invoke-Expression    in $PROFILE"
    )]
    Generate(GenerateArgs),
}

/// What every command can select by.
#[derive(Args, Debug)]
#[command(next_help_heading = "Filters")]
pub(super) struct SelectArgs {
    /// TCP only
    #[arg(short = 't', long, hide_short_help = true)]
    pub(super) tcp: bool,
    /// UDP only
    #[arg(short = 'u', long, hide_short_help = true)]
    pub(super) udp: bool,
    /// IPv4 only
    #[arg(short = '4', long = "ipv4", hide_short_help = true)]
    pub(super) v4: bool,
    /// IPv6 only
    #[arg(short = '6', long = "ipv6", hide_short_help = true)]
    pub(super) v6: bool,
    /// Process ID, or a list: 812,813
    #[arg(long, value_name = "PID", value_parser = pid, value_delimiter = ',',
          hide_short_help = true)]
    pub(super) pid: Vec<u32>,
    /// Process name, case-insensitive; * is a wildcard; or a list: nginx,node*
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new(),
          value_delimiter = ',', hide_short_help = true)]
    pub(super) name: Vec<String>,
    /// User of the socket or of its process, or a list: www-data,1000
    #[arg(long, value_name = "USER", value_parser = NonEmptyStringValueParser::new(),
          value_delimiter = ',', hide_short_help = true)]
    pub(super) user: Vec<String>,
    /// How owners are searched: in /proc, by the kernel (bpf), or by what is faster (auto) (Linux, bpf
    /// as root)
    #[arg(
        long,
        value_name = "WAY",
        hide_short_help = true,
        hide_possible_values = true,
        help_heading = "Scope"
    )]
    pub(super) owners: Option<OwnersArg>,
}

/// Which sockets: the filters of list and of close.
#[derive(Args, Debug)]
#[command(next_help_heading = "Filters")]
pub(super) struct FilterArgs {
    /// Local port, or a list: 80, 80,443, 8000-8010, http, 53/udp, localhost:80, [::1]:80
    #[arg(value_name = "PORT", hide_short_help = true, help_heading = "Arguments")]
    pub(super) ports: Vec<String>,
    /// Only these TCP states or groups of states (a list)
    #[arg(short, long, value_name = "STATE", value_parser = states, value_delimiter = ',',
          conflicts_with = "udp")]
    pub(super) state: Vec<StateSet>,
    /// Exclude these TCP states (a list)
    #[arg(long, value_name = "STATE", value_parser = states, value_delimiter = ',',
          hide_short_help = true)]
    pub(super) not_state: Vec<StateSet>,
    /// Only listening TCP sockets and unconnected UDP sockets
    #[arg(short, long)]
    pub(super) listening: bool,
    /// Only listeners that other machines can reach: not bound to a loopback address
    #[arg(long, hide_short_help = true)]
    pub(super) exposed: bool,
    #[command(flatten)]
    pub(super) select: SelectArgs,
    /// Foreign port, or a list
    #[arg(long, value_name = "PORT", hide_short_help = true)]
    pub(super) foreign_port: Vec<String>,
    /// Local address or network, or a list
    #[arg(long, value_name = "ADDR[/LEN]", value_parser = network, value_delimiter = ',',
          hide_short_help = true)]
    pub(super) local: Vec<IpNet>,
    /// Foreign address or network, optionally with a port, or a list: 10.0.0.0/8,10.0.0.5:443
    #[arg(long, value_name = "ADDR[/LEN][:PORT]", value_parser = ForeignTerm::parse,
          value_delimiter = ',', hide_short_help = true)]
    pub(super) foreign: Vec<ForeignTerm>,
}

impl FilterArgs {
    /// Whether anything was asked for.
    pub(super) const fn narrows(&self) -> bool {
        let select = &self.select;
        let by_kind = select.tcp || select.udp || select.v4 || select.v6;
        let by_state = !self.state.is_empty() || !self.not_state.is_empty();
        let by_port = !self.ports.is_empty() || !self.foreign_port.is_empty();
        let by_network = !self.local.is_empty() || !self.foreign.is_empty();
        let by_owner = !select.pid.is_empty() || !select.name.is_empty() || !select.user.is_empty();
        let by_role = self.listening || self.exposed;
        by_kind || by_role || by_state || by_port || by_network || by_owner
    }
}

/// Listing.
#[derive(Args, Debug)]
pub(super) struct ListArgs {
    #[command(flatten)]
    pub(super) filters: FilterArgs,
    /// Sockets of every network namespace (Linux, as root)
    #[arg(long, help_heading = "Scope", hide_short_help = true)]
    pub(super) all_netns: bool,
    /// Briefly bind each PORT to test whether it is free
    #[arg(long, help_heading = "Scope", hide_short_help = true)]
    pub(super) try_bind: bool,
    #[command(flatten)]
    pub(super) view: ViewArgs,
    #[command(flatten)]
    pub(super) habits: HabitArgs,
    /// Print help
    #[arg(short, long, action = ArgAction::Help, global = true, help_heading = "Output",
          hide_short_help = true)]
    help: Option<bool>,
    /// Print version
    #[arg(short = 'V', long, action = ArgAction::Version, help_heading = "Output",
          hide_short_help = true)]
    version: Option<bool>,
}
