//! Connections that are open here, and whose peer no longer answers.

use std::collections::BTreeMap;
use std::net::IpAddr;

use rustc_hash::FxHashMap;
use serde_json::{Value, json};

use super::check::{never, reaches, socket_details};
use super::culprits::Culprits;
use super::facts::{counts, largest};
use super::gone::{CONNECTIONS, PERCENT, RETRANSMITS, severity};
use super::{Case, Check, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject};
use crate::model::{OwnedSocket, TcpState};
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
    subject: Subject::Sockets,
    needs: socket_details,
    measure,
    wants_second: never,
};

/// What connections to peers that are gone have in common.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Common {
    /// The address of the peer.
    Address(IpAddr),
    /// The local port, of a server. Its peers have a few connections each.
    Port(u16),
    /// Nothing but that they began here.
    Clients,
}

#[derive(Debug)]
struct GonePeers {
    common: Common,
    /// How many connections the port has, gone or not.
    of: usize,
    /// How many to each peer.
    peers: BTreeMap<IpAddr, usize>,
    most_retransmits: u8,
    /// How much was sent and not acknowledged, in bytes.
    unacknowledged: u64,
    culprits: Culprits,
}

/// Those that retransmit, or probe without an answer: by the address where many go to the same one,
/// otherwise by the port that serves them.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let open = machine.rows(&OPEN);
    let gone: Vec<&OwnedSocket> = open.filter(|row| unanswered(row) >= RETRANSMITS).collect();
    if gone.is_empty() {
        return Vec::new();
    }
    let (mut addresses, mut ports) = (FxHashMap::default(), FxHashMap::default());
    for address in gone.iter().filter_map(|row| peer(row)) {
        *addresses.entry(address).or_insert(0_usize) += 1;
    }
    for row in machine.all_rows(&OPEN) {
        *ports.entry(row.socket.local.port).or_insert(0_usize) += 1;
    }
    let mut groups: BTreeMap<Common, Vec<&OwnedSocket>> = BTreeMap::new();
    for row in gone {
        groups.entry(common(row, &addresses, machine)).or_default().push(row);
    }
    let measured = groups.into_iter().map(|(common, rows)| {
        let peers = GonePeers::of(common, &rows, &ports, machine);
        Measurement::new(peers.culprits.leading(), rows.len(), peers)
    });
    measured.collect()
}

/// How often the last segment, or the last probe, was sent without an answer. The kernel counts
/// probes anew whenever one is answered.
fn unanswered(row: &OwnedSocket) -> u8 {
    row.socket.timer.map_or(0, |timer| timer.retransmits)
}

fn peer(row: &OwnedSocket) -> Option<IpAddr> {
    row.socket.foreign.map(|foreign| foreign.address)
}

fn common(
    row: &OwnedSocket,
    addresses: &FxHashMap<IpAddr, usize>,
    machine: &Machine<'_>,
) -> Common {
    let many = |address| addresses.get(&address).is_some_and(|count| *count >= CONNECTIONS);
    match peer(row).filter(|address| many(*address)) {
        Some(address) => Common::Address(address),
        None if machine.listener(&row.socket).is_some() => Common::Port(row.socket.local.port),
        None => Common::Clients,
    }
}

impl GonePeers {
    fn of(
        common: Common,
        rows: &[&OwnedSocket],
        ports: &FxHashMap<u16, usize>,
        machine: &Machine<'_>,
    ) -> Self {
        let mut peers = BTreeMap::new();
        for address in rows.iter().filter_map(|row| peer(row)) {
            *peers.entry(address).or_default() += 1;
        }
        let of = match common {
            Common::Port(port) => ports.get(&port).copied().unwrap_or_default(),
            Common::Address(_) | Common::Clients => 0,
        };
        let unacknowledged = rows.iter().filter_map(|row| row.socket.queues.send);
        Self {
            common,
            of,
            peers,
            most_retransmits: rows.iter().map(|row| unanswered(row)).max().unwrap_or_default(),
            unacknowledged: unacknowledged.map(u64::from).sum(),
            culprits: Culprits::of(rows, machine),
        }
    }
}

impl Evidence for GonePeers {
    fn subject(&self) -> String {
        format!("{:?}", self.common)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        let is_outage = match self.common {
            Common::Address(_) => true,
            Common::Port(_) => reaches(count as u64, PERCENT, self.of as u64),
            Common::Clients => false,
        };
        severity(count, is_outage)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("connections without an answer")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let connections = counted(case.count(), "connection");
        let peers = counted(self.peers.len(), "peer");
        match self.common {
            Common::Address(address) => {
                format!("{address} no longer answers on {connections}: it is gone, or unreachable")
            }
            Common::Port(port) => format!(
                "{peers} no longer answer on {connections} of {} on port {port}: gone, or \
                 unreachable",
                self.of
            ),
            Common::Clients => {
                format!("{peers} no longer answer on {connections}: gone, or unreachable")
            }
        }
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let most = counted(usize::from(self.most_retransmits), "time");
        let sent = format!(
            "retransmitted or probed up to {most}; {} bytes are not acknowledged",
            self.unacknowledged
        );
        let peers = match self.common {
            Common::Address(_) => None,
            Common::Port(_) | Common::Clients => Some(format!("to {}", largest(&self.peers))),
        };
        std::iter::once(sent).chain(peers).chain(self.culprits.words(case.machine)).collect()
    }

    /// The list shows which these are; the kernel ends them by itself.
    fn now(&self, case: &Case<'_>) -> Remedy {
        let list = case.portwho(&["--columns", "local,foreign,state,send-q,timer,idle,pid"]);
        let list = list.words(["--state", "ESTABLISHED,CLOSE_WAIT"]);
        match self.common {
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
        let (foreign, port) = match self.common {
            Common::Address(address) => (json!(address), Value::Null),
            Common::Port(port) => (Value::Null, json!(port)),
            Common::Clients => (Value::Null, Value::Null),
        };
        let of = matches!(self.common, Common::Port(_)).then_some(self.of);
        json!({
            "foreign": foreign,
            "port": port,
            "of": of,
            "peers": counts(self.peers.iter().map(|(peer, count)| (peer, *count))),
            "most_retransmits": self.most_retransmits,
            "unacknowledged_bytes": self.unacknowledged,
            "processes": self.culprits.count(),
        })
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    #[test]
    fn one_address_is_an_outage_and_many_are_one_by_their_share() {
        let severity = |common, of, count| {
            let (peers, culprits) = Default::default();
            let (most_retransmits, unacknowledged) = (3, 0);
            GonePeers { common, of, peers, most_retransmits, unacknowledged, culprits }
                .severity(count, None)
        };
        let address = Common::Address(Ipv4Addr::LOCALHOST.into());
        let (warning, note) = (Some(Severity::Warning), Some(Severity::Note));
        assert_eq!(severity(address, 0, 9), None);
        assert_eq!(severity(address, 0, 10), warning);
        assert_eq!(severity(Common::Port(443), 9, 9), None);
        assert_eq!(severity(Common::Port(443), 200, 10), warning);
        assert_eq!(severity(Common::Port(443), 201, 10), note);
        assert_eq!(severity(Common::Clients, 0, 10), note);
    }
}
