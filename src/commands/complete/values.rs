//! The values of arguments: those of the machine as it is now, and those that are always the same.

use std::collections::{BTreeMap, BTreeSet};

use crate::commands::shared::survey::survey_scope;
use crate::model::{
    About, Pid, Protocol, Scope, Signal, Snapshot, StateSet, TcpState, UdpScope, Untrusted,
};
use crate::platform::System;
use crate::query::SocketColumn;
use crate::text::escape::brief;
use crate::text::{completions as text, owners};

/// What may stand in the place of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Values {
    /// Ports that are held.
    Ports,
    /// TCP states, and groups of them.
    States {
        /// Whether a group may stand there too.
        groups: bool,
    },
    /// Owners of sockets, by PID.
    Pids,
    /// Owners of sockets, by name.
    Names,
    /// Users of sockets and of their owners.
    Users,
    /// Signals.
    Signals,
    /// Columns.
    Columns,
}

/// A value, and what a shell shows beside it.
type Offer = (String, String);

impl Values {
    /// The values of an argument, by its name in the types of `cli`; none where any word may stand.
    pub(super) fn of(verb: &str, argument: &str) -> Option<Self> {
        match argument {
            "ports" => Some(Self::Ports),
            "state" | "not_state" => Some(Self::States { groups: verb != "explain" }),
            "pid" => Some(Self::Pids),
            "name" => Some(Self::Names),
            "user" => Some(Self::Users),
            "signal" => Some(Self::Signals),
            "columns" => Some(Self::Columns),
            _ => None,
        }
    }

    /// Those that begin with what was typed.
    pub(super) fn matching(self, typed: &str, system: &impl System) -> Vec<Offer> {
        match self {
            Self::Ports => last_of_list(typed, &ports(system)),
            Self::States { groups } => states(typed, groups),
            Self::Pids => beginning(typed, pids(system)),
            Self::Names => beginning(typed, names(system)),
            Self::Users => beginning(typed, users(system)),
            Self::Signals => beginning(typed, signals()),
            Self::Columns => last_of_list(typed, &columns()),
        }
    }
}

fn columns() -> Vec<Offer> {
    SocketColumn::ALL.iter().map(|column| without_help(column.word().to_owned())).collect()
}

fn without_help(value: String) -> Offer {
    (value, String::new())
}

fn beginning(typed: &str, offers: Vec<Offer>) -> Vec<Offer> {
    offers.into_iter().filter(|(value, _)| value.starts_with(typed)).collect()
}

/// PORTs are lists, and may have an address before them.
fn last_of_list(typed: &str, offers: &[Offer]) -> Vec<Offer> {
    let start = typed.rfind([',', ':']).map_or(0, |at| at + 1);
    let (before, last) = typed.split_at_checked(start).unwrap_or(("", typed));
    let matching = offers.iter().filter(|(value, _)| value.starts_with(last));
    matching.map(|(value, help)| (format!("{before}{value}"), help.clone())).collect()
}

/// States in the spelling that was begun: most shells compare letter by letter.
fn states(typed: &str, groups: bool) -> Vec<Offer> {
    let groups = StateSet::GROUPS.iter().filter(|_| groups).map(ToString::to_string);
    let names = TcpState::ALL.iter().map(ToString::to_string).chain(groups);
    let spelled = names.map(|name| spelled_like(typed, name));
    beginning(typed, spelled.map(without_help).collect())
}

/// The name of a state in the case and with the hyphens that were typed.
fn spelled_like(typed: &str, name: String) -> String {
    let is_lower = typed.contains(|c: char| c.is_ascii_lowercase());
    let cased = if is_lower { name.to_lowercase() } else { name };
    if typed.contains('-') { cased.replace('_', "-") } else { cased }
}

/// The ports that are held, ascending, with their holders.
fn ports(system: &impl System) -> Vec<Offer> {
    let holding =
        Scope { tcp: StateSet::HOLDING, udp: UdpScope::Unconnected, ..Scope::everything() };
    let Some(snapshot) = survey(&holding, About::Table, system) else { return Vec::new() };
    let mut held: BTreeMap<u16, (BTreeSet<String>, bool)> = BTreeMap::new();
    for row in snapshot.sockets.iter().filter(|row| row.socket.holds_port()) {
        let (holders, is_tcp) = held.entry(row.socket.local.port).or_default();
        holders.insert(owners::owner(row, &snapshot));
        *is_tcp |= row.socket.protocol == Protocol::Tcp;
    }
    let offers = held.into_iter().map(|(port, (holders, is_tcp))| {
        let holders: Vec<String> = holders.into_iter().collect();
        (port.to_string(), text::holders(&holders, is_tcp))
    });
    offers.collect()
}

fn signals() -> Vec<Offer> {
    Signal::names().map(|name| without_help(name.to_owned())).collect()
}

fn pids(system: &impl System) -> Vec<Offer> {
    let Some(snapshot) = survey(&Scope::everything(), About::Table, system) else {
        return Vec::new();
    };
    let processes = snapshot.processes.values();
    processes.map(|process| (process.pid.to_string(), brief(&process.name))).collect()
}

fn names(system: &impl System) -> Vec<Offer> {
    let Some(snapshot) = survey(&Scope::everything(), About::Table, system) else {
        return Vec::new();
    };
    let mut pids: BTreeMap<String, BTreeSet<Pid>> = BTreeMap::new();
    for (pid, process) in &snapshot.processes {
        pids.entry(process.name.to_lossy()).or_default().insert(*pid);
    }
    let names = pids.into_iter().filter(|(name, _)| is_plain(name));
    names.map(|(name, pids)| (name, owners::pids(&pids))).collect()
}

fn users(system: &impl System) -> Vec<Offer> {
    let Some(snapshot) = survey(&Scope::everything(), About::Identity, system) else {
        return Vec::new();
    };
    let of_processes = snapshot.processes.values().filter_map(|process| process.user.as_ref());
    let users = snapshot.users.values().chain(of_processes);
    let users: BTreeSet<String> = users.map(Untrusted::to_lossy).collect();
    users.into_iter().filter(|user| is_plain(user)).map(without_help).collect()
}

fn survey(scope: &Scope, about: About, system: &impl System) -> Option<Snapshot> {
    survey_scope(system, scope, about, |_| true).ok()
}

/// Whether a name that a process chose is a single harmless word to every shell. Shells insert what
/// they are offered into the command line as it is: a process called `$(reboot)` must not be run.
fn is_plain(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || "_-.+".contains(c))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(offers: Vec<Offer>) -> Vec<String> {
        offers.into_iter().map(|(value, _)| value).collect()
    }

    #[test]
    fn states_are_spelt_as_they_were_begun() {
        for (typed, expected) in [
            ("CLOSE", &["CLOSE_WAIT", "CLOSED"][..]),
            ("close_w", &["close_wait"]),
            ("fin-w", &["fin-wait-1", "fin-wait-2"]),
            ("st", &["stuck"]),
            ("Close", &[]),
        ] {
            assert_eq!(values(states(typed, true)), expected, "{typed}");
        }
        assert!(states("st", false).is_empty());
        assert_eq!(states("", true).len(), 16);
    }

    #[test]
    fn the_last_column_of_a_list_is_completed() {
        assert_eq!(values(last_of_list("pid,imag", &columns())), ["pid,image"]);
    }

    #[test]
    fn the_last_port_of_a_list_is_completed() {
        let held = ["53", "80", "8080"].map(|port| without_help(port.to_owned()));
        for (typed, expected) in [
            ("8", &["80", "8080"][..]),
            ("53,80", &["53,80", "53,8080"]),
            ("localhost:5", &["localhost:53"]),
            ("9", &[]),
        ] {
            assert_eq!(values(last_of_list(typed, &held)), expected, "{typed}");
        }
    }

    #[test]
    fn no_name_is_offered_that_a_shell_would_run() {
        for name in ["nginx", "node.js", "g++", "a-b_c", "0ad"] {
            assert!(is_plain(name), "{name}");
        }
        for name in
            ["$(reboot)", "a b", "-rf", "a;b", "~", "*", "", "a`b`", "\u{1b}[2J", "ü", "a:b"]
        {
            assert!(!is_plain(name), "{name}");
        }
    }

    #[test]
    fn arguments_have_the_values_of_their_names() {
        assert_eq!(Values::of("kill", "ports"), Some(Values::Ports));
        assert_eq!(Values::of("wait", "ports"), Some(Values::Ports));
        assert_eq!(Values::of("explain", "state"), Some(Values::States { groups: false }));
        assert_eq!(Values::of("portwho", "not_state"), Some(Values::States { groups: true }));
        assert_eq!(Values::of("portwho", "timeout"), None);
    }
}
