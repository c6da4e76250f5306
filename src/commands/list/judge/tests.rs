//! Facts and the answers to them.

use super::*;
use crate::cli::{self, Request};
use crate::commands::shared::near_misses::{NearMiss, NearMisses};
use crate::model::{
    Capabilities, Endpoint, Gap, Holder, KernelReason, OwnedSocket, Owner, Pid, PortRules,
    Protocol, Shell, Snapshot, Socket, TcpState,
};
use crate::platform::SocketTable;
use crate::query::{InTheWay, Place, PortVerdict, Protocols, Verdict, Ways};
use crate::text::shell::ShellCommand;

/// What `portwho WORDS` asks for.
fn request(words: &str) -> ListRequest {
    let line = ["portwho"].into_iter().chain(words.split_whitespace());
    match cli::parse(line.map(Into::into)) {
        Ok(Request::List(request)) => request,
        other => panic!("{words}: {other:?}"),
    }
}

/// A filter by ports.
fn on_ports(first: u16, last: u16) -> Filter {
    let local = LocalSet { ports: [first..=last].into_iter().collect(), ..LocalSet::default() };
    Filter { local: Some(local), ..Filter::everything() }
}

/// A filter by one port of 127.0.0.1.
fn at_loopback(port: u16) -> Filter {
    let place = Place {
        address: [127, 0, 0, 1].into(),
        interface: None,
        ports: port..=port,
        protocol: None,
    };
    let local = LocalSet { places: vec![place], ..LocalSet::default() };
    Filter { local: Some(local), ..Filter::everything() }
}

fn listener(address: &str, port: u16) -> OwnedSocket {
    let local = Endpoint::new(address.parse().unwrap(), port);
    OwnedSocket {
        socket: Socket { state: Some(TcpState::Listening), ..Socket::at(Protocol::Tcp, local) },
        owner: Owner::Processes([Holder { pid: Pid(812), descriptor: Some(3) }].into()),
    }
}

fn snapshot(sockets: Vec<OwnedSocket>) -> Snapshot {
    Snapshot { sockets, ..Snapshot::empty(Capabilities::LINUX) }
}

/// What a system says that was asked about sockets alone.
fn seen(sockets: Vec<OwnedSocket>) -> Facts {
    Facts {
        snapshot: snapshot(sockets),
        elsewhere: None,
        ports: None,
        absent: Vec::new(),
        near_misses: NearMisses::default(),
        attempts: Vec::new(),
        is_read: true,
    }
}

/// What it says of ports beside that: these sockets are on them.
fn with_ports(facts: Facts, sockets: Option<Vec<Socket>>) -> Facts {
    let table = sockets.map(|sockets| SocketTable { sockets, gaps: facts.snapshot.gaps.clone() });
    let rules = [Protocol::Tcp, Protocol::Udp].map(|protocol| (protocol, PortRules::default()));
    Facts { ports: Some(PortFacts { table, rules: rules.into() }), ..facts }
}

fn with_gap(mut facts: Facts, gap: Gap) -> Facts {
    facts.snapshot.gaps.push(gap);
    facts
}

/// The verdicts in the order of ports and protocols.
fn verdicts(ports: Option<&PortVerdicts<'_>>) -> Vec<Verdict> {
    ports.unwrap().told.iter().map(PortVerdict::verdict).collect()
}

/// Whether a remark reports this many ports that no socket holds.
fn is_of_vacant(remark: &Remark<'_>, count: usize) -> bool {
    matches!(remark, Remark::Vacant(Vacant::Each(each)) if each.len() == count)
}

#[test]
fn rows_that_hold_the_port_are_the_answer() {
    let (request, filter) = (request("80"), on_ports(80, 80));
    let facts = seen(vec![listener("0.0.0.0", 80)]);
    let answer = answer(&request, &filter, &facts);
    assert_eq!((answer.rows.rows.len(), answer.outcome), (1, Outcome::Success));
    assert_eq!((answer.ports, answer.remarks), (None, vec![]));
}

#[test]
fn a_port_that_nothing_holds_has_a_verdict_for_each_protocol() {
    let (request, filter) = (request("80"), on_ports(80, 80));
    let facts = with_ports(seen(vec![]), None);
    let answer = answer(&request, &filter, &facts);
    assert_eq!(verdicts(answer.ports.as_ref()), [Verdict::Free, Verdict::Free]);
    let [verdict] = &answer.remarks[..] else { panic!("{:?}", answer.remarks) };
    assert!(is_of_vacant(verdict, 1) && answer.outcome == Outcome::Negative);
}

#[test]
fn what_is_not_listed_leaves_tcp_unknown_and_is_reported() {
    let (request, filter) = (request("80"), on_ports(80, 80));
    let facts = with_ports(with_gap(seen(vec![]), Gap::BoundNotListed), None);
    let answer = answer(&request, &filter, &facts);
    assert_eq!(verdicts(answer.ports.as_ref()), [Verdict::Unknown, Verdict::Free]);
    assert_eq!(answer.remarks[0], Remark::Gap(&Gap::BoundNotListed));
    assert!(answer.remarks.len() == 2 && is_of_vacant(&answer.remarks[1], 1));
}

#[test]
fn an_unreadable_table_is_not_an_answer() {
    let unreadable = Gap::TableUnreadable { table: "TCP".to_owned(), why: "refused".to_owned() };
    let (request, filter) = (request("80"), on_ports(80, 80));
    let facts = with_ports(with_gap(seen(vec![]), unreadable.clone()), None);
    let answer = answer(&request, &filter, &facts);
    assert_eq!(answer.outcome, Outcome::Failure);
    assert_eq!(answer.remarks, [Remark::Gap(&unreadable)]);
}

#[test]
fn what_the_other_filters_exclude_is_reported_before_the_verdict() {
    let udp = Protocols { tcp: false, udp: true };
    let (request, filter) = (request("-u 80"), Filter { protocols: udp, ..on_ports(80, 80) });
    let near_misses = NearMisses { left_out: 1, ..NearMisses::default() };
    let there = vec![listener("0.0.0.0", 80).socket];
    let facts = with_ports(Facts { near_misses, ..seen(vec![]) }, Some(there));
    let answer = answer(&request, &filter, &facts);
    assert_eq!(verdicts(answer.ports.as_ref()), [Verdict::Free]);
    assert_eq!(answer.remarks[0], Remark::NearMiss(NearMiss::LeftOut(1)));
    assert!(answer.remarks.len() == 2 && is_of_vacant(&answer.remarks[1], 1));
}

#[test]
fn who_holds_every_address_holds_the_one_that_was_asked_for() {
    let (request, filter) = (request("127.0.0.1:80"), at_loopback(80));
    let local = filter.local.clone().unwrap();
    let in_the_way = InTheWay::of(&local, std::iter::empty(), Ways::Both);
    let filter = Filter { in_the_way, ..filter };
    let holder = listener("0.0.0.0", 80);
    let facts = with_gap(seen(vec![holder.clone()]), Gap::BoundNotListed);
    let facts = with_ports(facts, Some(vec![holder.socket.clone()]));
    let answer = answer(&request, &filter, &facts);
    assert_eq!(verdicts(answer.ports.as_ref()), [Verdict::Held, Verdict::Free]);
    assert_eq!((answer.rows.rows.len(), answer.outcome), (1, Outcome::Success));
    assert!(matches!(&answer.remarks[..], [Remark::InTheWay(_)]), "{:?}", answer.remarks);
}

#[test]
fn each_port_that_nothing_holds_is_reported() {
    let (request, filter) = (request("80,81"), on_ports(80, 81));
    let facts = with_ports(seen(vec![listener("0.0.0.0", 80)]), None);
    let answer = answer(&request, &filter, &facts);
    let expected = [Verdict::Held, Verdict::Free, Verdict::Free, Verdict::Free];
    assert_eq!(verdicts(answer.ports.as_ref()), expected);
    assert!(is_of_vacant(&answer.remarks[0], 1), "{:?}", answer.remarks);
}

#[test]
fn many_ports_have_one_verdict() {
    let (request, filter) = (request("101-117"), on_ports(101, 117));
    let facts = with_ports(seen(vec![listener("0.0.0.0", 110)]), None);
    let answer = answer(&request, &filter, &facts);
    let many = ManyPorts {
        asked: 17,
        vacant: 16,
        is_unseen: false,
        first_free: Some(101),
        first_unprivileged: None,
    };
    assert_eq!(answer.remarks, [Remark::Vacant(Vacant::Many(many))]);
    let ports = answer.ports.unwrap();
    assert_eq!((verdicts(Some(&ports)), ports.free_count), (vec![Verdict::Held], 33));
}

#[test]
fn a_list_of_everything_in_a_pipe_has_only_gaps() {
    let (request, filter) = (request(""), Filter::everything());
    let bound = |mut row: OwnedSocket| {
        row.socket.state = Some(TcpState::Bound);
        row
    };
    let gap = Gap::NetlinkRefused { why: "refused".to_owned() };
    let facts = with_gap(seen(vec![bound(listener("0.0.0.0", 80))]), gap.clone());
    let read = answer(&request, &filter, &facts).remarks;
    assert!(matches!(read[..], [Remark::Gap(_), Remark::Rows(_)]), "{read:?}");
    let piped = Facts { is_read: false, ..facts };
    assert_eq!(answer(&request, &filter, &piped).remarks, [Remark::Gap(&gap)]);
}

#[test]
fn some_of_many_namespaces_are_reported() {
    let (request, filter) = (request("80"), on_ports(80, 80));
    let there = |netns: u64| {
        let mut row = listener("0.0.0.0", 80);
        row.socket.netns = Some(netns);
        row
    };
    let elsewhere = Some(snapshot((1..=7).map(there).collect()));
    let facts = with_ports(Facts { elsewhere, ..seen(vec![]) }, None);
    let answer = answer(&request, &filter, &facts);
    let namespace = |remark: &Remark<'_>| match remark {
        Remark::Elsewhere { namespace, rows, .. } => Some((*namespace, rows.len())),
        _ => None,
    };
    let told: Vec<_> = answer.remarks.iter().filter_map(namespace).collect();
    assert_eq!(told, [(1, 1), (2, 1), (3, 1), (4, 1), (5, 1)]);
    let list = ShellCommand::new(Shell::Posix, "portwho --all-netns 80").into();
    assert_eq!(answer.remarks.last(), Some(&Remark::MoreElsewhere(2, list)));
}

#[test]
fn pids_that_are_not_known_are_no_answer_to_who_asks_for_them() {
    let (request, filter) = (request("-q 80"), on_ports(80, 80));
    let row = OwnedSocket { owner: Owner::Hidden, ..listener("0.0.0.0", 80) };
    let facts = seen(vec![row]);
    let answer = answer(&request, &filter, &facts);
    assert_eq!((answer.remarks, answer.outcome), (vec![Remark::NoPid], Outcome::Negative));
}

#[test]
fn what_the_kernel_keeps_has_no_pid_that_could_be_known() {
    let (request, filter) = (request("-q 80"), on_ports(80, 80));
    let owner = Owner::Kernel(KernelReason::TimeWait);
    let facts = seen(vec![OwnedSocket { owner, ..listener("0.0.0.0", 80) }]);
    let answer = answer(&request, &filter, &facts);
    assert_eq!((answer.remarks, answer.outcome), (vec![Remark::NoProcess], Outcome::Negative));
}
