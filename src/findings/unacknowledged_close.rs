//! Connections closed here whose peer does not acknowledge it.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

use super::check::{never, socket_details};
use super::facts::{counts, largest};
use super::gone::{CONNECTIONS, Common, Gone, PERCENT, RETRANSMITS, groups};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::counted;

/// Our FIN is on its way, or waits behind data.
const CLOSED: [TcpState; 3] = [TcpState::FinWait1, TcpState::Closing, TcpState::LastAck];

pub(super) const CHECK: Check = Check {
    kind: "unacknowledged-close",
    threshold: || {
        format!(
            "{CONNECTIONS} with {RETRANSMITS} retransmissions or more to one address, or on a port \
             with {PERCENT}% of its connections; otherwise {CONNECTIONS} are a note"
        )
    },
    reason: "a lost segment is retransmitted once or twice; single clients may vanish at any time",
    subject: Subject::Tcp(StateSet::of(&CLOSED)),
    needs: socket_details,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Unacknowledged {
    gone: Gone,
    /// How many in each state.
    states: BTreeMap<TcpState, usize>,
}

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let measured = groups(machine, &CLOSED).into_iter().map(|(gone, rows)| {
        let mut states = BTreeMap::new();
        for state in rows.iter().filter_map(|row| row.socket.state) {
            *states.entry(state).or_default() += 1;
        }
        Measurement::new(only_culprit(&rows, machine), rows.len(), Unacknowledged { gone, states })
            .of_group(rows, machine)
    });
    measured.collect()
}

fn only_culprit(rows: &[&OwnedSocket], machine: &Machine<'_>) -> Culprit {
    let culprits: BTreeSet<Culprit> = rows.iter().map(|row| machine.culprit(row)).collect();
    let mut culprits = culprits.into_iter();
    let first = culprits.next().filter(|_| culprits.next().is_none());
    first.unwrap_or(Culprit::Nobody)
}

impl Evidence for Unacknowledged {
    fn subject(&self) -> String {
        format!("{:?}", self.gone.common)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        self.gone.severity(count)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("unacknowledged connections")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let connections = match case.count() {
            1 => "1 connection is".to_owned(),
            count => format!("{count} connections are"),
        };
        let peers = match self.gone.peers.len() {
            1 => "the peer does".to_owned(),
            several => format!("{several} peers do"),
        };
        format!("{connections} closed here, and {peers} not acknowledge it: gone, or unreachable")
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let states = self.states.iter().map(|(state, count)| format!("{count} {state}"));
        let states = states.collect::<Vec<_>>().join(", ");
        let most = counted(usize::from(self.gone.most_retransmits), "time");
        let states = format!("{states}, retransmitted up to {most}");
        let of =
            self.gone.of_port().map(|of| format!("the port has {}", counted(of, "connection")));
        [Some(states), of, Some(format!("to {}", largest(&self.gone.peers)))]
            .into_iter()
            .flatten()
            .collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let states = ["--state", "FIN_WAIT_1,CLOSING,LAST_ACK"];
        match self.gone.common {
            // A process that keeps them notices; what no process holds ends on its own.
            Common::Address(peer) => {
                let close = case.portwho(&["close"]).words(states);
                let close = close.words(["--foreign", &peer.to_string()]);
                Remedy::with_rights(close, case.privileged())
            }
            Common::Clients => case.portwho(&["--summary"]).words(states).into(),
            Common::Port(port) => {
                case.portwho(&["--summary"]).words(states).words([port.to_string()]).into()
            }
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find the link, firewall or peer that failed; those that no process holds end on their own \
         after about 2 minutes (tcp_orphan_retries), those that were only shut down after 15 minutes \
         or more (tcp_retries2)"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "states": counts(self.states.iter().map(|(state, count)| (state, *count))),
            "peers": counts(self.gone.peers.iter().map(|(peer, count)| (peer, *count))),
            "connections": self.gone.of_port(),
            "most_retransmits": self.gone.most_retransmits,
        })
    }
}
