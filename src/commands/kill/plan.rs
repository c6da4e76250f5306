//! Which processes to end: pure, from the rows that hold the ports to groups of processes.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::contested::contested_ports;
pub(super) use super::group::Group;
use super::holdings::Holdings;
use super::parts::{Parts, Picked};
use super::refusal::{Refusal, or_port_proxy, refusal};
use super::relations::Relations;
use crate::commands::shared::installed::Programs;
use crate::model::{OwnedSocket, Pid, Process, Snapshot};
use crate::query::{Filter, NamePattern, Row, SortKey, select};

/// What is to be done about the rows that hold the ports.
#[derive(Debug, Default)]
pub(super) struct Plan<'a> {
    /// The groups, in the order of their first socket. Of very many the last one has all the rest,
    /// and of those that are refused too.
    pub(super) groups: Vec<Group<'a>>,
    /// Sockets whose holder cannot be named, let alone ended.
    pub(super) unseen: Vec<Row<'a>>,
    /// The ports that are held by unrelated processes.
    pub(super) contested_ports: BTreeSet<u16>,
}

impl<'a> Plan<'a> {
    /// Makes the plan. `own_ancestors` is portwho itself and its ancestors.
    pub(super) fn new(
        rows: &[Row<'a>],
        snapshot: &Snapshot,
        filter: &Filter,
        own_ancestors: &[Pid],
        programs: &Programs,
    ) -> Self {
        let (unseen, seen): (Vec<Row<'a>>, Vec<Row<'a>>) =
            rows.iter().partition(|row| row.owner.holders().is_empty());
        let holdings = Holdings::new(&seen);
        let relations = Relations::new(&holdings, &snapshot.processes);
        let picked = Picked::new(filter, snapshot).holders(&holdings);
        let younger = younger_than_sockets(&seen, snapshot);
        let refuse = |pids: &[Pid]| {
            find_refusal(pids, snapshot, own_ancestors, programs).or_else(|| {
                Some((*pids.iter().find(|pid| younger.contains(pid))?, Refusal::Younger))
            })
        };
        let parts = Parts::new(&holdings, &relations, &picked, refuse);
        let mut groups = parts.groups(&holdings, &picked);
        add_other_ports(&mut groups, snapshot);
        let contested_ports = contested_ports(&holdings, &relations, &picked, &unseen);
        Self { groups, unseen, contested_ports }
    }

    /// The groups that hold a port.
    pub(super) fn on_port(&self, port: u16) -> impl Iterator<Item = &Group<'a>> {
        self.groups.iter().filter(move |group| group.ports.contains(&port))
    }
}

/// Adds the ports that the holders of each group hold beside those asked for.
fn add_other_ports(groups: &mut [Group<'_>], snapshot: &Snapshot) {
    let mut group_of: FxHashMap<Pid, usize> = FxHashMap::default();
    for (number, group) in groups.iter().enumerate() {
        group_of.extend(group.holders.iter().map(|pid| (*pid, number)));
    }
    for row in snapshot.sockets.iter().filter(|row| row.socket.holds_port()) {
        let port = row.socket.local.port;
        for number in row.owner.pids().filter_map(|pid| group_of.get(&pid)) {
            if let Some(group) =
                groups.get_mut(*number).filter(|group| !group.ports.contains(&port))
            {
                group.other_ports.insert(port);
            }
        }
    }
}

/// The first reason not to end the processes of a group; one refused holder saves all.
fn find_refusal(
    all_holders: &[Pid],
    snapshot: &Snapshot,
    own_ancestors: &[Pid],
    programs: &Programs,
) -> Option<(Pid, Refusal)> {
    all_holders.iter().find_map(|&pid| {
        let others = || all_but(pid, all_holders, snapshot);
        let process = snapshot.processes.get(&pid);
        let system = snapshot.capabilities;
        let refusal = refusal(pid, process, others, own_ancestors, programs, system);
        let refusal = or_port_proxy(refusal, !snapshot.proxies_of(pid).is_empty());
        // Whether it is one that the system does not live on without cannot be told.
        let unidentified = || snapshot.unidentified.contains(&pid).then_some(Refusal::Unidentified);
        Some((pid, refusal.or_else(unidentified)?))
    })
}

/// The holders that the table names for a socket which is older than they are. The list shows them,
/// since the clock may have been set back; nobody is ended on that.
fn younger_than_sockets(rows: &[Row<'_>], snapshot: &Snapshot) -> BTreeSet<Pid> {
    let named = rows.iter().filter_map(|row| row.socket.table_owner);
    let younger = named.filter(|named| {
        snapshot.processes.get(&named.pid).is_some_and(|process| named.precedes(process.birth))
    });
    younger.map(|named| named.pid).collect()
}

/// The processes among `all_holders` that are not `pid`.
fn all_but<'a>(
    pid: Pid,
    all_holders: &'a [Pid],
    snapshot: &'a Snapshot,
) -> impl Iterator<Item = &'a Process> {
    let others = all_holders.iter().filter(move |other| **other != pid);
    others.filter_map(|other| snapshot.processes.get(other))
}

/// Those of `holders` whose parent is not among them: a master before its workers.
pub(super) fn roots(holders: &BTreeSet<Pid>, processes: &BTreeMap<Pid, Process>) -> BTreeSet<Pid> {
    let roots = holders.iter().copied().filter(|pid| {
        !parent(*pid, processes).is_some_and(|parent| parent != *pid && holders.contains(&parent))
    });
    let roots: BTreeSet<Pid> = roots.collect();
    // Parents are read one after the other, so a reused PID could close a circle.
    if roots.is_empty() { holders.clone() } else { roots }
}

fn parent(pid: Pid, processes: &BTreeMap<Pid, Process>) -> Option<Pid> {
    processes.get(&pid)?.parent
}

/// Whether a row holds a port for the protocols asked for. UDP only when it was named: a
/// client's UDP socket looks like a server's.
pub(super) fn is_target(row: &OwnedSocket, filter: &Filter) -> bool {
    row.socket.holds_port() && filter.admits_socket(&row.socket)
}

/// The rows that hold the ports, by everything that was asked for.
pub(super) fn targets<'a>(snapshot: &'a Snapshot, filter: &'a Filter) -> Vec<Row<'a>> {
    let mut picked = Picked::new(filter, snapshot);
    let mut rows = select(snapshot, filter, SortKey::Port).rows;
    rows.retain(|row| is_target(row, filter));
    rows.retain(|row| {
        let mut pids = row.owner.pids();
        row.owner.holders().is_empty() || pids.any(|pid| picked.is_picked(row, pid))
    });
    rows
}

/// Whether the filter names each owner that it picks, so that unrelated ones are meant as well. A
/// pattern names no process.
pub(super) fn names_owners(filter: &Filter) -> bool {
    let by_name = !filter.names.is_empty() && filter.names.iter().all(NamePattern::is_plain);
    !filter.pids.is_empty() || !filter.users.is_empty() || by_name
}

#[cfg(test)]
mod tests;
