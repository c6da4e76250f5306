//! A process that waits for the first answer from many addresses.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{never, nothing, warning};
use super::facts::{counts, largest};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::TcpState;
use crate::text::advice::Remedy;

/// No client but a scanner waits for so many addresses at once.
pub(super) const ADDRESSES: usize = 100;

pub(super) const CHECK: Check = Check {
    kind: "syn-sent-fan-out",
    threshold: || format!("{ADDRESSES} foreign addresses"),
    reason: "no client waits for the first answer from so many at once",
    subject: Subject::Sockets,
    needs: nothing,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct FanOut {
    sockets: usize,
    /// How many to each foreign port.
    ports: BTreeMap<u16, usize>,
}

/// The addresses that each process waits for.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut groups: BTreeMap<Culprit, (FanOut, BTreeSet<IpAddr>)> = BTreeMap::new();
    for row in machine.rows(&[TcpState::SynSent]) {
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
        vec![format!("{} SYN_SENT, to {noun} {}", self.sockets, largest(&self.ports))]
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
