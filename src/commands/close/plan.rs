//! What to close: pure, from the rows that were asked for to groups with one owner each.

use std::collections::BTreeMap;

use rustc_hash::FxHashSet;

use super::group::{Group, Groups, place};
use crate::commands::shared::installed::{Programs, is_proven};
use crate::model::{
    Capabilities, Family, KernelReason, OwnedSocket, Owner, Pid, Protocol, Role, Snapshot, Socket,
    TcpState,
};
use crate::query::Row;

/// Why a socket is refused.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Refusal {
    /// A bound port has no connection that could end.
    Bound,
    /// portwho itself holds it.
    Itself,
    /// The shell, terminal or session that portwho runs in holds it.
    Ancestor,
    /// Who holds it cannot be seen; it may be the session.
    Unseen,
    /// This system would keep it forever; left alone it ends.
    Orphan,
    /// It takes connections for a container, which would lose its port and run on.
    Forwarder,
    /// Windows has no call for IPv6.
    OnlyIpv4,
    /// Windows has no call for UDP.
    OnlyTcp,
}

/// What is to be done about the rows that were asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Plan<'a> {
    /// What is to be closed, by owner, in the order of the rows.
    pub(super) groups: Vec<Group<'a>>,
    /// What is not, and why.
    pub(super) refused: Vec<(Refusal, Group<'a>)>,
    /// Listeners and unconnected UDP sockets, which only -l selects.
    pub(super) not_closed: Vec<Row<'a>>,
}

impl<'a> Plan<'a> {
    /// Makes the plan. `own_ancestors` is portwho itself and its ancestors.
    pub(super) fn new(
        rows: &[Row<'a>],
        listening: bool,
        own_ancestors: &[Pid],
        programs: &Programs,
        snapshot: &Snapshot,
    ) -> Self {
        let forwarders = forwarders(rows, programs, snapshot);
        let (mut groups, mut refused) = (Groups::default(), BTreeMap::<Refusal, Groups<'a>>::new());
        let mut not_closed = Vec::new();
        for &row in rows {
            match refusal(row, own_ancestors, &forwarders, snapshot.capabilities) {
                _ if !listening && row.socket.is_listening() => not_closed.push(row),
                Some(why) => refused.entry(why).or_default().add(row),
                None => groups.add(row),
            }
        }
        let refused = refused
            .into_iter()
            .flat_map(|(why, groups)| groups.bounded().into_iter().map(move |group| (why, group)));
        let mut refused: Vec<(Refusal, Group<'a>)> = refused.collect();
        refused.sort_by_cached_key(|(_, group)| place(group, rows));
        Self { groups: groups.bounded(), refused, not_closed }
    }
}

/// Those who take connections for containers. Each process is looked at once, however many sockets
/// it holds.
fn forwarders(rows: &[Row<'_>], programs: &Programs, snapshot: &Snapshot) -> FxHashSet<Pid> {
    let listeners = rows.iter().filter(|row| row.socket.is_listening());
    let pids: FxHashSet<Pid> = listeners.flat_map(|row| row.owner.pids()).collect();
    pids.into_iter().filter(|pid| is_forwarder(*pid, programs, snapshot)).collect()
}

fn is_forwarder(pid: Pid, programs: &Programs, snapshot: &Snapshot) -> bool {
    let process = snapshot.processes.get(&pid);
    process.is_some_and(|it| is_proven(it, Role::Container, programs, snapshot.capabilities))
}

/// Why a socket is not closed, if it is not. One that several processes hold is an ancestor's if
/// it is one's.
fn refusal(
    row: &OwnedSocket,
    own_ancestors: &[Pid],
    forwarders: &FxHashSet<Pid>,
    system: Capabilities,
) -> Option<Refusal> {
    let own_holders = || row.owner.pids().filter(|pid| own_ancestors.contains(pid));
    let socket = &row.socket;
    let Capabilities { closes_udp, closes_ipv6, .. } = system;
    match row.owner {
        _ if socket.state == Some(TcpState::Bound) => Some(Refusal::Bound),
        Owner::Hidden | Owner::NotFound => Some(Refusal::Unseen),
        _ if is_kept_forever(socket, system) => Some(Refusal::Orphan),
        _ if own_holders().any(|pid| own_ancestors.first() != Some(&pid)) => {
            Some(Refusal::Ancestor)
        }
        _ if own_holders().next().is_some() => Some(Refusal::Itself),
        _ if socket.is_listening() && row.owner.pids().any(|pid| forwarders.contains(&pid)) => {
            Some(Refusal::Forwarder)
        }
        _ if !closes_udp && socket.protocol == Protocol::Udp => Some(Refusal::OnlyTcp),
        _ if !closes_ipv6 && socket.family() == Family::V6 => Some(Refusal::OnlyIpv4),
        _ => None,
    }
}

/// Whether it ends by itself if it is left alone, and never if this system closes it: an orphan whose FIN
/// is still to be acknowledged. One in FIN_WAIT_2 has nothing to retransmit.
fn is_kept_forever(socket: &Socket, system: Capabilities) -> bool {
    let retransmits =
        matches!(socket.state, Some(TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck));
    !system.closes_orphans && retransmits && socket.kernel_reason() == Some(KernelReason::Orphaned)
}

#[cfg(test)]
mod tests {
    use super::super::group::GROUPS_TOLD;
    use super::*;
    use crate::model::{Endpoint, Holder};

    const OWN_ANCESTORS: [Pid; 3] = [Pid(500), Pid(400), Pid(1)];
    const NAMES: Programs = Programs::none(Capabilities::LINUX);
    const LINUX: Snapshot = Snapshot::empty(Capabilities::LINUX);

    fn row(state: TcpState, owner: Owner) -> OwnedSocket {
        let local = Endpoint::new([127, 0, 0, 1].into(), 80);
        let foreign = (!state.holds_port()).then(|| Endpoint::new([127, 0, 0, 1].into(), 5000));
        let socket = Socket { state: Some(state), foreign, ..Socket::at(Protocol::Tcp, local) };
        OwnedSocket { socket, owner }
    }

    fn of(pids: &[u32]) -> Owner {
        let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: None };
        Owner::Processes(pids.iter().map(holder).collect())
    }

    #[test]
    fn one_ancestor_among_the_holders_saves_the_socket() {
        let refused = |pids: &[u32]| {
            let row = row(TcpState::Established, of(pids));
            refusal(&row, &OWN_ANCESTORS, &FxHashSet::default(), Capabilities::LINUX)
        };
        assert_eq!(refused(&[812]), None);
        assert_eq!(refused(&[400]), Some(Refusal::Ancestor));
        assert_eq!(refused(&[400, 500, 812]), Some(Refusal::Ancestor));
        assert_eq!(refused(&[500]), Some(Refusal::Itself));
    }

    #[test]
    fn orphans_are_left_alone_where_the_kernel_would_keep_them() {
        let old = Capabilities { closes_orphans: false, ..Capabilities::LINUX };
        let refused = |state, owner, system| {
            let mut row = row(state, owner);
            row.socket.inode = Some(if row.owner.holders().is_empty() { 0 } else { 7 });
            refusal(&row, &OWN_ANCESTORS, &FxHashSet::default(), system)
        };
        for state in [TcpState::FinWait1, TcpState::Closing, TcpState::LastAck] {
            let orphan = Owner::Kernel(KernelReason::Orphaned);
            assert_eq!(refused(state, orphan.clone(), old), Some(Refusal::Orphan), "{state}");
            assert_eq!(refused(state, orphan, Capabilities::LINUX), None, "{state}");
            assert_eq!(refused(state, of(&[812]), old), None, "{state}");
        }
        let orphan = Owner::Kernel(KernelReason::Orphaned);
        assert_eq!(refused(TcpState::FinWait2, orphan, old), None);
    }

    #[test]
    fn each_owner_has_a_group() {
        let rows = [
            row(TcpState::CloseWait, of(&[812])),
            row(TcpState::TimeWait, Owner::Kernel(KernelReason::TimeWait)),
            row(TcpState::Established, of(&[812])),
            row(TcpState::Established, of(&[812, 813])),
            row(TcpState::Listening, of(&[400])),
            row(TcpState::Bound, of(&[812])),
            row(TcpState::Established, Owner::Hidden),
        ];
        let rows: Vec<Row<'_>> = rows.iter().collect();
        let plan = Plan::new(&rows, false, &OWN_ANCESTORS, &NAMES, &LINUX);
        let sizes: Vec<usize> = plan.groups.iter().map(|group| group.sockets.len()).collect();
        assert_eq!(sizes, [2, 1, 1]);
        let refused: Vec<Refusal> = plan.refused.iter().map(|(why, _)| *why).collect();
        assert_eq!(refused, [Refusal::Bound, Refusal::Unseen]);
        assert_eq!(plan.not_closed.len(), 1);
        let plan = Plan::new(&rows, true, &OWN_ANCESTORS, &NAMES, &LINUX);
        assert!(plan.not_closed.is_empty());
        assert_eq!(plan.refused[0].0, Refusal::Ancestor);
    }

    #[test]
    fn of_many_owners_the_last_group_has_the_rest() {
        let established = |pid: u32| row(TcpState::Established, of(&[pid, 2000]));
        let rows: Vec<OwnedSocket> = (1000..1100).map(established).collect();
        let rows: Vec<Row<'_>> = rows.iter().collect();
        let plan = Plan::new(&rows, false, &OWN_ANCESTORS, &NAMES, &LINUX);
        assert_eq!(plan.groups.len(), GROUPS_TOLD + 1);
        let sockets: usize = plan.groups.iter().map(|group| group.sockets.len()).sum();
        assert_eq!(sockets, rows.len());
        let last = plan.groups.last().unwrap();
        assert_eq!((last.more_owners, last.pids().len()), (83, 85));
    }
}
