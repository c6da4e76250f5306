//! A machine as a snapshot shows it, with what the checks compare it with.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::Culprit;
use crate::model::{
    KernelReason, OwnedSocket, Owner, Particulars, Pid, PortRules, Snapshot, Socket, StateSet,
    TcpSettings, TcpState,
};

/// A machine as a snapshot shows it, with what the checks compare it with.
#[derive(Clone, Debug)]
pub struct Machine<'a> {
    /// The sockets and their owners.
    pub snapshot: &'a Snapshot,
    /// What is known of the owners beyond that.
    pub particulars: &'a BTreeMap<Pid, Particulars>,
    /// The rules on ports.
    pub rules: &'a PortRules,
    /// The settings of TCP.
    pub settings: &'a TcpSettings,
    listeners: FxHashMap<u16, Vec<&'a OwnedSocket>>,
}

impl<'a> Machine<'a> {
    /// A machine of these parts.
    #[must_use]
    pub fn new(
        snapshot: &'a Snapshot,
        particulars: &'a BTreeMap<Pid, Particulars>,
        rules: &'a PortRules,
        settings: &'a TcpSettings,
    ) -> Self {
        let mut listeners: FxHashMap<u16, Vec<&OwnedSocket>> = FxHashMap::default();
        for row in &snapshot.sockets {
            if row.socket.state == Some(TcpState::Listening) {
                listeners.entry(row.socket.local.port).or_default().push(row);
            }
        }
        Self { snapshot, particulars, rules, settings, listeners }
    }

    /// The TCP sockets in one of `states`.
    pub(super) fn rows(&self, states: &[TcpState]) -> impl Iterator<Item = &'a OwnedSocket> {
        let states = StateSet::of(states);
        let is_in =
            move |row: &&OwnedSocket| row.socket.state.is_some_and(|it| states.contains(it));
        self.snapshot.sockets.iter().filter(is_in)
    }

    /// The listener that a connection came through, or would have.
    pub(super) fn listener(&self, socket: &Socket) -> Option<&'a OwnedSocket> {
        let listeners = self.listeners.get(&socket.local.port)?;
        let mut covering =
            listeners.iter().filter(|row| row.socket.covers(socket.local.address)).copied();
        let first = covering.next()?;
        // The exact address wins over the wildcard, as it does for connections.
        let exact = |row: &&OwnedSocket| row.socket.local.address == socket.local.address;
        Some(std::iter::once(first).chain(covering).find(exact).unwrap_or(first))
    }

    /// Who is responsible for a socket: its owner; for one that no process accepted, the listener's.
    pub(super) fn culprit(&self, row: &OwnedSocket) -> Culprit {
        match &row.owner {
            Owner::Processes(_) => Culprit::Processes(self.parents_first(row)),
            Owner::Hidden => Culprit::Hidden(row.socket.uid),
            Owner::NotFound | Owner::Exited(_) => Culprit::Unknown,
            Owner::Kernel(KernelReason::NotAccepted | KernelReason::SynReceived) => {
                self.listener(&row.socket).map_or(Culprit::Nobody, |row| self.culprit(row))
            }
            Owner::Kernel(_) => Culprit::Nobody,
        }
    }

    /// The holders of a socket; those first whose parent does not hold it.
    fn parents_first(&self, row: &OwnedSocket) -> Box<[Pid]> {
        let mut pids: Vec<Pid> = row.owner.pids().collect();
        let all = pids.clone();
        let has_parent_here = |pid: &Pid| {
            let parent = self.snapshot.processes.get(pid).and_then(|process| process.parent);
            parent.is_some_and(|parent| all.contains(&parent))
        };
        pids.sort_by_key(has_parent_here);
        pids.into()
    }

    /// What is known of the descriptors of a culprit.
    pub(super) fn descriptors(&self, culprit: &Culprit) -> Option<&'a Particulars> {
        self.particulars.get(&culprit.pid()?)
    }
}
