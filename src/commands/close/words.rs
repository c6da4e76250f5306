//! What close says before it acts: what it is, whose it is, and why it refuses.

use std::collections::{BTreeMap, BTreeSet};

use super::plan::{Group, Refusal};
use crate::cli::CloseRequest;
use crate::commands::{remedy, who};
use crate::model::{Owner, Pid, Protocol, Snapshot, TcpState};
use crate::query::Row;
use crate::render::counted;

/// How many processes that share a socket are named.
const NAMED: usize = 4;

/// `10 CLOSE_WAIT, 2 ESTABLISHED, 1 UDP`.
fn kinds(sockets: &[Row<'_>]) -> String {
    let mut counts: BTreeMap<(Protocol, Option<TcpState>), usize> = BTreeMap::new();
    for row in sockets {
        *counts.entry((row.socket.protocol, row.socket.state)).or_insert(0) += 1;
    }
    let word = |((_, state), count): (&(Protocol, Option<TcpState>), &usize)| match state {
        Some(state) => format!("{count} {state}"),
        None => format!("{count} UDP"),
    };
    counts.iter().map(word).collect::<Vec<_>>().join(", ")
}

/// `2 CLOSE_WAIT of app-server (PID 812)`: some sockets of a group.
pub(super) fn sockets_of(sockets: &[Row<'_>], group: &Group<'_>, snapshot: &Snapshot) -> String {
    format!("{} of {}", kinds(sockets), owner(group, snapshot))
}

/// The same of the whole group, with all that tells who its owner is.
pub(super) fn description(group: &Group<'_>, snapshot: &Snapshot) -> String {
    let owner = named(group, snapshot, who::identity);
    format!("{} of {owner}", kinds(&group.sockets))
}

/// `Close 12 sockets of app-server (PID 812)?`
pub(super) fn question(group: &Group<'_>, snapshot: &Snapshot) -> String {
    format!("Close {}?", whole(group, snapshot))
}

/// `would close 12 sockets of app-server (PID 812)`.
pub(super) fn intention(group: &Group<'_>, snapshot: &Snapshot) -> String {
    format!("would close {}", whole(group, snapshot))
}

/// `12 sockets of app-server (PID 812)`.
pub(super) fn whole(group: &Group<'_>, snapshot: &Snapshot) -> String {
    format!("{} of {}", counted(group.sockets.len(), "socket"), owner(group, snapshot))
}

/// `app-server (PID 812)`, `the kernel (time-wait)`.
pub(super) fn owner(group: &Group<'_>, snapshot: &Snapshot) -> String {
    named(group, snapshot, who::process)
}

fn named(group: &Group<'_>, snapshot: &Snapshot, name: fn(Pid, &Snapshot) -> String) -> String {
    match (group.owner(), group.sockets.first()) {
        (Some(Owner::Processes(_)), _) => {
            let names: Vec<String> =
                group.pids().take(NAMED).map(|pid| name(pid, snapshot)).collect();
            let more = group.pids().skip(NAMED).count();
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("{}{more}", names.join(", "))
        }
        (Some(Owner::Exited(pid)), _) => format!("PID {pid}, which has exited"),
        (_, Some(row)) => who::owner(row, snapshot),
        (_, None) => String::new(),
    }
}

/// Why sockets are refused, and what to type instead.
pub(super) fn refusal(
    why: Refusal,
    group: &Group<'_>,
    request: &CloseRequest,
    privileged: bool,
    snapshot: &Snapshot,
) -> String {
    match why {
        Refusal::Bound => {
            let ports: BTreeSet<u16> =
                group.sockets.iter().map(|row| row.socket.local.port).collect();
            format!("nothing is connected that could be closed: {}", kill("", &ports))
        }
        Refusal::Itself => "portwho itself holds it".to_owned(),
        Refusal::Ancestor => {
            "an ancestor of portwho holds it: the shell or session it runs in".to_owned()
        }
        Refusal::Unseen if privileged || group.owner() == Some(&Owner::NotFound) => {
            "it may belong to the session you type in, and no more rights would show it".to_owned()
        }
        Refusal::Unseen => {
            let command = remedy::more_rights(snapshot.os, &request.command(&[]));
            format!("it may belong to the session you type in: {command}")
        }
        Refusal::Forwarder => {
            let mut owners = group.pids().filter_map(|pid| snapshot.processes.get(&pid));
            let container = owners.find_map(|process| process.container.as_ref());
            let stop = container.map_or_else(
                || "stop the container instead".to_owned(),
                |served| format!("{}: {}", who::container(served), remedy::stop_container(served)),
            );
            format!("it serves a container, which would run on without its port: {stop}")
        }
        Refusal::OnlyIpv4 => {
            "Windows closes connections of IPv4 only, and has no call for IPv6".to_owned()
        }
        Refusal::OnlyTcp => {
            "Windows closes connections of TCP only, and has no call for UDP".to_owned()
        }
    }
}

/// `portwho kill -u 53 5353`.
pub(super) fn kill(option: &str, ports: &BTreeSet<u16>) -> String {
    let ports = ports.iter().map(ToString::to_string);
    let words = [option.to_owned()].into_iter().filter(|word| !word.is_empty()).chain(ports);
    format!("portwho kill {}", words.collect::<Vec<_>>().join(" "))
}

/// `2 listeners are left alone`, and how they are closed; nothing where there are none.
pub(super) fn left_alone(sockets: &[Row<'_>], request: &CloseRequest) -> Option<String> {
    let count = |protocol| sockets.iter().filter(|row| row.socket.protocol == protocol).count();
    let part = |count, noun| (count > 0).then(|| counted(count, noun));
    let parts = [
        part(count(Protocol::Tcp), "listener"),
        part(count(Protocol::Udp), "unconnected UDP socket"),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    let verb = if sockets.len() == 1 { "is" } else { "are" };
    let words =
        || format!("{} {verb} left alone: {}", parts.join(" and "), request.command(&["-l"]));
    (!parts.is_empty()).then(words)
}
