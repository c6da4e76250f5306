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
    pub protocol: Option<Protocol>,
    /// The family, where only one was asked for.
    pub family: Option<Family>,
    /// How sure it is.
    pub state: State,
    /// Connections that are being torn down.
    pub remains: Remains,
    /// What shows whether they block a bind.
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
    /// How many connections use the port.
    Connections(usize),
    /// It is never assigned automatically, by the rules of this system.
    Reserved(Api),
    /// It is in the ephemeral range.
    Ephemeral(PortRange),
}

/// `port 80 is free`, `port 80 is not in use (1 TIME_WAIT, 58s left; ...)`.
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
    let only = only(vacancy.protocol, vacancy.family);
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

/// ` for TCP over IPv4`, as far as only these were asked for.
fn only(protocol: Option<Protocol>, family: Option<Family>) -> String {
    let protocol = protocol.map(|protocol| protocol.word().to_uppercase());
    let family = family.map(|family| match family {
        Family::V4 => "IPv4".to_owned(),
        Family::V6 => "IPv6".to_owned(),
    });
    let words: Vec<String> = protocol.into_iter().chain(family).collect();
    if words.is_empty() { String::new() } else { format!(" for {}", words.join(" over ")) }
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

/// `ports below 1024 require root or CAP_NET_BIND_SERVICE (...)`.
pub(in crate::text) fn privileged(first: u16) -> String {
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

/// What is worth knowing, behind a sentence.
pub(in crate::text) fn addition(addition: &Addition) -> String {
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
            format!("; it is in the ephemeral range {range}: any outgoing connection may take it")
        }
    }
}

/// What is known of more ports than are told of one by one.
#[derive(Clone, Copy, Debug)]
pub struct Vacancies {
    /// How many of how many nothing holds; none where it is all of them.
    pub some: Option<(usize, usize)>,
    /// The first that is free.
    pub first_free: Option<u16>,
    /// Whether no socket may hold some that cannot be seen.
    pub all_seen: bool,
    /// The first port that does not require root, where one of them is below it.
    pub first_unprivileged: Option<u16>,
}

/// `ports 101-117: none of them is in use`, or `12 of these 17 are not in use; the first free port is
/// 103`.
#[must_use]
pub fn of_many(local: &LocalSet, vacancies: &Vacancies) -> String {
    let seen = if vacancies.all_seen { "" } else { " by any socket that can be seen" };
    let none = match vacancies.some {
        None => "none of them is in use".to_owned(),
        Some((vacant, of)) => {
            let are = if vacant == 1 { "is" } else { "are" };
            format!("{vacant} of these {of} {are} not in use")
        }
    };
    let first = vacancies.first_free.filter(|_| vacancies.some.is_some());
    let first = first.map(|port| format!("; the first free port is {port}")).unwrap_or_default();
    let privileged = vacancies.first_unprivileged.map(|first| format!("; {}", privileged(first)));
    let privileged = privileged.unwrap_or_default();
    format!("{}: {none}{seen}{first}{privileged}", asked(local))
}
