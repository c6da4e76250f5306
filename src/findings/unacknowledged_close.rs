//! Connections closed here whose peer does not acknowledge it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::check::{never, reaches, socket_details};
use super::facts::{counts, largest};
use super::gone::{CONNECTIONS, PERCENT, RETRANSMITS, severity};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState, TimerKind};
use crate::text::advice::Remedy;
use crate::text::counted;

pub(super) const CHECK: Check = Check {
    kind: "unacknowledged-close",
    threshold: || {
        format!(
            "{CONNECTIONS} with {RETRANSMITS} retransmissions or more to one address, or on a port \
             with {PERCENT}% of its connections; otherwise {CONNECTIONS} are a note"
        )
    },
    reason: "a lost segment is retransmitted once or twice; single clients may vanish at any time",
    subject: Subject::Sockets,
    needs: socket_details,
    measure,
    wants_second: never,
};

/// What they have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Common {
    /// The address of the peer.
    Address(IpAddr),
    /// The local port, and how many of its connections these are.
    Port(u16),
}

#[derive(Debug)]
struct Unacknowledged {
    common: Common,
    /// How many connections the port has, in any state.
    of: usize,
    /// How many in each state.
    states: BTreeMap<TcpState, usize>,
    /// How many to each peer.
    peers: BTreeMap<IpAddr, usize>,
    most_retransmits: u8,
}

/// All that retransmit, or probe a zero window without an answer: those with enough at one address
/// by it, the others by their port, or together where each has a port of its own.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let closed = machine.rows(&[TcpState::FinWait1, TcpState::Closing, TcpState::LastAck]);
    let rows: Vec<(&OwnedSocket, u8)> =
        closed.filter_map(|row| Some((row, unanswered(row)?))).collect();
    let mut at_address: FxHashMap<IpAddr, usize> = FxHashMap::default();
    let mut at_port: FxHashMap<u16, usize> = FxHashMap::default();
    for (row, _) in &rows {
        *at_port.entry(row.socket.local.port).or_default() += 1;
        if let Some(foreign) = row.socket.foreign {
            *at_address.entry(foreign.address).or_default() += 1;
        }
    }
    let mut groups: BTreeMap<Common, Vec<(&OwnedSocket, u8)>> = BTreeMap::new();
    for (row, retransmits) in rows {
        let foreign = row.socket.foreign.map(|foreign| foreign.address);
        let many = |address: &IpAddr| at_address.get(address).copied() >= Some(CONNECTIONS);
        let is_shared = at_port.get(&row.socket.local.port).copied() > Some(1);
        let port = if is_shared { row.socket.local.port } else { 0 };
        let common = foreign.filter(many).map_or(Common::Port(port), Common::Address);
        groups.entry(common).or_default().push((row, retransmits));
    }
    let measured = groups.into_iter().map(|(common, rows)| {
        let found = Unacknowledged::of(common, &rows, machine);
        Measurement::new(only_culprit(&rows, machine), rows.len(), found)
    });
    measured.collect()
}

fn only_culprit(rows: &[(&OwnedSocket, u8)], machine: &Machine<'_>) -> Culprit {
    let culprits: BTreeSet<Culprit> = rows.iter().map(|(row, _)| machine.culprit(row)).collect();
    let mut culprits = culprits.into_iter();
    let first = culprits.next().filter(|_| culprits.next().is_none());
    first.unwrap_or(Culprit::Nobody)
}

/// How often the last segment was sent without an answer, where that is often. The kernel counts
/// zero window probes anew whenever one is answered.
fn unanswered(row: &OwnedSocket) -> Option<u8> {
    let timer = row.socket.timer?;
    let is_of_sending = matches!(timer.kind, TimerKind::Retransmit | TimerKind::Probe);
    (is_of_sending && timer.retransmits >= RETRANSMITS).then_some(timer.retransmits)
}

/// How many connections a port has, those included that nothing is wrong with.
fn connections(port: u16, machine: &Machine<'_>) -> usize {
    let is_of_port = |row: &&OwnedSocket| {
        let socket = &row.socket;
        socket.local.port == port
            && socket.state.is_some_and(|state| StateSet::CONNECTED.contains(state))
            && socket.state != Some(TcpState::TimeWait)
    };
    machine.snapshot.sockets.iter().filter(is_of_port).count()
}

impl Unacknowledged {
    fn of(common: Common, rows: &[(&OwnedSocket, u8)], machine: &Machine<'_>) -> Self {
        let (mut states, mut peers) = (BTreeMap::new(), BTreeMap::new());
        for (row, _) in rows {
            if let (Some(state), Some(foreign)) = (row.socket.state, row.socket.foreign) {
                *states.entry(state).or_default() += 1;
                *peers.entry(foreign.address).or_default() += 1;
            }
        }
        let of = match common {
            Common::Port(port) if port > 0 => connections(port, machine),
            Common::Port(_) | Common::Address(_) => 0,
        };
        let most_retransmits = rows.iter().map(|(_, count)| *count).max().unwrap_or_default();
        Self { common, of, states, peers, most_retransmits }
    }

    fn is_outage(&self, count: usize) -> bool {
        match self.common {
            Common::Address(_) => true,
            Common::Port(_) => reaches(count as u64, PERCENT, self.of as u64),
        }
    }
}

impl Evidence for Unacknowledged {
    fn subject(&self) -> String {
        format!("{:?}", self.common)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        severity(count, self.is_outage(count))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("unacknowledged connections")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let connections = match case.count() {
            1 => "1 connection is".to_owned(),
            count => format!("{count} connections are"),
        };
        let peers = match self.peers.len() {
            1 => "the peer does".to_owned(),
            several => format!("{several} peers do"),
        };
        format!("{connections} closed here, and {peers} not acknowledge it: gone, or unreachable")
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let states = self.states.iter().map(|(state, count)| format!("{count} {state}"));
        let states = states.collect::<Vec<_>>().join(", ");
        let most = counted(usize::from(self.most_retransmits), "time");
        let states = format!("{states}, retransmitted up to {most}");
        let of = (self.of > 0).then(|| format!("the port has {}", counted(self.of, "connection")));
        [Some(states), of, Some(format!("to {}", largest(&self.peers)))]
            .into_iter()
            .flatten()
            .collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let states = ["--state", "FIN_WAIT_1,CLOSING,LAST_ACK"];
        match self.common {
            // A process that keeps them notices; what no process holds ends on its own.
            Common::Address(peer) => {
                let close = case.portwho(&["close"]).words(states);
                let close = close.words(["--foreign", &peer.to_string()]);
                Remedy::with_rights(close, case.privileged())
            }
            Common::Port(0) => case.portwho(&["--summary"]).words(states).into(),
            Common::Port(port) => {
                case.portwho(&["--summary"]).words(states).words([port.to_string()]).into()
            }
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "they end on their own after some minutes (tcp_orphan_retries); find the link, firewall or \
         peer that failed"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "states": counts(self.states.iter().map(|(state, count)| (state, *count))),
            "peers": counts(self.peers.iter().map(|(peer, count)| (peer, *count))),
            "connections": (self.of > 0).then_some(self.of),
            "most_retransmits": self.most_retransmits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_silent_peers_are_not_a_finding() {
        let found = |common, of| Unacknowledged {
            common,
            of,
            states: BTreeMap::new(),
            peers: BTreeMap::new(),
            most_retransmits: 3,
        };
        let (note, warning) = (Some(Severity::Note), Some(Severity::Warning));
        let address = Common::Address([10, 0, 0, 1].into());
        let cases = [
            (address, 0, 9, None),
            (address, 0, 10, warning),
            (Common::Port(443), 200, 10, warning),
            (Common::Port(443), 201, 10, note),
            (Common::Port(443), 20, 9, None),
            (Common::Port(0), 0, 10, note),
        ];
        for (common, of, count, expected) in cases {
            let severity = found(common, of).severity(count, None);
            assert_eq!(severity, expected, "{common:?} {of} {count}");
        }
    }
}
