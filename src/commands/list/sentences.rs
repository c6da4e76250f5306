//! The sentences beside a list, from the remarks of its answer.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::answer::{Answer, Remark};
use crate::model::{Capabilities, Snapshot};
use crate::query::{BindAttempt, Row};
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
            Self::Driver(port) => text::held_by_driver(*port),
            Self::NoSocket => match local {
                Some(local) => text::no_socket_on(local),
                None => text::NO_SOCKET_MATCHES.to_owned(),
            },
            Self::Absent(owner) => owner.sentence(),
            Self::ReadAsPort(number) => text::read_as_port(*number, system.shell),
            Self::NearMiss(miss) => {
                return local.map(|local| miss.sentence(local, system.shell)).into_iter().collect();
            }
            Self::Ports => {
                return local
                    .map(|local| answer.ports.sentences(local, system))
                    .unwrap_or_default();
            }
            Self::Elsewhere { namespace, rows, snapshot } => elsewhere(*namespace, rows, snapshot),
            Self::MoreElsewhere(count) => text::more_elsewhere(*count),
            Self::Container { container, stop, ports } => {
                text::of_container(ports, container, stop)
            }
            Self::MoreContainers(count) => text::more_containers(*count),
            Self::Bind(attempt) => bind(attempt, system),
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

/// `port 80: a TCP bind succeeds at 127.0.0.1; it fails at 0.0.0.0: address in use`.
fn bind(attempt: &BindAttempt, system: Capabilities) -> String {
    let (mut bound, mut refused) = (Vec::new(), Vec::new());
    for (address, answer) in &attempt.answers {
        let name = match address {
            IpAddr::V6(address) => format!("[{address}]"),
            IpAddr::V4(address) => address.to_string(),
        };
        match answer {
            Ok(()) => bound.push(name),
            Err(refusal) => refused.push(format!("{name}: {}", refusal.reason)),
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
