//! A process that waits for the first answer from many addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{nothing, warning};
use super::facts::{counts, largest};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState};
use crate::text::advice::Remedy;

/// No client but a scanner waits for so many addresses at once.
pub(super) const ADDRESSES: usize = 100;
/// The first answer takes a moment, and a SYN may be lost: after the second retransmission, some
/// seconds later, it is not slow but missing.
pub(super) const RETRANSMITS: u8 = 2;

pub(super) const CHECK: Check = Check {
    kind: "syn-sent-fan-out",
    threshold: || {
        format!("{ADDRESSES} foreign addresses, after {RETRANSMITS} retransmissions or more")
    },
    reason: "no client waits for the first answer from so many at once; a crawler does only \
             briefly at startup",
    subject: Subject::Tcp(StateSet::of(&[TcpState::SynSent])),
    needs: nothing,
    measure,
    wants_second,
};

#[derive(Debug)]
struct FanOut {
    sockets: usize,
    /// How many to each foreign port.
    ports: BTreeMap<u16, usize>,
}

/// The addresses that each process waits for.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    fan_outs(looks.machine, |row| is_unanswered(row, looks))
}

/// Whether its SYN was retransmitted. Where timers are not reported, one that is there at both snapshots.
pub(super) fn is_unanswered(row: &OwnedSocket, looks: &Looks<'_>) -> bool {
    if looks.machine.snapshot.capabilities.socket_details {
        row.socket.timer.is_some_and(|timer| timer.retransmits >= RETRANSMITS)
    } else {
        looks.lasts(row)
    }
}

/// Where timers are not reported.
fn wants_second(machine: &Machine<'_>) -> bool {
    let is_many = |fan_out: &Measurement| fan_out.count >= ADDRESSES;
    !machine.snapshot.capabilities.socket_details && fan_outs(machine, |_| true).iter().any(is_many)
}

fn fan_outs(machine: &Machine<'_>, is_wanted: impl Fn(&OwnedSocket) -> bool) -> Vec<Measurement> {
    let mut groups: BTreeMap<Culprit, (FanOut, BTreeSet<IpAddr>)> = BTreeMap::new();
    for row in machine.rows(&[TcpState::SynSent]).filter(|row| is_wanted(row)) {
        if let Some(foreign) = row.socket.foreign {
            let none = || (FanOut { sockets: 0, ports: BTreeMap::new() }, BTreeSet::new());
            let group = groups.entry(machine.culprit(row)).or_insert_with(none);
            group.0.sockets += 1;
            *group.0.ports.entry(foreign.port).or_default() += 1;
            group.1.insert(foreign.address);
        }
    }
    let measured = groups
        .into_iter()
        .map(|(culprit, (fan_out, addresses))| Measurement::new(culprit, addresses.len(), fan_out));
    measured.collect()
}

impl Evidence for FanOut {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count >= ADDRESSES)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("addresses")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "it waits for the first answer from {} addresses: a scan, a worm, or blocked outbound \
             traffic",
            case.count()
        )
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let noun = if self.ports.len() == 1 { "port" } else { "ports" };
        vec![format!(
            "{} SYN_SENT without an answer, to {noun} {}",
            self.sockets,
            largest(&self.ports)
        )]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        case.portwho(&["-v", "--state", "SYN_SENT"]).words(case.pid_option()).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "if it is meant to connect to all of these, find out what drops its SYNs (a firewall, a \
         route), and give its connect() a timeout; if not, terminate it and find out what started \
         it"
        .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        let ports = self.ports.iter().map(|(port, count)| (port, *count));
        json!({"sockets": self.sockets, "foreign_ports": counts(ports)})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_count_and_not_sockets() {
        let fan_out = FanOut { sockets: 500, ports: BTreeMap::new() };
        assert_eq!(fan_out.severity(99, None), None);
        assert_eq!(fan_out.severity(100, None), Some(Severity::Warning));
    }
}
