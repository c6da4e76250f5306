//! The plan of recorded rows.

use proptest::prelude::*;

use super::*;
use crate::commands::kill::parts::GROUPS_TOLD;
use crate::model::{Capabilities, Endpoint, Holder, Owner, Protocol, Socket, TcpState};

fn row(port: u16, pids: &[u32], state: TcpState) -> OwnedSocket {
    let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: Some(3) };
    let mut holders: Vec<Holder> = pids.iter().map(holder).collect();
    holders.sort_unstable();
    OwnedSocket {
        socket: Socket {
            state: Some(state),
            inode: Some(7),
            ..Socket::at(Protocol::Tcp, Endpoint::new([127, 0, 0, 1].into(), port))
        },
        owner: if pids.is_empty() { Owner::Hidden } else { Owner::Processes(holders.into()) },
    }
}

fn process(pid: u32, parent: u32) -> (Pid, Process) {
    let process = Process { parent: Some(Pid(parent)), ..Process::named(Pid(pid), "web".into()) };
    (Pid(pid), process)
}

fn snapshot(sockets: Vec<OwnedSocket>, parents: &[(u32, u32)]) -> Snapshot {
    Snapshot {
        sockets,
        processes: parents.iter().map(|(pid, parent)| process(*pid, *parent)).collect(),
        ..Snapshot::empty(Capabilities::LINUX)
    }
}

const OWN: [Pid; 3] = [Pid(500), Pid(400), Pid(1)];

fn plan(snapshot: &Snapshot) -> Plan<'_> {
    let filter = Filter::everything();
    let rows: Vec<_> = snapshot.sockets.iter().filter(|row| is_target(row, &filter)).collect();
    Plan::new(&rows, snapshot, &filter, &OWN, &Programs::none(Capabilities::LINUX))
}

fn pids(numbers: &[u32]) -> BTreeSet<Pid> {
    numbers.iter().copied().map(Pid).collect()
}

#[test]
fn a_master_comes_before_its_workers() {
    let listening = TcpState::Listening;
    let sockets = vec![row(80, &[812, 813, 814], listening), row(443, &[812], listening)];
    let snapshot = snapshot(sockets, &[(812, 1), (813, 812), (814, 812)]);
    let plan = plan(&snapshot);
    assert_eq!(plan.groups.len(), 1);
    assert_eq!(plan.groups[0].holders, pids(&[812, 813, 814]));
    assert_eq!(roots(&plan.groups[0].holders, &snapshot.processes), pids(&[812]));
    assert!(plan.contested_ports.is_empty());
}

#[test]
fn connected_sockets_are_not_targets() {
    let snapshot = snapshot(vec![row(80, &[900], TcpState::Established)], &[(900, 1)]);
    assert!(plan(&snapshot).groups.is_empty());
}

#[test]
fn strangers_on_one_port_are_contested_and_a_family_is_not() {
    let listening = TcpState::Listening;
    let sockets = || vec![row(80, &[812], listening), row(80, &[900], listening)];
    let strangers = snapshot(sockets(), &[(812, 1), (900, 1)]);
    let contested = plan(&strangers).contested_ports;
    assert_eq!(contested, BTreeSet::from([80]));
    let family = snapshot(sockets(), &[(812, 1), (900, 812)]);
    assert!(plan(&family).contested_ports.is_empty());
}

#[test]
fn only_the_owners_asked_for_are_ended() {
    let snapshot =
        snapshot(vec![row(80, &[812, 813], TcpState::Listening)], &[(812, 1), (813, 812)]);
    let filter = Filter { pids: vec![Pid(813)], ..Filter::everything() };
    let rows: Vec<_> = snapshot.sockets.iter().collect();
    let plan = Plan::new(&rows, &snapshot, &filter, &OWN, &Programs::none(Capabilities::LINUX));
    assert_eq!(plan.groups[0].holders, pids(&[813]));
}

#[test]
fn one_refused_holder_saves_all() {
    let snapshot = snapshot(vec![row(80, &[400, 900], TcpState::Listening)], &[(400, 1), (900, 1)]);
    assert_eq!(plan(&snapshot).groups[0].refusal.as_ref().unwrap().0, Pid(400));
}

#[test]
fn of_many_strangers_the_last_group_has_the_rest() {
    let pids_of_all: Vec<u32> = (1000..1100).collect();
    let parents: Vec<(u32, u32)> = pids_of_all.iter().map(|pid| (*pid, 1)).collect();
    let shared = snapshot(vec![row(80, &pids_of_all, TcpState::Listening)], &parents);
    let apart = pids_of_all.iter().map(|pid| row(80, &[*pid], TcpState::Listening));
    let apart = snapshot(apart.collect(), &parents);
    for snapshot in [shared, apart] {
        let plan = plan(&snapshot);
        assert_eq!(plan.groups.len(), GROUPS_TOLD + 1);
        let ended: Vec<Pid> =
            plan.groups.iter().flat_map(|group| group.holders.iter().copied()).collect();
        assert_eq!(ended, pids_of_all.iter().copied().map(Pid).collect::<Vec<_>>());
        let last = plan.groups.last().unwrap();
        assert!(last.is_crowd && last.holders.len() == 100 - GROUPS_TOLD);
        assert_eq!(plan.contested_ports, BTreeSet::from([80]));
    }
}

fn any_rows() -> impl Strategy<Value = Vec<OwnedSocket>> {
    let states = prop_oneof![
        Just(TcpState::Listening),
        Just(TcpState::Bound),
        Just(TcpState::Established),
        Just(TcpState::TimeWait)
    ];
    let holders = proptest::collection::vec(prop_oneof![0_u32..12, Just(400), Just(500)], 0..4);
    let row = (1_u16..5, holders, states).prop_map(|(port, pids, state)| row(port, &pids, state));
    proptest::collection::vec(row, 0..8)
}

proptest! {
    #[test]
    fn a_plan_never_touches_what_did_not_match(
        rows in any_rows(),
        parents in proptest::collection::vec((0_u32..12, 0_u32..12), 0..12),
    ) {
        let snapshot = snapshot(rows, &parents);
        let plan = plan(&snapshot);
        let matched: BTreeSet<Pid> = snapshot
            .sockets
            .iter()
            .filter(|row| row.socket.holds_port())
            .flat_map(|row| row.owner.pids())
            .collect();
        let mut seen = BTreeSet::new();
        for group in &plan.groups {
            prop_assert!(group.holders.is_subset(&matched));
            prop_assert!(seen.is_disjoint(&group.holders), "a holder is in one group");
            seen.extend(group.holders.clone());
            prop_assert!(group.unrelated.is_disjoint(&group.holders));
            prop_assert!(group.unrelated.is_subset(&group.all_holders));
            if group.refusal.is_none() {
                for never in [0, 1, 400, 500] {
                    prop_assert!(!group.all_holders.contains(&Pid(never)));
                }
            }
            let roots = roots(&group.holders, &snapshot.processes);
            prop_assert!(roots.is_subset(&group.holders));
            prop_assert!(!roots.is_empty());
        }
    }
}
