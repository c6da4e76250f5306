//! Connections that are open here, and whose peer no longer answers.

use serde_json::{Value, json};

use super::check::{never, socket_details};
use super::culprits::Culprits;
use super::facts::{bytes, counts, largest};
use super::gone::{CONNECTIONS, Common, Gone, PERCENT, RETRANSMITS, groups};
use super::{Case, Check, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::{StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::counted;

/// Neither side, or only the peer, has closed.
const OPEN: [TcpState; 2] = [TcpState::Established, TcpState::CloseWait];

pub(super) const CHECK: Check = Check {
    kind: "peer-gone",
    threshold: || {
        format!(
            "{CONNECTIONS} to one address with {RETRANSMITS} retransmissions or more, or \
             {CONNECTIONS} on a port and {PERCENT}% of its connections; otherwise {CONNECTIONS} \
             are a note"
        )
    },
    reason: "a lost segment is retransmitted once or twice; a few clients vanish at any time, each \
             at an address of its own",
    subject: Subject::Tcp(StateSet::of(&OPEN)),
    needs: socket_details,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct GonePeers {
    gone: Gone,
    /// How much was sent and not acknowledged, in bytes.
    unacknowledged: u64,
    culprits: Culprits,
}

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let measured = groups(machine, &OPEN).into_iter().map(|(gone, rows)| {
        let unacknowledged = rows.iter().filter_map(|row| row.socket.queues.send);
        let unacknowledged = unacknowledged.map(u64::from).sum();
        let culprits = Culprits::of(&rows, machine);
        let leading = culprits.leading();
        Measurement::new(leading, rows.len(), GonePeers { gone, unacknowledged, culprits })
            .of_group(rows, machine)
    });
    measured.collect()
}

impl Evidence for GonePeers {
    fn subject(&self) -> String {
        format!("{:?}", self.gone.common)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        self.gone.severity(count)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("connections without an answer")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let connections = counted(case.count(), "connection");
        let peers = counted(self.gone.peers.len(), "peer");
        match self.gone.common {
            Common::Address(address) => {
                format!("{address} no longer answers on {connections}: it is gone, or unreachable")
            }
            Common::Port(port) => format!(
                "{peers} no longer answer on {connections} of {} on port {port}: gone, or \
                 unreachable",
                self.gone.of
            ),
            Common::Clients => {
                format!("{peers} no longer answer on {connections}: gone, or unreachable")
            }
        }
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let most = counted(usize::from(self.gone.most_retransmits), "time");
        let (bytes, are) = bytes(self.unacknowledged);
        let sent = format!("retransmitted or probed up to {most}; {bytes} {are} not acknowledged");
        let peers = match self.gone.common {
            Common::Address(_) => None,
            Common::Port(_) | Common::Clients => Some(format!("to {}", largest(&self.gone.peers))),
        };
        std::iter::once(sent).chain(peers).chain(self.culprits.words(case.machine)).collect()
    }

    /// The list shows which these are; the kernel ends them by itself.
    fn now(&self, case: &Case<'_>) -> Remedy {
        let list = case.portwho(&["--columns", "local,foreign,state,send-q,timer,idle,pid"]);
        let list = list.words(["--state", "ESTABLISHED,CLOSE_WAIT"]);
        match self.gone.common {
            Common::Address(address) => list.words(["--foreign", &address.to_string()]).into(),
            Common::Port(port) => list.words([port.to_string()]).into(),
            Common::Clients => list.words(case.pid_option()).into(),
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find the host, link, firewall or NAT entry that failed; the kernel gives up after about \
         15 minutes (tcp_retries2), and TCP_USER_TIMEOUT or keepalive on the socket makes that \
         shorter"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        let (foreign, port) = match self.gone.common {
            Common::Address(address) => (json!(address), Value::Null),
            Common::Port(port) => (Value::Null, json!(port)),
            Common::Clients => (Value::Null, Value::Null),
        };
        json!({
            "foreign": foreign,
            "port": port,
            "of": self.gone.of_port(),
            "peers": counts(self.gone.peers.iter().map(|(peer, count)| (peer, *count))),
            "most_retransmits": self.gone.most_retransmits,
            "unacknowledged_bytes": self.unacknowledged,
            "processes": self.culprits.count(),
        })
    }
}
