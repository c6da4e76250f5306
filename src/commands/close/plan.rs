//! What to close: pure, from the rows that were asked for to groups with one owner each.

use crate::commands::images::is_proven;
use crate::commands::installed::Programs;
use crate::model::{
    Capabilities, Family, OwnedSocket, Owner, Pid, Protocol, Role, Snapshot, TcpState,
};
use crate::query::Row;

/// Sockets with the same owner.
#[derive(Clone, Debug)]
pub(super) struct Group<'a> {
    /// The sockets; one at least.
    pub(super) sockets: Vec<Row<'a>>,
}

/// Why a socket is refused.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Refusal {
    /// A bound port has no connection that could end.
    Bound,
    /// portwho itself holds it.
    Itself,
    /// The shell, terminal or session that portwho runs in holds it.
    Ancestor,
    /// Who holds it cannot be seen; it may be the session.
    Unseen,
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
        let mut plan = Self::default();
        for &row in rows {
            match refusal(row, own_ancestors, programs, snapshot) {
                _ if !listening && row.socket.is_listening() => plan.not_closed.push(row),
                Some(why) => plan.refuse(row, why),
                None => add(row, &mut plan.groups),
            }
        }
        plan
    }

    fn refuse(&mut self, row: Row<'a>, why: Refusal) {
        let alike = |(other, group): &&mut (Refusal, Group<'a>)| *other == why && group.owns(row);
        match self.refused.iter_mut().find(alike) {
            Some((_, group)) => group.sockets.push(row),
            None => self.refused.push((why, Group { sockets: vec![row] })),
        }
    }
}

impl Group<'_> {
    /// Whether the socket has the owner of these.
    fn owns(&self, row: &OwnedSocket) -> bool {
        self.sockets.first().is_some_and(|first| match (&first.owner, &row.owner) {
            (Owner::Processes(_), Owner::Processes(_)) => first.owner.pids().eq(row.owner.pids()),
            (Owner::Hidden, Owner::Hidden) => first.socket.uid == row.socket.uid,
            (one, other) => one == other,
        })
    }

    /// Their owner.
    pub(super) fn owner(&self) -> Option<&Owner> {
        self.sockets.first().map(|row| &row.owner)
    }

    /// The processes that hold them.
    pub(super) fn pids(&self) -> impl Iterator<Item = Pid> {
        self.sockets.first().into_iter().flat_map(|row| row.owner.pids())
    }
}

fn add<'a>(row: Row<'a>, groups: &mut Vec<Group<'a>>) {
    match groups.iter_mut().find(|group| group.owns(row)) {
        Some(group) => group.sockets.push(row),
        None => groups.push(Group { sockets: vec![row] }),
    }
}

/// Why a socket is not closed, if it is not. One that several processes hold is an ancestor's if
/// it is one's.
fn refusal(
    row: &OwnedSocket,
    own_ancestors: &[Pid],
    programs: &Programs,
    snapshot: &Snapshot,
) -> Option<Refusal> {
    let own_holders = || row.owner.pids().filter(|pid| own_ancestors.contains(pid));
    let socket = &row.socket;
    let forwards = |pid| {
        let process = snapshot.processes.get(&pid);
        process.is_some_and(|it| is_proven(it, Role::Container, programs, snapshot.capabilities))
    };
    let Capabilities { closes_udp, closes_ipv6, .. } = snapshot.capabilities;
    match row.owner {
        _ if socket.state == Some(TcpState::Bound) => Some(Refusal::Bound),
        Owner::Hidden | Owner::NotFound => Some(Refusal::Unseen),
        _ if own_holders().any(|pid| own_ancestors.first() != Some(&pid)) => {
            Some(Refusal::Ancestor)
        }
        _ if own_holders().next().is_some() => Some(Refusal::Itself),
        _ if socket.is_listening() && row.owner.pids().any(forwards) => Some(Refusal::Forwarder),
        _ if !closes_udp && socket.protocol == Protocol::Udp => Some(Refusal::OnlyTcp),
        _ if !closes_ipv6 && socket.family() == Family::V6 => Some(Refusal::OnlyIpv4),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Endpoint, Holder, KernelReason, Socket};

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
            refusal(&row(TcpState::Established, of(pids)), &OWN_ANCESTORS, &NAMES, &LINUX)
        };
        assert_eq!(refused(&[812]), None);
        assert_eq!(refused(&[400]), Some(Refusal::Ancestor));
        assert_eq!(refused(&[400, 500, 812]), Some(Refusal::Ancestor));
        assert_eq!(refused(&[500]), Some(Refusal::Itself));
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
}
