//! The sentences beside a list, from the remarks of its answer.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::IpAddr;

use super::answer::{Answer, Remark};
use crate::commands::shared::in_the_way::ends;
use crate::model::Snapshot;
use crate::query::{AskedPort, BindAttempt, BindRefusal, Row, Rows};
use crate::text::endpoints::local_endpoint;
use crate::text::escape::Escaped;
use crate::text::{gaps, hints as text, owners, ports};

impl Remark<'_> {
    /// What is said of it, as part of `answer`.
    pub(super) fn sentences(&self, answer: &Answer<'_>) -> Vec<String> {
        let rows = &answer.rows;
        let (local, system) = (rows.filter.local.as_ref(), rows.snapshot.capabilities);
        let sentence = match self {
            Self::Gap(gap) => gaps::line(gap),
            Self::Rows(sentence) => sentence.clone(),
            Self::NoPid => text::NO_PID.to_owned(),
            Self::NoProcess => text::NO_PROCESS.to_owned(),
            Self::Driver(port) => text::held_by_driver(*port, &rows.snapshot.urls_on(*port)),
            Self::NoSocket => match local {
                Some(local) => text::no_socket_on(local),
                None => text::NO_SOCKET_MATCHES.to_owned(),
            },
            Self::Absent(owner) => owner.sentence(),
            Self::ReadAsPort(number) => text::read_as_port(*number, system.shell),
            Self::InTheWay(alike) => alike.sentence(rows.snapshot),
            Self::OnlyIpv6(held) => text::only_ipv6(held),
            Self::NearMiss(miss) => {
                return local.map(|local| miss.sentence(local, system.shell)).into_iter().collect();
            }
            Self::Vacant(vacant) => {
                return local.map(|local| vacant.sentences(local, system)).unwrap_or_default();
            }
            Self::Elsewhere { namespace, rows, snapshot } => elsewhere(*namespace, rows, snapshot),
            Self::MoreElsewhere(count) => text::more_elsewhere(*count),
            Self::Container { container, stop, ports } => {
                text::of_container(ports, container, stop)
            }
            Self::MoreContainers(count) => text::more_containers(*count),
            Self::Bind(attempt) => bind(attempt, rows),
        };
        vec![sentence]
    }
}

/// Who has it in another network namespace.
fn elsewhere(namespace: u64, rows: &[Row<'_>], snapshot: &Snapshot) -> String {
    let owners: BTreeSet<String> = rows.iter().map(|row| owners::owner(row, snapshot)).collect();
    let owners: Vec<String> = owners.into_iter().collect();
    let namespace = Escaped(&snapshot.namespace_name(namespace)).to_string();
    match rows {
        [one] if one.socket.holds_port() => {
            text::held_elsewhere(&local_endpoint(&one.socket, snapshot), &namespace, &owners)
        }
        rows => text::sockets_elsewhere(rows.len(), &namespace, &owners),
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
    let is_met = |row: &&Row<'_>| {
        let socket = &row.socket;
        let here = socket.netns.is_none() && socket.protocol == attempt.protocol;
        here && socket.holds_port() && asked.meets(socket)
    };
    let met: Vec<Row<'_>> = rows.rows.iter().filter(is_met).copied().collect();
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
                refused.push(ports::bind::refusal(&name, &refusal.reason, &holders));
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
