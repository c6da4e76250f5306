//! An address that does not answer the first segment of many connections.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::accept_queue_full;
use super::check::{nothing, warning};
use super::culprits::Culprits;
use super::facts::{counts, largest};
use super::syn_sent_fan_out::{ADDRESSES, RETRANSMITS, is_unanswered};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, Protocol, Socket, StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::counted;

/// A client or two may wait for a host that is down; twenty at once are a service that fails.
const CONNECTIONS: usize = 20;

pub(super) const CHECK: Check = Check {
    kind: "unanswered-connect",
    threshold: || {
        format!("{CONNECTIONS} SYN_SENT to one address with {RETRANSMITS} retransmissions or more")
    },
    reason: "a lost SYN is retransmitted once; without an answer to the next one the host is down, \
             or the SYNs are dropped",
    subject: Subject::Tcp(StateSet::of(&[TcpState::SynSent])),
    needs: nothing,
    measure,
    wants_second,
};

#[derive(Debug)]
struct Unanswered {
    foreign: IpAddr,
    /// How many to each foreign port.
    ports: BTreeMap<u16, usize>,
    /// None where timers are not reported.
    most_retransmits: Option<u8>,
    culprits: Culprits,
}

/// The connections that each address leaves without an answer.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let groups = by_address(machine, |row| is_unanswered(row, looks));
    let measured = groups.into_iter().map(|(foreign, rows)| {
        let unanswered = Unanswered::of(foreign, &rows, machine);
        Measurement::new(unanswered.culprits.leading(), rows.len(), unanswered)
            .of_group(rows, machine)
    });
    measured.collect()
}

/// Where timers are not reported, those that are there at two snapshots are not answered.
fn wants_second(machine: &Machine<'_>) -> bool {
    let is_many = |rows: &Vec<&OwnedSocket>| rows.len() >= CONNECTIONS;
    !machine.snapshot.capabilities.socket_details
        && by_address(machine, |_| true).values().any(is_many)
}

/// The SYN_SENT that are wanted, by their foreign address.
fn by_address<'a>(
    machine: &Machine<'a>,
    is_wanted: impl Fn(&OwnedSocket) -> bool,
) -> BTreeMap<IpAddr, Vec<&'a OwnedSocket>> {
    let mut groups: BTreeMap<IpAddr, Vec<&OwnedSocket>> = BTreeMap::new();
    let scanners = scanners(machine, &is_wanted);
    for row in machine.all_rows(&[TcpState::SynSent]).filter(|row| is_wanted(row)) {
        if let Some(foreign) = row.socket.foreign
            && !scanners.contains(&machine.culprit(row))
            && !waits_for_a_full_queue(row, machine)
        {
            groups.entry(foreign.address).or_default().push(row);
        }
    }
    groups
}

fn retransmits(row: &OwnedSocket) -> Option<u8> {
    row.socket.timer.map(|timer| timer.retransmits)
}

/// Whether it connects within this machine to a listener whose accept queue is the finding.
fn waits_for_a_full_queue(row: &OwnedSocket, machine: &Machine<'_>) -> bool {
    let Some(foreign) = row.socket.foreign else { return false };
    // Linux connects from the address that it connects to, where that is its own.
    let is_within = foreign.address.is_loopback() || foreign.address == row.socket.local.address;
    let listener = || machine.listener(&Socket::at(Protocol::Tcp, foreign));
    is_within && listener().is_some_and(accept_queue_full::has_many)
}

/// Who waits for so many addresses that this is the finding, and not one for each of them.
fn scanners(machine: &Machine<'_>, is_wanted: impl Fn(&OwnedSocket) -> bool) -> BTreeSet<Culprit> {
    let mut addresses: FxHashMap<Culprit, BTreeSet<IpAddr>> = FxHashMap::default();
    for row in machine.all_rows(&[TcpState::SynSent]).filter(|row| is_wanted(row)) {
        let foreign = row.socket.foreign.map(|foreign| foreign.address);
        addresses.entry(machine.culprit(row)).or_default().extend(foreign);
    }
    let many = addresses.into_iter().filter(|(_, addresses)| addresses.len() >= ADDRESSES);
    many.map(|(culprit, _)| culprit).collect()
}

impl Unanswered {
    fn of(foreign: IpAddr, rows: &[&OwnedSocket], machine: &Machine<'_>) -> Self {
        let mut ports = BTreeMap::new();
        for port in rows.iter().filter_map(|row| row.socket.foreign).map(|foreign| foreign.port) {
            *ports.entry(port).or_default() += 1;
        }
        let most_retransmits = rows.iter().filter_map(|row| retransmits(row)).max();
        Self { foreign, ports, most_retransmits, culprits: Culprits::of(rows, machine) }
    }
}

impl Evidence for Unanswered {
    fn subject(&self) -> String {
        self.foreign.to_string()
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count >= CONNECTIONS)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("unanswered connections")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "{} does not answer {}: it is down, its accept queue is full, or a firewall drops the \
             SYNs or the answers",
            self.foreign,
            counted(case.count(), "connection attempt")
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let noun = if self.ports.len() == 1 { "port" } else { "ports" };
        let most = self
            .most_retransmits
            .map(|most| format!(", retransmitted up to {}", counted(usize::from(most), "time")));
        let most = most.unwrap_or_else(|| ", the same at two snapshots".to_owned());
        let sent = format!("SYN_SENT to {noun} {}{most}", largest(&self.ports));
        std::iter::once(sent).chain(self.culprits.words(case.machine)).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        case.portwho(&["--state", "SYN_SENT", "--foreign", &self.foreign.to_string()]).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "start the service there, or correct the address, the route or the firewall; until then, \
         give connect() a timeout and let clients fail fast (a circuit breaker)"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        let ports = self.ports.iter().map(|(port, count)| (port, *count));
        json!({
            "foreign": self.foreign,
            "foreign_ports": counts(ports),
            "most_retransmits": self.most_retransmits,
            "processes": self.culprits.count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn twenty_to_one_address_are_no_coincidence() {
        let unanswered = Unanswered {
            foreign: Ipv4Addr::LOCALHOST.into(),
            ports: BTreeMap::new(),
            most_retransmits: Some(2),
            culprits: Culprits::default(),
        };
        assert_eq!(unanswered.severity(19, None), None);
        assert_eq!(unanswered.severity(20, None), Some(Severity::Warning));
    }
}
