//! What kill says before it acts: who holds the sockets, and what depends on them.

use std::collections::BTreeSet;

use super::plan::{Group, Plan, roots};
use super::refusal::Refusal;
use super::relations::is_foreign;
use crate::cli::KillRequest;
use crate::model::{OwnedSocket, Pid, Snapshot, StateSet, TcpState};
use crate::query::{Filter, Row};
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;
use crate::text::kill::{self as text, Restarter};
use crate::text::{owners, ports, remedies};

/// `nginx (PID 812)`, for each.
pub(super) fn names(pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> Vec<String> {
    pids.iter().map(|pid| owners::process(*pid, snapshot)).collect()
}

/// `nginx (PID 812, user root, nginx.service)`, for each.
fn identities(pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> Vec<String> {
    pids.iter().map(|pid| owners::identity(*pid, snapshot)).collect()
}

/// Who holds the sockets of `group`: a line for those that are signaled first, indented lines for
/// what depends on them.
pub(super) fn description(
    group: &Group<'_>,
    roots: &BTreeSet<Pid>,
    own_ancestors: &[Pid],
    snapshot: &Snapshot,
) -> Vec<String> {
    let addresses: BTreeSet<String> =
        group.sockets.iter().map(|row| local_endpoint(&row.socket, snapshot)).collect();
    let addresses: Vec<String> = addresses.into_iter().collect();
    let mut lines = vec![text::held_by(&addresses, &identities(roots, snapshot))];
    lines.extend(other_holders(group, roots, snapshot));
    lines.extend(other_ports(group, snapshot));
    lines.extend(clients(group, snapshot));
    // What serves a container is refused, with what to do instead.
    if !matches!(group.refusal, Some((_, Refusal::Container))) {
        let restarters: BTreeSet<Restarter> =
            roots.iter().filter_map(|pid| restarter(*pid, own_ancestors, snapshot)).collect();
        lines.extend(restarters.iter().take(RESTARTERS_TOLD).map(text::may_restart));
    }
    lines
}

/// How many are told that may start the processes again.
const RESTARTERS_TOLD: usize = 10;

/// Those that hold the sockets besides the roots: first those that are ended too, then others.
fn other_holders(group: &Group<'_>, roots: &BTreeSet<Pid>, snapshot: &Snapshot) -> Vec<String> {
    let named = |pids: &BTreeSet<Pid>| Some(names(pids, snapshot)).filter(|_| !pids.is_empty());
    let followers: BTreeSet<Pid> = group.holders.difference(roots).copied().collect();
    let is_ended = |pid: &Pid| group.holders.contains(pid) || group.unrelated.contains(pid);
    let unmatched: BTreeSet<Pid> =
        group.all_holders().into_iter().filter(|pid| !is_ended(pid)).collect();
    let unrelated = identities(&group.unrelated, snapshot);
    let lines = [
        named(&followers).map(|names| text::also_held(&names)),
        named(&unmatched).map(|names| text::also_held_unmatched(&names)),
        foreign(group, snapshot),
        (!unrelated.is_empty()).then(|| text::also_held_unrelated(&unrelated)),
    ];
    lines.into_iter().flatten().collect()
}

/// Whose the sockets are, where they were made by another user than hold them here, who may have
/// passed them on.
fn foreign(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let has_foreign_holder = |row: &&Row<'_>| {
        let mut holders = row.owner.pids().filter(|pid| group.holders.contains(pid));
        holders.any(|pid| is_foreign(&row.socket, snapshot.processes.get(&pid)))
    };
    let users = group.sockets.iter().filter(has_foreign_holder).filter_map(|row| row.socket.uid);
    let users: BTreeSet<String> =
        users.map(|uid| Escaped(&snapshot.user_name(uid)).to_string()).collect();
    let users: Vec<String> = users.into_iter().collect();
    (!users.is_empty()).then(|| text::created_by(&users))
}

/// `port 80: unrelated processes hold it: ...`, and how to say which of them are meant.
pub(super) fn contested(
    port: u16,
    plan: &Plan<'_>,
    filter: &Filter,
    request: &KillRequest,
    snapshot: &Snapshot,
) -> String {
    let groups = plan.on_port(port);
    let seen =
        groups.flat_map(|group| identities(&roots(&group.holders, &snapshot.processes), snapshot));
    let unseen = plan.unseen.iter().filter(|row| row.socket.local.port == port);
    let unseen = unseen.map(|row| owners::owner(row, snapshot));
    let named: Vec<String> = seen.chain(unseen).collect();
    let typed = ports::typed_on(port, filter.local.as_ref());
    let all = request.acting_command(snapshot.capabilities.shell, &["-y"], &typed);
    text::contested(port, &named, &all.into())
}

fn other_ports(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let own = group.ports();
    let held_by_group = |row: &Row<'_>| row.owner.pids().any(|pid| group.holders.contains(&pid));
    let others: BTreeSet<u16> = snapshot
        .sockets
        .iter()
        .filter(|row| row.socket.holds_port() && held_by_group(row))
        .map(|row| row.socket.local.port)
        .filter(|port| !own.contains(port))
        .collect();
    (!others.is_empty()).then(|| text::also_holds(&ports::named(&others)))
}

/// Connections that end with the process: those on its ports, without TIME_WAIT.
fn clients(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let ports = group.ports();
    let alive = StateSet::SYNCHRONIZED.without(StateSet::of(&[TcpState::TimeWait]));
    let is_client = |row: &&OwnedSocket| {
        let socket = &row.socket;
        ports.contains(&socket.local.port)
            && socket.state.is_some_and(|state| alive.contains(state))
    };
    let count = snapshot.sockets.iter().filter(is_client).count();
    (count > 0).then(|| text::clients(count))
}

/// What may start the process again. The shell that portwho was typed into does not.
fn restarter(pid: Pid, own_ancestors: &[Pid], snapshot: &Snapshot) -> Option<Restarter> {
    let process = snapshot.processes.get(&pid)?;
    if let Some(container) = &process.container {
        return Some(Restarter::Container(remedies::stop_container(container)));
    }
    if let Some(stop) = remedies::stop_service(snapshot.capabilities.service_manager, process) {
        return Some(Restarter::Service(stop.into()));
    }
    let parent =
        process.parent.filter(|parent| *parent != Pid(1) && !own_ancestors.contains(parent))?;
    Some(Restarter::Parent(owners::process(parent, snapshot)))
}
