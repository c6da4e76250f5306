//! A machine as a snapshot shows it, with what the checks compare it with.

use std::cell::OnceCell;
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Culprit, Subject};
use crate::model::{
    Endpoint, KernelReason, MachineLimits, OwnedSocket, Owner, Particulars, Pid, PortRules,
    Reading, Scope, Snapshot, Socket, SocketIdentity, StateSet, TcpSettings, TcpState, UdpScope,
    Unconnected,
};

/// Everything that the checks compare, as the system reported it at one moment.
#[derive(Clone, Debug)]
pub struct Inspection {
    /// The sockets and their owners.
    pub snapshot: Snapshot,
    /// What is known of the owners beyond that.
    pub particulars: BTreeMap<Pid, Particulars>,
    /// How long after the sockets that was read: the search for owners comes first.
    pub particulars_after: Duration,
    /// The rules on ports.
    pub rules: PortRules,
    /// The settings of TCP.
    pub settings: TcpSettings,
    /// What all programs share; not read where only some sockets were asked for.
    pub limits: MachineLimits,
    /// The sockets of TCP that are in no table; not read where only some sockets were asked for.
    pub unconnected: Reading<Unconnected>,
    /// How many BOUND sockets there are at most that the kernel does not list.
    pub unlisted_bound: u64,
}

/// A machine as a snapshot shows it, with what the checks compare it with.
#[derive(Debug)]
pub struct Machine<'a> {
    /// The sockets and their owners, and what else was read for their sake.
    pub snapshot: &'a Snapshot,
    /// What is known of the owners beyond that.
    pub particulars: &'a BTreeMap<Pid, Particulars>,
    /// How long after the sockets that was read.
    particulars_after: Duration,
    /// The rules on ports.
    pub rules: &'a PortRules,
    /// The settings of TCP.
    pub settings: &'a TcpSettings,
    /// What all programs share.
    pub limits: &'a MachineLimits,
    /// The sockets of TCP that are in no table.
    pub unconnected: &'a Reading<Unconnected>,
    /// How many BOUND sockets there are at most that the kernel does not list.
    pub unlisted_bound: u64,
    /// The sockets that the checks are about; none for all of them.
    chosen: Option<Chosen<'a>>,
    listeners: FxHashMap<u16, Vec<&'a OwnedSocket>>,
    /// Which of the snapshot's sockets each one is.
    identities: OnceCell<FxHashMap<SocketIdentity, usize>>,
    /// Which of them are in FIN_WAIT_2, by their two endpoints.
    waiting: OnceCell<FxHashMap<(Endpoint, Endpoint), usize>>,
}

/// The sockets that the checks are about.
#[derive(Debug)]
struct Chosen<'a> {
    rows: Vec<&'a OwnedSocket>,
    identities: FxHashSet<SocketIdentity>,
    /// The states in which there may be some.
    tcp: StateSet,
    udp: bool,
}

impl<'a> Machine<'a> {
    /// The whole machine.
    #[must_use]
    pub fn new(inspection: &'a Inspection) -> Self {
        let Inspection {
            snapshot,
            particulars,
            particulars_after,
            rules,
            settings,
            limits,
            unconnected,
            unlisted_bound,
        } = inspection;
        let mut listeners: FxHashMap<u16, Vec<&OwnedSocket>> = FxHashMap::default();
        for row in &snapshot.sockets {
            if row.socket.state == Some(TcpState::Listening) {
                listeners.entry(row.socket.local.port).or_default().push(row);
            }
        }
        Self {
            snapshot,
            particulars,
            particulars_after: *particulars_after,
            rules,
            settings,
            limits,
            unconnected,
            unlisted_bound: *unlisted_bound,
            chosen: None,
            listeners,
            identities: OnceCell::new(),
            waiting: OnceCell::new(),
        }
    }

    /// The same machine, of which only the sockets that are `wanted` are checked, none of them outside of
    /// `scope`. The others remain what these are compared with.
    #[must_use]
    pub fn narrowed(self, scope: &Scope, wanted: impl Fn(&OwnedSocket) -> bool) -> Self {
        let rows: Vec<_> = self.snapshot.sockets.iter().filter(|row| wanted(row)).collect();
        let identities = rows.iter().map(|row| row.socket.identity()).collect();
        let chosen = Chosen { rows, identities, tcp: scope.tcp, udp: scope.udp != UdpScope::None };
        Self { chosen: Some(chosen), ..self }
    }

    /// Whether a check of `subject` can find anything in the sockets that it is about.
    pub(super) fn is_asked_for(&self, subject: Subject) -> bool {
        self.chosen.as_ref().is_none_or(|chosen| match subject {
            Subject::Tcp(states) => !chosen.tcp.intersection(states).is_empty(),
            Subject::Udp => chosen.udp,
            Subject::Owners => true,
            Subject::Machine => false,
        })
    }

    /// How many of `rows` the checks are about.
    pub(super) fn chosen_of<'b>(&self, rows: impl IntoIterator<Item = &'b OwnedSocket>) -> usize {
        let is_chosen = |row: &&OwnedSocket| {
            let chosen = self.chosen.as_ref();
            chosen.is_none_or(|chosen| chosen.identities.contains(&row.socket.identity()))
        };
        rows.into_iter().filter(is_chosen).count()
    }

    /// Whether only some sockets are checked.
    #[must_use]
    pub const fn is_narrowed(&self) -> bool {
        self.chosen.is_some()
    }

    /// The sockets that the checks are about.
    pub fn sockets(&self) -> impl Iterator<Item = &'a OwnedSocket> {
        let all = self.chosen.is_none().then_some(&self.snapshot.sockets);
        let chosen = self.chosen.iter().flat_map(|chosen| chosen.rows.iter().copied());
        all.into_iter().flatten().chain(chosen)
    }

    /// The processes that the checks are about: the owners of these sockets.
    #[must_use]
    pub fn owners(&self) -> BTreeSet<Pid> {
        self.sockets().flat_map(|row| row.owner.pids()).collect()
    }

    /// The TCP sockets in one of `states` that the checks are about.
    pub(super) fn rows(&self, states: &[TcpState]) -> impl Iterator<Item = &'a OwnedSocket> {
        Self::in_states(self.sockets(), states)
    }

    /// The TCP sockets in one of `states`, those included that others are only compared with.
    pub(super) fn all_rows(&self, states: &[TcpState]) -> impl Iterator<Item = &'a OwnedSocket> {
        Self::in_states(self.snapshot.sockets.iter(), states)
    }

    fn in_states(
        rows: impl Iterator<Item = &'a OwnedSocket>,
        states: &[TcpState],
    ) -> impl Iterator<Item = &'a OwnedSocket> {
        let states = StateSet::of(states);
        rows.filter(move |row| row.socket.state.is_some_and(|state| states.contains(state)))
    }

    /// The same socket in this snapshot, whatever has become of its state.
    pub(super) fn find(&self, socket: &Socket) -> Option<&'a OwnedSocket> {
        let identities = self.identities.get_or_init(|| {
            let rows = self.snapshot.sockets.iter().enumerate();
            rows.map(|(index, row)| (row.socket.identity(), index)).collect()
        });
        self.snapshot.sockets.get(*identities.get(&socket.identity())?)
    }

    /// The other side of a connection within this machine, if it waits in FIN_WAIT_2 and a process holds it.
    pub(super) fn waiting_peer(&self, row: &OwnedSocket) -> Option<&'a OwnedSocket> {
        self.peer_in_fin_wait_2(row).filter(|peer| !matches!(peer.owner, Owner::Kernel(_)))
    }

    /// Whether a connection in CLOSE_WAIT is one within this machine whose other side no process holds.
    pub(super) fn is_without_peer(&self, row: &OwnedSocket) -> bool {
        let Some(foreign) = row.socket.foreign.map(|foreign| foreign.address) else { return false };
        match self.peer_in_fin_wait_2(row) {
            Some(peer) => matches!(peer.owner, Owner::Kernel(_)),
            // Linux connects from the address that it connects to, where that is its own.
            None => foreign.is_loopback() || foreign == row.socket.local.address,
        }
    }

    fn peer_in_fin_wait_2(&self, row: &OwnedSocket) -> Option<&'a OwnedSocket> {
        let waiting = self.waiting.get_or_init(|| {
            let rows = self.snapshot.sockets.iter().enumerate();
            let rows = rows.filter(|(_, row)| row.socket.state == Some(TcpState::FinWait2));
            rows.filter_map(|(index, row)| Some(((row.socket.local, row.socket.foreign?), index)))
                .collect()
        });
        self.snapshot.sockets.get(*waiting.get(&(row.socket.foreign?, row.socket.local))?)
    }

    /// The listener that a connection came through, or would have.
    #[must_use]
    pub fn listener(&self, socket: &Socket) -> Option<&'a OwnedSocket> {
        let listeners = self.listeners.get(&socket.local.port)?;
        let covers = |own: &Socket| own.netns == socket.netns && own.covers(socket.local.address);
        let mut covering = listeners.iter().filter(|row| covers(&row.socket)).copied();
        let first = covering.next()?;
        // The exact address wins over the wildcard, as it does for connections.
        let exact = |row: &&OwnedSocket| row.socket.local.address == socket.local.address;
        Some(std::iter::once(first).chain(covering).find(exact).unwrap_or(first))
    }

    /// The backlog of the listeners that a connection may have come through: several may share its port
    /// and address (SO_REUSEPORT), and which of them it was is not known.
    pub(super) fn backlog(&self, socket: &Socket) -> u64 {
        let first = self.listener(socket);
        let at_port = self.listeners.get(&socket.local.port).into_iter().flatten();
        let alike = at_port.filter(|row| {
            first.is_some_and(|first| first.socket.local.address == row.socket.local.address)
        });
        alike.filter_map(|row| row.socket.queues.send).map(u64::from).sum()
    }

    /// Who is responsible for a socket: its owner; for one that no process accepted, the listener's.
    #[must_use]
    pub fn culprit(&self, row: &OwnedSocket) -> Culprit {
        match &row.owner {
            Owner::Processes(_) => {
                self.parent_among(row).map_or(Culprit::Unknown, Culprit::Process)
            }
            Owner::Hidden => Culprit::Hidden(row.socket.uid),
            Owner::NotFound | Owner::Exited(_) => Culprit::Unknown,
            Owner::Kernel(KernelReason::NotAccepted | KernelReason::SynReceived) => {
                self.listener(&row.socket).map_or(Culprit::Nobody, |row| self.culprit(row))
            }
            Owner::Kernel(_) => Culprit::Nobody,
        }
    }

    /// The first holder of a socket whose parent does not hold it. A socket may have thousands, which are
    /// in the order of their PIDs.
    fn parent_among(&self, row: &OwnedSocket) -> Option<Pid> {
        let holders = row.owner.holders();
        let holds = |pid: Pid| holders.binary_search_by_key(&pid, |holder| holder.pid).is_ok();
        let has_parent_here = |pid: &Pid| {
            let parent = self.snapshot.processes.get(pid).and_then(|process| process.parent);
            parent.is_some_and(holds)
        };
        row.owner.pids().find(|pid| !has_parent_here(pid)).or_else(|| row.owner.pids().next())
    }

    /// What is known of the descriptors of a culprit.
    pub(super) fn descriptors(&self, culprit: Culprit) -> Option<&'a Particulars> {
        self.particulars.get(&culprit.pid()?)
    }

    /// How many descriptors a culprit had open, if they were counted soon after the sockets. Otherwise they
    /// cannot tell how many were opened in the time `over` that is between two snapshots.
    pub(super) fn descriptors_before(&self, culprit: Culprit, over: Duration) -> Option<u64> {
        let own = self.descriptors(culprit)?;
        own.descriptors.filter(|_| self.particulars_after.saturating_mul(LATE) <= over)
    }
}

/// Counted later than after this part of the time between two snapshots, descriptors say nothing.
const LATE: u32 = 4;
