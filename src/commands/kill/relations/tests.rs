//! Which holders are related, and which are not.

use super::*;
use crate::model::{Endpoint, Holder, OwnedSocket, Owner, Protocol, Service, Session, TcpState};
use crate::query::Row;

/// PID, parent, user, session, program.
type Line = (u32, u32, u32, u32, &'static str);

fn processes(lines: &[Line]) -> BTreeMap<Pid, Process> {
    let process = |&(pid, parent, uid, session, program): &Line| {
        let process = Process {
            parent: Some(Pid(parent)),
            birth: Some(u64::from(pid)),
            uid: Some(Uid(uid)),
            user: Some(uid.to_string().into()),
            executable: Some(program.into()),
            session: Session { name: None, id: Some(session) },
            ..Process::named(Pid(pid), "web".into())
        };
        (Pid(pid), process)
    };
    lines.iter().map(process).collect()
}

fn socket(port: u16, creator: Option<u32>, pids: &[u32]) -> OwnedSocket {
    let holder = |pid: &u32| Holder { pid: Pid(*pid), descriptor: Some(3) };
    let local = Endpoint::new([127, 0, 0, 1].into(), port);
    let socket = Socket {
        state: Some(TcpState::Listening),
        uid: creator.map(Uid),
        ..Socket::at(Protocol::Tcp, local)
    };
    OwnedSocket { socket, owner: Owner::Processes(pids.iter().map(holder).collect()) }
}

fn division(sockets: &[OwnedSocket], processes: &BTreeMap<Pid, Process>) -> Vec<Vec<u32>> {
    let rows: Vec<Row<'_>> = sockets.iter().collect();
    let holdings = Holdings::new(&rows);
    let everybody: Vec<Place> = (0..holdings.pids().len()).collect();
    let parts = Relations::new(&holdings, processes).divide(&everybody);
    let pid = |place: &Place| holdings.pid(*place).unwrap().0;
    parts.iter().map(|part| part.iter().map(pid).collect()).collect()
}

#[track_caller]
fn divided(sockets: &[OwnedSocket], processes: &BTreeMap<Pid, Process>, expected: &[&[u32]]) {
    assert_eq!(division(sockets, processes), expected);
}

const WEB: &str = "/usr/sbin/web";
const OTHER: &str = "/usr/bin/other";

#[test]
fn holders_of_one_socket() {
    // What it is, the user of the socket, the processes, and how the last two of these (or
    // all that hold it, where there are more) are divided.
    type Case<'a> = (&'a str, Option<u32>, &'a [Line], &'a [u32], &'a [&'a [u32]]);
    let cases: &[Case<'_>] = &[
        (
            "a master and its workers",
            Some(0),
            &[(10, 1, 0, 10, WEB), (11, 10, 33, 10, WEB), (12, 10, 33, 10, WEB)],
            &[10, 11, 12],
            &[&[10, 11, 12]],
        ),
        (
            "a grandchild",
            Some(0),
            &[(10, 1, 0, 10, WEB), (11, 10, 0, 11, OTHER), (12, 11, 33, 12, OTHER)],
            &[10, 12],
            &[&[10, 12]],
        ),
        (
            "siblings without their parent, in one session and of one program",
            Some(33),
            &[(11, 1, 33, 10, WEB), (12, 1, 33, 10, WEB)],
            &[11, 12],
            &[&[11, 12]],
        ),
        (
            "another program",
            Some(33),
            &[(11, 1, 33, 10, WEB), (12, 1, 33, 10, OTHER)],
            &[11, 12],
            &[&[11], &[12]],
        ),
        (
            "another session",
            Some(33),
            &[(11, 1, 33, 10, WEB), (12, 1, 33, 12, WEB)],
            &[11, 12],
            &[&[11], &[12]],
        ),
        (
            "another user, of root's socket",
            Some(0),
            &[(11, 1, 33, 10, WEB), (12, 1, 34, 10, WEB)],
            &[11, 12],
            &[&[11], &[12]],
        ),
        (
            "siblings whose parent does not hold it",
            Some(0),
            &[(10, 1, 0, 10, WEB), (11, 10, 33, 11, WEB), (12, 10, 34, 12, WEB)],
            &[11, 12],
            &[&[11], &[12]],
        ),
        (
            "a user's socket, passed to root's daemon",
            Some(1000),
            &[(10, 1, 0, 10, OTHER), (11, 1, 1000, 11, WEB)],
            &[10, 11],
            &[&[10], &[11]],
        ),
        (
            "a user's socket, passed to the daemon that started the user's program",
            Some(1000),
            &[(10, 1, 0, 10, OTHER), (11, 10, 1000, 10, OTHER)],
            &[10, 11],
            &[&[10], &[11]],
        ),
        (
            "a user's socket, held by the children of one and another user",
            Some(1000),
            &[(11, 1, 1000, 11, WEB), (12, 11, 1000, 11, WEB), (13, 11, 0, 11, WEB)],
            &[11, 12, 13],
            &[&[11, 12], &[13]],
        ),
        (
            "a parent that is younger than its child",
            Some(0),
            &[(10, 12, 0, 10, WEB), (12, 1, 0, 12, WEB)],
            &[10, 12],
            &[&[10], &[12]],
        ),
        (
            "Windows tells no users of sockets",
            None,
            &[(10, 1, 0, 1, WEB), (11, 10, 33, 2, OTHER), (12, 1, 33, 3, OTHER)],
            &[10, 11, 12],
            &[&[10, 11], &[12]],
        ),
    ];
    for (what, creator, lines, holders, expected) in cases {
        let divided = division(&[socket(80, *creator, holders)], &processes(lines));
        assert_eq!(divided, *expected, "{what}");
    }
}

#[test]
fn sockets_side_by_side() {
    let family = processes(&[(10, 1, 0, 10, WEB), (11, 10, 0, 10, WEB), (12, 1, 0, 10, WEB)]);
    let on = |port, pid| socket(port, Some(0), &[pid]);
    divided(&[on(80, 10), on(80, 11)], &family, &[&[10, 11]]);
    // The same user, session and program relate holders of one socket only.
    divided(&[on(80, 10), on(80, 12)], &family, &[&[10], &[12]]);
    divided(&[on(80, 10), on(81, 11)], &family, &[&[10], &[11]]);
}

/// Each is related to the parent, but the daemon holds what the other user has created.
#[test]
fn a_common_relative_relates_no_process_to_anothers_socket() {
    let lines = [(10, 1, 0, 10, WEB), (11, 10, 0, 10, WEB), (12, 10, 1000, 12, OTHER)];
    let sockets = [socket(80, Some(0), &[10]), socket(80, Some(1000), &[11, 12])];
    divided(&sockets, &processes(&lines), &[&[10, 11], &[12]]);
}

#[test]
fn workers_of_one_unit() {
    let mut known = processes(&[(11, 1, 33, 11, WEB), (12, 1, 33, 12, WEB)]);
    for process in known.values_mut() {
        process.services = vec![Service { name: "web.service".into(), of_user: false }];
    }
    let sockets = [socket(80, Some(33), &[11, 12])];
    divided(&sockets, &known, &[&[11, 12]]);
    known.get_mut(&Pid(12)).unwrap().services[0].of_user = true;
    divided(&sockets, &known, &[&[11], &[12]]);
}

/// Parents are read one after the other, so a reused PID may close a circle.
#[test]
fn a_circle_of_parents_ends() {
    let circle = processes(&[(10, 11, 0, 10, WEB), (11, 10, 0, 11, WEB)]);
    let circle = circle.into_iter().map(|(pid, one)| (pid, Process { birth: None, ..one }));
    divided(&[socket(80, Some(0), &[10, 11])], &circle.collect(), &[&[10, 11]]);
}
