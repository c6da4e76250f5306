//! What kill says before it acts: who holds the sockets, and what depends on them.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use super::plan::{Group, Plan, roots};
use crate::cli::KillRequest;
use crate::commands::shared::in_the_way::ends;
use crate::model::{OwnedSocket, Owner, Pid, Snapshot, Socket, TcpState, Uid};
use crate::query::Filter;
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;
use crate::text::kill as text;
use crate::text::kill::servers::Server;
use crate::text::names::Names;
use crate::text::{owners, ports};

/// `nginx (PID 812), nginx (PID 813)`.
pub(super) fn names(pids: impl IntoIterator<Item = Pid>, snapshot: &Snapshot) -> Names {
    Names::of(pids, |pid| owners::process(pid, snapshot))
}

/// The same; of many those without a name are counted by user.
pub(super) fn names_by_user(pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> Names {
    Names::by_user(pids.iter().copied(), snapshot, |pid| owners::process(pid, snapshot))
}

/// `nginx (PID 812, user root, nginx.service)`, for each.
fn identities(pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> Names {
    Names::by_user(pids.iter().copied(), snapshot, |pid| owners::identity(pid, snapshot))
}

/// Who holds the sockets of `group`: a line for those that are signaled first, indented lines for
/// what depends on them.
pub(super) fn description(
    group: &Group<'_>,
    roots: &BTreeSet<Pid>,
    snapshot: &Snapshot,
) -> Vec<String> {
    let mut lines = vec![text::held_by(&addresses(group, snapshot), &identities(roots, snapshot))];
    lines.extend(group.is_crowd.then(|| text::CROWD.to_owned()));
    lines.extend(other_holders(group, roots, snapshot));
    lines.extend(other_ports(group));
    lines.extend(clients(group, snapshot));
    lines.extend(notes(roots, snapshot));
    lines
}

/// The addresses of the sockets, each once.
pub(super) fn addresses(group: &Group<'_>, snapshot: &Snapshot) -> Vec<String> {
    let place = |socket: &Socket| (socket.local, socket.interface, socket.netns, socket.family());
    let mut seen = FxHashSet::default();
    let new = group.sockets.iter().filter(|row| seen.insert(place(&row.socket)));
    let addresses: BTreeSet<String> =
        new.map(|row| local_endpoint(&row.socket, snapshot)).collect();
    addresses.into_iter().collect()
}

/// `0.0.0.0:80 covers 127.0.0.1:80`, where sockets of the group do not have the address itself.
pub(super) fn covering(group: &Group<'_>, filter: &Filter, snapshot: &Snapshot) -> Option<String> {
    let (mut sockets, mut asked) = (Vec::new(), BTreeSet::new());
    for row in &group.sockets {
        let mut places = filter.in_the_way_of(&row.socket).peekable();
        if places.peek().is_some() {
            sockets.push(*row);
            asked.extend(places.map(|(place, _)| ports::place(place)));
        }
    }
    let asked: Vec<String> = asked.into_iter().collect();
    (!sockets.is_empty()).then(|| {
        let blocks = snapshot.capabilities.narrower_blocks_bind;
        ports::in_the_way::covers(&ends(&sockets, snapshot), &asked, blocks)
    })
}

/// What has to be known of the servers that are ended, each once.
fn notes(roots: &BTreeSet<Pid>, snapshot: &Snapshot) -> BTreeSet<String> {
    let processes = roots.iter().filter_map(|pid| snapshot.processes.get(pid));
    processes.filter_map(|process| Server::of(process)?.note()).collect()
}

/// Those that hold the sockets besides the roots: first those that are ended too, then others.
fn other_holders(group: &Group<'_>, roots: &BTreeSet<Pid>, snapshot: &Snapshot) -> Vec<String> {
    let followers: BTreeSet<Pid> = group.holders.difference(roots).copied().collect();
    let unmatched = &(&group.all_holders - &group.holders) - &group.unrelated;
    let unrelated = identities(&group.unrelated, snapshot);
    let lines = [
        names_if_any(&followers, snapshot).map(|names| text::also_held(&names)),
        names_if_any(&unmatched, snapshot).map(|names| text::also_held_unmatched(&names)),
        foreign(group, snapshot),
        (unrelated.count() > 0).then(|| text::also_held_unrelated(&unrelated)),
    ];
    lines.into_iter().flatten().collect()
}

fn names_if_any(pids: &BTreeSet<Pid>, snapshot: &Snapshot) -> Option<Names> {
    (!pids.is_empty()).then(|| names(pids.iter().copied(), snapshot))
}

/// Whose the sockets are, where they were made by another user than hold them here, who may have
/// passed them on.
fn foreign(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    // One user made many sockets as a rule, and holds them.
    let user = |pid: &Pid| snapshot.processes.get(pid).and_then(|process| process.uid);
    let user_of: FxHashMap<Pid, Option<Uid>> =
        group.holders.iter().map(|pid| (*pid, user(pid))).collect();
    let mut users: BTreeSet<Uid> = BTreeSet::new();
    for row in &group.sockets {
        let Some(creator) = row.socket.uid.filter(|uid| *uid != Uid(0)) else { continue };
        let mut holders = row.owner.pids().filter_map(|pid| user_of.get(&pid));
        if !users.contains(&creator) && holders.any(|user| *user != Some(creator)) {
            users.insert(creator);
        }
    }
    let users = users.into_iter().map(|uid| Escaped(&snapshot.user_name(uid)).to_string());
    let users: BTreeSet<String> = users.collect();
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
    let roots = plan.on_port(port).flat_map(|group| {
        let holders = if group.is_crowd { &group.holders_of(port) } else { &group.holders };
        roots(holders, &snapshot.processes)
    });
    let roots: Vec<Pid> = roots.collect();
    let unseen = plan.unseen.iter().filter(|row| row.socket.local.port == port);
    let unseen = unseen.map(|row| owners::owner(row, snapshot));
    let seen = Names::by_user(roots, snapshot, |pid| owners::identity(pid, snapshot));
    let named = seen.with(unseen);
    let typed = ports::typed_on(port, filter.local.as_ref());
    let all = request.acting_command(snapshot.capabilities.shell, &["-y"], &typed);
    text::contested(port, &named, &all.into())
}

fn other_ports(group: &Group<'_>) -> Option<String> {
    let others = &group.other_ports;
    (!others.is_empty()).then(|| text::also_holds(&ports::named(others)))
}

/// Connections that end with the process, and whose peer is still there.
fn clients(group: &Group<'_>, snapshot: &Snapshot) -> Option<String> {
    let on_ports =
        snapshot.sockets.iter().filter(|row| group.ports.contains(&row.socket.local.port));
    let count = on_ports.filter(|row| has_open_peer(row)).count();
    (count > 0).then(|| text::clients(count))
}

/// Whether the peer has not closed its side. In FIN_WAIT_1 and FIN_WAIT_2 only this side is closed, and
/// where the kernel has the socket alone the process has left too.
fn has_open_peer(row: &OwnedSocket) -> bool {
    match row.socket.state {
        Some(TcpState::Established) => true,
        Some(TcpState::FinWait1 | TcpState::FinWait2) => !matches!(row.owner, Owner::Kernel(_)),
        _ => false,
    }
}
