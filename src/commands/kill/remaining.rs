//! Who holds the ports besides those that are to be ended: by other sockets, as with SO_REUSEPORT, which
//! were not asked for.

use std::collections::BTreeSet;
use std::ptr;

use rustc_hash::FxHashSet;

use super::gather::on_ports;
use super::plan::Plan;
use crate::model::{OwnedSocket, Pid, Snapshot};
use crate::query::{Filter, Row};
use crate::text::kill as text;
use crate::text::names::Names;
use crate::text::{owners, ports};

/// The sockets that keep ports when all that is to be ended has ended.
#[derive(Debug)]
pub(super) struct Remaining<'a> {
    rows: Vec<Row<'a>>,
    /// Who ends.
    ended: BTreeSet<Pid>,
    snapshot: &'a Snapshot,
}

impl<'a> Remaining<'a> {
    /// What the plan leaves. What was asked for is reported by itself.
    pub(super) fn new(plan: &Plan<'a>, filter: &Filter, snapshot: &'a Snapshot) -> Self {
        let ended = plan.groups.iter().filter(|group| group.refusal.is_none());
        let ended: BTreeSet<Pid> = ended.flat_map(|group| &group.holders).copied().collect();
        let of_groups = plan.groups.iter().flat_map(|group| &group.sockets);
        let asked: FxHashSet<*const OwnedSocket> =
            of_groups.chain(&plan.unseen).map(|row| ptr::from_ref(*row)).collect();
        let on_ports = on_ports(filter);
        let is_left = |row: &Row<'_>| {
            let socket = &row.socket;
            socket.holds_port()
                && filter.asks_for(socket.protocol)
                && on_ports.admits_socket(socket)
                && !asked.contains(&ptr::from_ref(*row))
                && (row.owner.holders().is_empty()
                    || row.owner.pids().any(|pid| !ended.contains(&pid)))
        };
        let rows = snapshot.sockets.iter().filter(is_left).collect();
        Self { rows, ended, snapshot }
    }

    /// `port 80 is also held by nginx (PID 813)`; nothing where nobody else holds one of these.
    pub(super) fn of(&self, asked: &BTreeSet<u16>) -> Option<String> {
        let on_asked = |row: &&Row<'_>| asked.contains(&row.socket.local.port);
        let rows: Vec<Row<'_>> = self.rows.iter().filter(on_asked).copied().collect();
        let pids = rows.iter().flat_map(|row| row.owner.pids());
        let pids: BTreeSet<Pid> = pids.filter(|pid| !self.ended.contains(pid)).collect();
        let unnamed = rows.iter().filter(|row| row.owner.holders().is_empty());
        let unnamed: BTreeSet<String> =
            unnamed.map(|row| owners::owner(row, self.snapshot)).collect();
        let held = rows.iter().map(|row| row.socket.local.port).collect();
        let name = |pid| owners::process(pid, self.snapshot);
        let names = Names::by_user(pids, self.snapshot, name).with(unnamed);
        (!rows.is_empty()).then(|| text::port_also_held(&ports::named(&held), held.len(), &names))
    }
}
