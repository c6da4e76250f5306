//! What can be asked for, as types: the command line understood.

use std::ffi::OsString;
use std::time::Duration;

use ipnet::IpNet;

use super::list_request::ListRequest;
use super::metrics::MetricsRequest;
use super::wait::WaitRequest;
use super::watch::WatchRequest;
use super::words::{without_dry_run, without_value};
use crate::model::{Families, OwnerSearch, Pid, Protocol, Shell, Signal, StateSet, TcpState};
use crate::query::{ForeignTerm, NamePattern, PortTerm, Protocols, UserTerm};
use crate::text::shell::ShellCommand;

/// What was asked for.
#[derive(Debug)]
pub enum Request {
    /// List sockets and their owners.
    List(ListRequest),
    /// End the owner of a port.
    Kill(KillRequest),
    /// Close the sockets themselves.
    Close(CloseRequest),
    /// Wait until ports are open, or free.
    Wait(WaitRequest),
    /// Watch sockets open, change and close.
    Watch(WatchRequest),
    /// Explain a TCP state, or all of them.
    Explain(ExplainRequest),
    /// Look for what is wrong.
    Doctor(DoctorRequest),
    /// Print or serve metrics.
    Metrics(MetricsRequest),
    /// Print the man page or a script for a shell.
    Generate(Generated),
}

/// Which owners, protocols and families.
#[derive(Debug)]
pub struct Selection {
    /// The ports, as they were typed.
    pub ports: Vec<PortTerm>,
    /// The protocols; none where neither was named.
    pub protocols: Option<Protocols>,
    /// The families.
    pub families: Families,
    /// Owners by PID.
    pub pids: Vec<Pid>,
    /// Owners by image name.
    pub names: Vec<NamePattern>,
    /// Users.
    pub users: Vec<UserTerm>,
    /// By which way owners are searched; none where that was not said.
    pub owners: Option<OwnerSearch>,
}

impl Request {
    /// By which way owners are to be searched, where that was said with an option.
    #[must_use]
    pub fn owners(&self) -> Option<OwnerSearch> {
        match self {
            Self::List(list) => list.filters.selection.owners,
            Self::Kill(kill) => kill.selection.owners,
            Self::Close(close) => close.filters.selection.owners,
            Self::Wait(wait) => wait.selection.owners,
            Self::Watch(watch) => watch.filters.selection.owners,
            Self::Doctor(doctor) => doctor.owners,
            Self::Metrics(metrics) => metrics.owners,
            Self::Explain(_) | Self::Generate(_) => None,
        }
    }

    /// Whether owners are searched at all.
    #[must_use]
    pub const fn searches_owners(&self) -> bool {
        !matches!(self, Self::Explain(_) | Self::Generate(_))
    }
}

impl Selection {
    /// The protocols that were asked for, by option or with every single port; else `default`.
    #[must_use]
    pub fn protocols_or(&self, default: Protocols) -> Protocols {
        let bound = |protocol| self.ports.iter().any(|term| term.protocol == Some(protocol));
        let with_ports = Protocols { tcp: bound(Protocol::Tcp), udp: bound(Protocol::Udp) };
        let is_by_port = !self.ports.is_empty();
        let all_bound = is_by_port && self.ports.iter().all(|term| term.protocol.is_some());
        self.protocols.unwrap_or(if all_bound { with_ports } else { default })
    }
}

/// Which sockets.
#[derive(Debug)]
pub struct FilterRequest {
    /// Ports and owners.
    pub selection: Selection,
    /// The TCP states.
    pub states: StateSet,
    /// Whether states were asked for, which leaves UDP out.
    pub by_state: bool,
    /// Only what can take a connection or a datagram.
    pub listening: bool,
    /// Only listeners that other machines can reach.
    pub exposed: bool,
    /// Ports at the far end.
    pub foreign_ports: Vec<PortTerm>,
    /// Networks of the local address.
    pub local_networks: Vec<IpNet>,
    /// Foreign ends.
    pub foreign: Vec<ForeignTerm>,
}

/// A request to end.
#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a switch of the command line")]
pub struct KillRequest {
    /// Ports and owners.
    pub selection: Selection,
    /// Do not ask for confirmation.
    pub yes: bool,
    /// Stop before the first signal.
    pub dry_run: bool,
    /// What to send, where it was named.
    pub signal: Option<Signal>,
    /// Terminate it immediately.
    pub force: bool,
    /// End the process that restarts the owner too.
    pub parent: bool,
    /// How long to wait for the exit.
    pub timeout: Duration,
    /// The words after `kill` as they were typed, except the PORTs.
    pub options: Vec<OsString>,
}

impl KillRequest {
    /// What is sent first.
    #[must_use]
    pub fn signal(&self) -> Signal {
        if self.force { Signal::Kill } else { self.signal.unwrap_or(Signal::Term) }
    }

    /// The same command with `more` in front, for `ports` alone: `portwho kill --force --pid 812
    /// 80`. Whatever narrowed it narrows it again, and what was ended already is left out.
    #[must_use]
    pub fn command(&self, shell: Shell, more: &[&str], ports: &[String]) -> ShellCommand {
        again(shell, "kill", more, &self.options).words(ports)
    }

    /// The same with this signal in the place of any other.
    #[must_use]
    pub fn with_signal(&self, shell: Shell, signal: Signal, ports: &[String]) -> ShellCommand {
        let options = without_value(&self.options, Some('s'), "--signal");
        again(shell, "kill", &["-s", signal.name()], &options).words(ports)
    }

    /// The same, which waits so long.
    #[must_use]
    pub fn with_timeout(&self, shell: Shell, timeout: Duration, ports: &[String]) -> ShellCommand {
        let options = without_value(&self.options, None, "--timeout");
        let seconds = timeout.as_secs().to_string();
        again(shell, "kill", &["--timeout", &seconds], &options).words(ports)
    }

    /// The same, which does more than to show what would be done.
    #[must_use]
    pub fn acting_command(&self, shell: Shell, more: &[&str], ports: &[String]) -> ShellCommand {
        again(shell, "kill", more, &without_dry_run(&self.options)).words(ports)
    }
}

/// A request to close.
#[derive(Debug)]
pub struct CloseRequest {
    /// Which sockets.
    pub filters: FilterRequest,
    /// Do not ask for confirmation.
    pub yes: bool,
    /// Stop before the first is closed.
    pub dry_run: bool,
    /// The words after `close` as they were typed.
    pub words: Vec<OsString>,
}

impl CloseRequest {
    /// Whether it may act where there is no terminal to ask on: `-y` says so, and a PORT or a PID is too
    /// narrow to mean every connection of the machine.
    #[must_use]
    pub const fn is_explicit(&self) -> bool {
        let selection = &self.filters.selection;
        self.yes || !selection.ports.is_empty() || !selection.pids.is_empty()
    }

    /// The same command with `more` in front: `portwho close -l --pid 812`.
    #[must_use]
    pub fn command(&self, shell: Shell, more: &[&str]) -> ShellCommand {
        again(shell, "close", more, &self.words)
    }

    /// The same, which does more than to show what would be done.
    #[must_use]
    pub fn acting_command(&self, shell: Shell, more: &[&str]) -> ShellCommand {
        again(shell, "close", more, &without_dry_run(&self.words))
    }
}

/// A command as it can be typed again, with `more` in front of what was typed.
fn again(shell: Shell, verb: &str, more: &[&str], typed: &[OsString]) -> ShellCommand {
    let typed = typed.iter().map(|word| word.to_string_lossy().into_owned());
    ShellCommand::new(shell, format_args!("portwho {verb}")).words(more).words(typed)
}

/// What can be explained.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Topic {
    /// A state.
    State(TcpState),
    /// ss' word for sockets that are CLOSED or BOUND.
    Unconnected,
    /// UDP, which has no states.
    Udp,
}

/// A request to explain.
#[derive(Clone, Copy, Debug)]
pub struct ExplainRequest {
    /// What to explain; none for every state.
    pub topic: Option<Topic>,
    /// As JSON.
    pub json: bool,
    /// When to use color.
    pub color: ColorWhen,
}

/// A request to look for what is wrong.
#[derive(Debug)]
pub struct DoctorRequest {
    /// Which sockets; none for the whole machine.
    pub filters: Option<FilterRequest>,
    /// By which way owners are searched; none where that was not said.
    pub owners: Option<OwnerSearch>,
    /// How far apart the snapshots are; none where that was not said.
    pub interval: Option<Duration>,
    /// How many there are, 0 for no end; none where that was not said.
    pub count: Option<u64>,
    /// Tell the thresholds too.
    pub verbose: bool,
    /// As JSON.
    pub json: bool,
    /// When to use color.
    pub color: ColorWhen,
}

/// What is printed for other programs than a reader's eyes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Generated {
    /// The man page.
    Man,
    /// The script for bash.
    Bash,
    /// The script for zsh.
    Zsh,
    /// The script for fish.
    Fish,
    /// The script for PowerShell.
    PowerShell,
}

/// When to use color.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ColorWhen {
    /// On a terminal, unless NO_COLOR is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}
