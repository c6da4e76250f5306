//! Handshakes that are not completing: on a port, or so many that the kernel sends SYN cookies.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{backlogs, reaches, warning};
use super::facts::{counted_since, grown, listener_counters};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::{counted, remedies};

/// Fewer are the handshakes of a busy server with distant clients, whatever its backlog.
const SYN_RECEIVED: usize = 32;
/// A client or two in a burst may get a cookie.
const COOKIES: usize = 10;

pub(super) const CHECK: Check = Check {
    kind: "syn-flood",
    threshold: || {
        format!(
            "{SYN_RECEIVED} SYN_RECEIVED on a port, and no fewer than its backlog, or {COOKIES} \
             SYN cookies sent between two snapshots (with tcp_syncookies=2, sent and not answered, by half of \
             the clients or more)"
        )
    },
    reason: "from the backlog on, handshakes are dropped or answered with SYN cookies; fewer may \
             just be distant clients",
    subject: Subject::Tcp(StateSet::of(&[TcpState::SynReceived])),
    needs: backlogs,
    measure,
    wants_second: |machine| {
        machine.settings.counters.syncookies_sent.is_some_and(|sent| sent > 0)
            && may_tell_by_cookies(machine)
    },
};

/// What is flooded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// A port, whose listeners have this backlog together.
    Port { port: u16, backlog: u64 },
    /// The network namespace.
    Namespace,
}

#[derive(Debug)]
struct Flood {
    place: Place,
    /// From how many addresses.
    addresses: usize,
}

/// The half-open connections of each port; and the SYN cookies, which may be those of another port, that
/// a user's own half-open connections must not hide.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let mut measured = ports(looks.machine);
    measured.extend(cookies(looks));
    measured
}

fn ports(machine: &Machine<'_>) -> Vec<Measurement> {
    let mut groups: BTreeMap<(u16, Culprit), Vec<&OwnedSocket>> = BTreeMap::new();
    for row in machine.all_rows(&[TcpState::SynReceived]) {
        let key = (row.socket.local.port, machine.culprit(row));
        groups.entry(key).or_default().push(row);
    }
    let measured = groups.into_iter().map(|((port, culprit), rows)| {
        let backlog = rows.first().map_or(0, |row| machine.backlog(&row.socket));
        let foreign = rows.iter().filter_map(|row| row.socket.foreign);
        let addresses: BTreeSet<IpAddr> = foreign.map(|foreign| foreign.address).collect();
        let flood = Flood { place: Place::Port { port, backlog }, addresses: addresses.len() };
        Measurement::new(culprit, rows.len(), flood).of_group(rows, machine)
    });
    measured.collect()
}

/// tcp_syncookies=2 sends them to everybody (ip-sysctl.rst), which tells nothing of clients that answer.
const ALWAYS: u8 = 2;
/// Of those, more than are on their way, or are lost.
const UNANSWERED_PERCENT: u64 = 50;

fn may_tell_by_cookies(machine: &Machine<'_>) -> bool {
    !machine.is_narrowed()
}

/// The kernel does not report which port.
fn cookies(looks: &Looks<'_>) -> Option<Measurement> {
    let (earlier, _) = looks.earlier.filter(|_| may_tell_by_cookies(looks.machine))?;
    let sent = grown(looks.machine, earlier, |counters| counters.syncookies_sent)?;
    let count = if looks.machine.settings.syncookies == Some(ALWAYS) {
        unanswered(sent, grown(looks.machine, earlier, |counters| counters.syncookies_received)?)
    } else {
        sent
    };
    let flood = Flood { place: Place::Namespace, addresses: 0 };
    Some(Measurement::new(Culprit::Nobody, usize::try_from(count).ok()?, flood))
}

/// How many clients do not answer, where that is most of them.
fn unanswered(sent: u64, answered: u64) -> u64 {
    let unanswered = sent.saturating_sub(answered);
    if reaches(unanswered, UNANSWERED_PERCENT, sent) { unanswered } else { 0 }
}

impl Evidence for Flood {
    fn subject(&self) -> String {
        match self.place {
            Place::Port { port, .. } => port.to_string(),
            Place::Namespace => String::new(),
        }
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(match self.place {
            Place::Port { backlog, .. } => count >= SYN_RECEIVED && count as u64 >= backlog,
            Place::Namespace => count >= COOKIES,
        })
    }

    fn growing(&self) -> Option<&'static str> {
        match self.place {
            Place::Port { .. } => Some("SYN_RECEIVED"),
            // It is a growth.
            Place::Namespace => None,
        }
    }

    fn what(&self, case: &Case<'_>) -> String {
        let count = case.count();
        match self.place {
            Place::Port { port, backlog } => format!(
                "{count} handshakes on port {port} are not completing, from {}, and the backlog is \
                 {backlog}: a flood, answers that do not reach the clients, or clients that a \
                 listener with TCP_DEFER_ACCEPT holds until they send",
                counted(self.addresses, "address")
            ),
            Place::Namespace if case.machine.settings.syncookies == Some(ALWAYS) => format!(
                "{count} handshakes were answered with SYN cookies, and not completed: a flood, or answers \
                 that do not reach the clients"
            ),
            Place::Namespace => format!(
                "{count} handshakes were answered with SYN cookies: a flood, or a listener whose \
                 backlog is too small for its clients"
            ),
        }
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let settings = case.machine.settings;
        let cookies = settings.syncookies.map(|value| format!("tcp_syncookies is {value}"));
        let sent = counted_since("SyncookiesSent", case, |counters| counters.syncookies_sent);
        cookies.into_iter().chain(sent).chain(listener_counters(case)).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let list = ["--state", "SYN_RECEIVED"].map(str::to_owned);
        match (case.machine.settings.syncookies, self.place) {
            (Some(0), _) => remedies::sysctl("net.ipv4.tcp_syncookies=1", case.privileged()),
            (_, Place::Port { port, .. }) => {
                case.portwho(&["--state", "SYN_RECEIVED", &port.to_string()]).into()
            }
            (_, Place::Namespace) => case.portwho(&["--summary"]).words(list).into(),
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "keep tcp_syncookies at 1, raise the server's backlog and somaxconn, and filter in front \
         of this machine; if the clients are real, check the route back to them"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let counters = &case.machine.settings.counters;
        let (port, backlog) = match self.place {
            Place::Port { port, backlog } => (Some(port), Some(backlog)),
            Place::Namespace => (None, None),
        };
        json!({
            "port": port,
            "backlog": backlog,
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
    fn as_many_as_the_backlog_are_a_flood() {
        let flood = |backlog| Flood { place: Place::Port { port: 80, backlog }, addresses: 1 };
        let warning = Some(Severity::Warning);
        for (count, backlog, expected) in
            [(31, 4, None), (32, 4, warning), (63, 64, None), (64, 64, warning), (130, 256, None)]
        {
            assert_eq!(flood(backlog).severity(count, None), expected, "{count} of {backlog}");
        }
        assert_eq!([unanswered(20, 10), unanswered(20, 11), unanswered(20, 30)], [10, 0, 0]);
        let cookies = Flood { place: Place::Namespace, addresses: 0 };
        assert_eq!((cookies.severity(9, None), cookies.severity(10, None)), (None, warning));
    }
}
