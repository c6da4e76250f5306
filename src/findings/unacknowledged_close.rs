//! Connections closed here whose peer does not acknowledge it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use serde_json::{Value, json};

use super::check::{never, socket_details, warning};
use super::facts::{counts, largest};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::{OwnedSocket, TcpState, TimerKind};
use crate::text::advice::Remedy;
use crate::text::counted;

/// A peer or two may vanish at any time; ten at once are a network problem.
const CONNECTIONS: usize = 10;
/// A lost segment is retransmitted once or twice; after three times the peer is gone.
const RETRANSMITS: u8 = 3;

pub(super) const CHECK: Check = Check {
    kind: "unacknowledged-close",
    threshold: || format!("{CONNECTIONS} with {RETRANSMITS} retransmissions or more"),
    reason: "a lost segment is retransmitted once or twice; a single peer may vanish at any time",
    subject: Subject::Sockets,
    needs: socket_details,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Unacknowledged {
    /// How many in each state.
    states: BTreeMap<TcpState, usize>,
    /// How many to each peer.
    peers: BTreeMap<IpAddr, usize>,
    most_retransmits: u8,
}

/// All that retransmit, or probe a zero window without an answer.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let closed = machine.rows(&[TcpState::FinWait1, TcpState::Closing, TcpState::LastAck]);
    let rows: Vec<(&OwnedSocket, u8)> =
        closed.filter_map(|row| Some((row, unanswered(row)?))).collect();
    if rows.is_empty() {
        return Vec::new();
    }
    let culprits: BTreeSet<Culprit> = rows.iter().map(|(row, _)| machine.culprit(row)).collect();
    let only = culprits.into_iter().collect::<Vec<_>>();
    let culprit = if let [only] = only.as_slice() { only.clone() } else { Culprit::Nobody };
    vec![Measurement::new(culprit, rows.len(), Unacknowledged::of(&rows))]
}

/// How often the last segment was sent without an answer, where that is often. The kernel counts
/// zero window probes anew whenever one is answered.
fn unanswered(row: &OwnedSocket) -> Option<u8> {
    let timer = row.socket.timer?;
    let is_of_sending = matches!(timer.kind, TimerKind::Retransmit | TimerKind::Probe);
    (is_of_sending && timer.retransmits >= RETRANSMITS).then_some(timer.retransmits)
}

impl Unacknowledged {
    fn of(rows: &[(&OwnedSocket, u8)]) -> Self {
        let (mut states, mut peers) = (BTreeMap::new(), BTreeMap::new());
        for (row, _) in rows {
            if let (Some(state), Some(foreign)) = (row.socket.state, row.socket.foreign) {
                *states.entry(state).or_default() += 1;
                *peers.entry(foreign.address).or_default() += 1;
            }
        }
        let most_retransmits = rows.iter().map(|(_, count)| *count).max().unwrap_or_default();
        Self { states, peers, most_retransmits }
    }
}

impl Evidence for Unacknowledged {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count >= CONNECTIONS)
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
        vec![states, format!("to {}", largest(&self.peers))]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let close = case.portwho(&["close", "--state", "FIN_WAIT_1,CLOSING,LAST_ACK"]);
        let close = match self.peers.keys().next().filter(|_| self.peers.len() == 1) {
            Some(peer) => close.words(["--foreign", &peer.to_string()]),
            None => close,
        };
        Remedy::with_rights(close, case.privileged())
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
            "most_retransmits": self.most_retransmits,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_vanished_peers_are_no_finding() {
        let found = Unacknowledged::of(&[]);
        assert_eq!(found.severity(9, None), None);
        assert_eq!(found.severity(10, None), Some(Severity::Warning));
    }
}
