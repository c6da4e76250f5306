//! What is said of a port that nothing holds: free, or why a bind would fail.

use super::remains::Remains;
use super::{asked, ranges};
use crate::model::{Api, Family, PortRange, Protocol, Shell};
use crate::query::LocalSet;
use crate::text::advice::{Remedy, run_to};
use crate::text::shell::ShellCommand;
use crate::text::{api, counted};

/// What is known of a port that nothing holds.
#[derive(Debug)]
pub struct Vacancy {
    /// The port, as [`super::spot`] names it.
    pub spot: String,
    /// The protocol, where only one was asked for.
    pub only: Option<Protocol>,
    /// How sure it is.
    pub state: State,
    /// Connections that are being torn down.
    pub remains: Remains,
    /// What tells whether they block a bind.
    pub try_bind: Remedy,
    /// What else is worth knowing.
    pub addition: Addition,
}

/// How sure it is that a port is free.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum State {
    /// A bind would succeed.
    Free,
    /// Nothing holds it; whether a bind would succeed is not known.
    NotInUse,
    /// Sockets may hold it that cannot be seen.
    NotSeen,
    /// A bind fails, for these reasons.
    BindFails(Vec<Obstacle>),
}

/// Why a bind fails.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Obstacle {
    /// Ports below this one require root.
    Privileged(u16),
    /// Windows excludes this range, for this protocol and family.
    Excluded(PortRange, Protocol, Family),
    /// The system's own answer.
    Refused(String),
}

/// What is worth knowing, and no reason for a bind to fail.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Addition {
    /// Nothing.
    None,
    /// So many connections have the port.
    Connections(usize),
    /// It is never assigned automatically, by the rules of this system.
    Reserved(Api),
    /// It is in the ephemeral range.
    Ephemeral(PortRange),
}

/// `port 80 is free`, `port 80 is not in use (1 TIME_WAIT, 58 s: ...)`.
#[must_use]
pub fn verdict(vacancy: &Vacancy) -> String {
    let Vacancy { spot, remains, .. } = vacancy;
    let (state, addition) = (state(vacancy), addition(&vacancy.addition));
    let text = format!("{spot} {state}{remains}{addition}");
    if remains.is_open() && !matches!(vacancy.state, State::BindFails(_)) {
        return run_to("to find out", &text, &vacancy.try_bind);
    }
    with_ranges(&text, &vacancy.state)
}

fn state(vacancy: &Vacancy) -> String {
    let only = match vacancy.only {
        None => "",
        Some(Protocol::Tcp) => " for TCP",
        Some(Protocol::Udp) => " for UDP",
    };
    let (unused, visible) = match vacancy.addition {
        Addition::Connections(_) => ("has no listener", " that can be seen"),
        _ => ("is not in use", " by any socket that can be seen"),
    };
    match &vacancy.state {
        State::Free => format!("is free{only}"),
        State::NotInUse => format!("{unused}{only}"),
        State::NotSeen => format!("{unused}{visible}{only}"),
        State::BindFails(obstacles) => {
            let obstacles: Vec<String> = obstacles.iter().map(obstacle).collect();
            format!("{unused}{only}, but a bind fails: {}", obstacles.join("; "))
        }
    }
}

fn obstacle(obstacle: &Obstacle) -> String {
    match obstacle {
        Obstacle::Privileged(first) => privileged(*first),
        Obstacle::Excluded(range, ..) => {
            format!("{} is an excluded range", ranges(std::slice::from_ref(range)))
        }
        Obstacle::Refused(why) => why.clone(),
    }
}

fn privileged(first: u16) -> String {
    format!(
        "ports below {first} require root or CAP_NET_BIND_SERVICE \
         (net.ipv4.ip_unprivileged_port_start)"
    )
}

/// Adds how to list the excluded ranges, where one of them is an obstacle.
fn with_ranges(text: &str, state: &State) -> String {
    let State::BindFails(obstacles) = state else { return text.to_owned() };
    let excluded = obstacles.iter().find_map(|obstacle| match obstacle {
        Obstacle::Excluded(_, protocol, family) => Some(excluded_ranges(*protocol, *family)),
        _ => None,
    });
    match excluded {
        Some(list) => run_to("to list such ranges", text, &list.into()),
        None => text.to_owned(),
    }
}

/// How to list the ranges that Windows excludes.
#[must_use]
pub fn excluded_ranges(protocol: Protocol, family: Family) -> ShellCommand {
    let family = match family {
        Family::V4 => "ipv4",
        Family::V6 => "ipv6",
    };
    let list = format!("netsh int {family} show excludedportrange protocol={}", protocol.word());
    ShellCommand::new(Shell::Windows, list)
}

fn addition(addition: &Addition) -> String {
    match addition {
        Addition::None => String::new(),
        Addition::Connections(count) => {
            let (verb, they) = if *count == 1 { ("uses", "it ends") } else { ("use", "they end") };
            let connections = counted(*count, "connection");
            format!("; {connections} {verb} it: a bind may fail until {they}")
        }
        Addition::Reserved(api) => {
            let by = api::reserved_ports(*api);
            format!("; it is reserved, so never assigned automatically ({by})")
        }
        Addition::Ephemeral(range) => {
            let range = ranges(std::slice::from_ref(range));
            format!("; it is in the ephemeral range {range}: any connection may take it")
        }
    }
}

/// `ports 101-117: none of them is in use`, or `12 of these 17 are not in use` of `some`. Ports
/// below the first unprivileged one require root.
#[must_use]
pub fn of_many(
    local: &LocalSet,
    some: Option<(usize, usize)>,
    all_seen: bool,
    first_unprivileged: Option<u16>,
) -> String {
    let seen = if all_seen { "" } else { " by any socket that can be seen" };
    let privileged = first_unprivileged.map(|first| format!("; {}", privileged(first)));
    let privileged = privileged.unwrap_or_default();
    let none = match some {
        None => "none of them is in use".to_owned(),
        Some((vacant, of)) => {
            let are = if vacant == 1 { "is" } else { "are" };
            format!("{vacant} of these {of} {are} not in use")
        }
    };
    format!("{}: {none}{seen}{privileged}", asked(local))
}
