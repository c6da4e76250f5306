//! What close says before it acts: which sockets, of which owner, and why it refuses.

use std::collections::BTreeMap;

use super::group::Group;
use super::plan::Refusal;
use crate::cli::CloseRequest;
use crate::model::{Owner, Pid, Protocol, Shell, Snapshot, TcpState};
use crate::query::Row;
use crate::text::advice::Remedy;
use crate::text::close::{self as text, Refused};
use crate::text::{owners, remedies};

/// How many processes that share a socket are named.
const NAMED: usize = 4;

/// `10 CLOSE_WAIT, 2 ESTABLISHED, 1 UDP`.
fn kinds(sockets: &[Row<'_>]) -> String {
    let mut counts: BTreeMap<(Protocol, Option<TcpState>), usize> = BTreeMap::new();
    for row in sockets {
        *counts.entry((row.socket.protocol, row.socket.state)).or_insert(0) += 1;
    }
    let words = counts.iter().map(|((_, state), count)| match state {
        Some(state) => format!("{count} {state}"),
        None => format!("{count} UDP"),
    });
    words.collect::<Vec<_>>().join(", ")
}

/// `2 CLOSE_WAIT of app-server (PID 812)`: some sockets of a group.
pub(super) fn sockets_of(sockets: &[Row<'_>], group: &Group<'_>, snapshot: &Snapshot) -> String {
    text::sockets_of(&kinds(sockets), &owner(group, snapshot))
}

/// The same of the whole group, with all that tells who its owner is.
pub(super) fn description(group: &Group<'_>, snapshot: &Snapshot) -> String {
    text::sockets_of(&kinds(&group.sockets), &named(group, snapshot, owners::identity))
}

/// `Close 12 sockets of app-server (PID 812)?`; of what listens, which is never closed beside connections,
/// another question.
pub(super) fn question(group: &Group<'_>, snapshot: &Snapshot) -> String {
    let owner = owner(group, snapshot);
    if group.sockets.iter().any(|row| row.socket.is_listening()) {
        let (tcp, udp) = by_protocol(&group.sockets);
        return text::question_of_listeners(tcp, udp, &owner);
    }
    text::question(group.sockets.len(), &owner)
}

/// `would close 12 sockets of app-server (PID 812)`.
pub(super) fn intention(group: &Group<'_>, snapshot: &Snapshot) -> String {
    let udp = group.sockets.iter().filter(|row| row.socket.protocol == Protocol::Udp);
    let unconnected = udp.filter(|row| row.socket.holds_port()).count();
    text::intention(group.sockets.len(), unconnected, &owner(group, snapshot))
}

/// `app-server (PID 812)`, `the kernel (time-wait)`.
pub(super) fn owner(group: &Group<'_>, snapshot: &Snapshot) -> String {
    named(group, snapshot, owners::process)
}

fn named(group: &Group<'_>, snapshot: &Snapshot, name: fn(Pid, &Snapshot) -> String) -> String {
    match (group.owner(), group.sockets.first()) {
        (Some(Owner::Processes(_)), _) => {
            let names: Vec<String> =
                group.pids().iter().take(NAMED).map(|pid| name(*pid, snapshot)).collect();
            let more = group.pids().len().saturating_sub(NAMED);
            text::owners(&names, more)
        }
        (Some(Owner::Exited(pid)), _) => text::exited_owner(*pid),
        (_, Some(row)) => text::owners(&[owners::owner(row, snapshot)], group.more_owners),
        (_, None) => String::new(),
    }
}

/// Why sockets are refused, and what to run instead.
pub(super) fn refusal(
    why: Refusal,
    group: &Group<'_>,
    request: &CloseRequest,
    privileged: bool,
    snapshot: &Snapshot,
) -> String {
    text::refused(&match why {
        Refusal::Bound => {
            let ports = group.sockets.iter().map(|row| row.socket.local.port).collect();
            Refused::Bound(remedies::kill_ports(snapshot.capabilities.shell, &[], &ports).into())
        }
        Refusal::Itself => Refused::Itself,
        Refusal::Ancestor => Refused::Ancestor,
        Refusal::Unseen if privileged || group.owner() == Some(&Owner::NotFound) => Refused::Unseen,
        Refusal::Unseen => Refused::UnseenByUser(Remedy::privileged(
            request.command(snapshot.capabilities.shell, &[]),
        )),
        Refusal::Orphan => Refused::Orphan,
        Refusal::Forwarder => Refused::Forwarder(container_of(group, snapshot)),
        Refusal::OnlyIpv4 => Refused::OnlyIpv4,
        Refusal::OnlyTcp => Refused::OnlyTcp,
    })
}

/// The container that one of the owners serves, and what stops it.
fn container_of(group: &Group<'_>, snapshot: &Snapshot) -> Option<(String, Remedy)> {
    let mut owners = group.pids().iter().filter_map(|pid| snapshot.processes.get(pid));
    let container = owners.find_map(|process| process.container.as_ref())?;
    Some((owners::container(container), remedies::stop_container(container)))
}

/// `2 listeners not closed`, and how to close them; nothing where there are none.
pub(super) fn not_closed(
    sockets: &[Row<'_>],
    request: &CloseRequest,
    shell: Shell,
) -> Option<String> {
    let (tcp, udp) = by_protocol(sockets);
    text::listeners_not_closed(tcp, udp, &request.acting_command(shell, &["-l"]).into())
}

/// How many use TCP, and how many UDP.
fn by_protocol(sockets: &[Row<'_>]) -> (usize, usize) {
    let udp = sockets.iter().filter(|row| row.socket.protocol == Protocol::Udp).count();
    (sockets.len() - udp, udp)
}
