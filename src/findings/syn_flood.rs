//! A port with many handshakes that are not completing.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{never, nothing, warning};
use super::facts::listener_counters;
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::TcpState;
use crate::text::advice::Remedy;
use crate::text::{counted, remedies};

/// The backlog that many servers ask for: with so many half-open connections it would be full.
const SYN_RECEIVED: usize = 128;

pub(super) const CHECK: Check = Check {
    kind: "syn-flood",
    threshold: || format!("{SYN_RECEIVED} SYN_RECEIVED on a port"),
    reason: "that many fill a typical server's backlog",
    subject: Subject::Sockets,
    needs: nothing,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Flood {
    /// The local port.
    port: u16,
    /// From how many addresses.
    addresses: usize,
}

/// The half-open connections of each port.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut groups: BTreeMap<(u16, Culprit), (usize, BTreeSet<IpAddr>)> = BTreeMap::new();
    for row in machine.rows(&[TcpState::SynReceived]) {
        let key = (row.socket.local.port, machine.culprit(row));
        let (count, addresses) = groups.entry(key).or_default();
        *count += 1;
        addresses.extend(row.socket.foreign.map(|foreign| foreign.address));
    }
    let measured = groups.into_iter().map(|((port, culprit), (count, addresses))| {
        Measurement::new(culprit, count, Flood { port, addresses: addresses.len() })
    });
    measured.collect()
}

impl Evidence for Flood {
    fn subject(&self) -> String {
        self.port.to_string()
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count >= SYN_RECEIVED)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("SYN_RECEIVED")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "{} handshakes on port {} are not completing, from {}: a flood, or answers that do \
             not reach the clients",
            case.count(),
            self.port,
            counted(self.addresses, "address")
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let settings = case.machine.settings;
        let sent = settings.counters.syncookies_sent;
        let sent = sent.map(|sent| format!(", SyncookiesSent {sent}")).unwrap_or_default();
        let cookies = settings.syncookies.map(|value| format!("tcp_syncookies is {value}{sent}"));
        cookies.into_iter().chain(listener_counters(case)).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        match case.machine.settings.syncookies {
            Some(0) => remedies::sysctl("net.ipv4.tcp_syncookies=1", case.privileged()),
            _ => case.portwho(&["--state", "SYN_RECEIVED", &self.port.to_string()]).into(),
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "keep tcp_syncookies at 1, raise the server's backlog and somaxconn, and filter in front \
         of this machine; if the clients are real, check the route back to them"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let counters = &case.machine.settings.counters;
        json!({
            "port": self.port,
            "foreign_addresses": self.addresses,
            "syncookies": case.machine.settings.syncookies,
            "syncookies_sent": counters.syncookies_sent,
            "listen_drops": counters.listen_drops,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_as_a_usual_backlog_are_a_flood() {
        let flood = Flood { port: 80, addresses: 1 };
        assert_eq!(flood.severity(127, None), None);
        assert_eq!(flood.severity(128, None), Some(Severity::Warning));
    }
}
