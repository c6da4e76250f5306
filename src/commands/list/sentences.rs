//! The sentences beside a list, from the remarks of its answer.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::IpAddr;

use super::answer::{Answer, Remark};
use crate::commands::shared::in_the_way::ends;
use crate::model::{Snapshot, Socket};
use crate::query::{AskedPort, BindAttempt, BindRefusal, Row, Rows};
use crate::text::advice::{Remedy, run_to};
use crate::text::endpoints::local_endpoint;
use crate::text::states::stuck;
use crate::text::{gaps, hints as text, namespaces, owners, ports, remedies};

impl Remark<'_> {
    /// What is said of it, as part of `answer`.
    pub(super) fn sentences(&self, answer: &Answer<'_>) -> Vec<String> {
        let rows = &answer.rows;
        let (local, system) = (rows.filter.local.as_ref(), rows.snapshot.capabilities);
        let sentence = match self {
            Self::Gap(gap) => gaps::line(gap),
            Self::Rows(sentence) => sentence.clone(),
            Self::Stuck(state) => return stuck::why(*state, system.shell).into_iter().collect(),
            Self::NoPid => text::NO_PID.to_owned(),
            Self::NoProcess => text::NO_PROCESS.to_owned(),
            Self::Driver(port) => text::held_by_driver(*port, &rows.snapshot.urls_on(*port)),
            Self::Forwarded(port) => text::forwarded(*port, &rows.snapshot.proxies_on(*port)),
            Self::NoSocket => match local {
                Some(local) => text::no_socket_on(local),
                None => text::NO_SOCKET_MATCHES.to_owned(),
            },
            Self::Absent(owner) => owner.sentence(system.shell),
            Self::ReadAsPort(number) => text::read_as_port(*number, system.shell),
            Self::InTheWay(alike) => alike.sentence(rows.snapshot),
            Self::OnlyIpv6(held) => text::only_ipv6(held),
            Self::Beside(sockets) => beside(sockets, rows.snapshot),
            Self::NearMiss(miss) => {
                return local.map(|local| miss.sentence(local, system.shell)).into_iter().collect();
            }
            Self::Vacant(vacant) => {
                let families = rows.filter.families;
                return local
                    .map(|local| vacant.sentences(local, families, system))
                    .unwrap_or_default();
            }
            Self::Elsewhere { namespace, rows, snapshot, list } => {
                elsewhere(*namespace, rows, snapshot, list)
            }
            Self::MoreElsewhere(count, list) => text::more_namespaces(*count, list),
            Self::Container { container, stop, ports } => {
                text::of_container(ports, container, stop)
            }
            Self::MoreContainers(count) => text::more_containers(*count, local, system.shell),
            Self::Bind(attempt) => bind(attempt, rows),
        };
        vec![sentence]
    }
}

/// Which sockets hold the port at other addresses.
fn beside(sockets: &[&Socket], snapshot: &Snapshot) -> String {
    let ends: BTreeSet<String> =
        sockets.iter().map(|socket| local_endpoint(socket, snapshot)).collect();
    let ports: BTreeSet<u16> = sockets.iter().map(|socket| socket.local.port).collect();
    let ends: Vec<String> = ends.into_iter().collect();
    let typed = ports.iter().map(ToString::to_string);
    let list = remedies::list(snapshot.capabilities.shell, typed);
    text::held_beside(&ends, &list.into())
}

/// Who has it in another network namespace.
fn elsewhere(namespace: u64, rows: &[Row<'_>], snapshot: &Snapshot, list: &Remedy) -> String {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let owners = namespaces::others(owners, namespace, snapshot);
    let namespace = namespaces::named(namespace, snapshot);
    match rows {
        [one] if one.socket.holds_port() => {
            let socket = local_endpoint(&one.socket, snapshot);
            run_to("to see it", &text::held_in_namespace(&[socket], &namespace, &owners), list)
        }
        rows => text::sockets_elsewhere(rows.len(), &namespace, &owners, list),
    }
}

/// The sockets for which an address is in use, as far as they are shown.
fn in_use_by(
    address: IpAddr,
    refusal: &BindRefusal,
    attempt: &BindAttempt,
    rows: &Rows<'_>,
) -> Vec<String> {
    let asked = AskedPort { address: Some(address), ..attempt.asked };
    let here = rows
        .rows
        .iter()
        .copied()
        .filter(|row| row.socket.netns.is_none() && row.socket.protocol == attempt.protocol);
    let holders = here.filter(|row| row.socket.holds_port());
    let met: Vec<Row<'_>> = holders.filter(|row| asked.meets(&row.socket)).collect();
    if refusal.kind == ErrorKind::AddrInUse { ends(&met, rows.snapshot) } else { Vec::new() }
}

/// `port 80: a TCP bind succeeds at 127.0.0.1; it fails at 0.0.0.0: address in use`.
fn bind(attempt: &BindAttempt, rows: &Rows<'_>) -> String {
    let system = rows.snapshot.capabilities;
    let (mut bound, mut refused) = (Vec::new(), Vec::new());
    for (address, answer) in &attempt.answers {
        let name = match address {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        match answer {
            Ok(()) => bound.push(name),
            Err(refusal) => {
                let holders = in_use_by(*address, refusal, attempt, rows);
                refused.push((name, ports::bind::refusal(&refusal.reason, &holders)));
            }
        }
    }
    ports::bind::answers(&ports::bind::Answers {
        spot: ports::spot(attempt.asked.port, attempt.asked.address),
        protocol: attempt.protocol,
        reuse: system.reuses_address(attempt.protocol),
        bound,
        refused,
        may_be_excluded: attempt.is_denied() && system.unlisted_reservations,
    })
}
