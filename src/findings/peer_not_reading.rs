//! Data that peers do not take: their receive windows are closed.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use serde_json::{Value, json};

use super::check::{never, socket_details, warning};
use super::facts::{bytes, counts, largest};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::{OwnedSocket, StateSet, TcpState, TimerKind};
use crate::text::advice::Remedy;
use crate::text::counted;
use crate::text::durations::duration;

/// A peer or two may be suspended or pause a download; ten of one process are a service that hangs.
const CONNECTIONS: usize = 10;
/// Longer than a busy peer takes to read on.
const IDLE_MS: u32 = 30_000;
/// There is data to send.
const OPEN: [TcpState; 2] = [TcpState::Established, TcpState::CloseWait];
/// This many probes without an answer mean that the peer is gone, which is another finding.
const UNANSWERED: u8 = 3;

pub(super) const CHECK: Check = Check {
    kind: "peer-not-reading",
    threshold: || {
        format!(
            "{CONNECTIONS} of a process with data to send and a closed window for {}",
            duration(Duration::from_millis(IDLE_MS.into()))
        )
    },
    reason: "a merely busy peer resumes reading sooner; a few pause, or are suspended, at any time",
    subject: Subject::Tcp(StateSet::of(&OPEN)),
    needs: socket_details,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct NotRead {
    /// How many to each peer.
    peers: BTreeMap<IpAddr, usize>,
    /// How much waits to be sent, in bytes.
    waiting: u64,
    longest_ms: u32,
}

/// The connections of each process that have data to send and may not: the persist timer runs.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut groups: BTreeMap<Culprit, Vec<(&OwnedSocket, u32)>> = BTreeMap::new();
    for row in machine.all_rows(&OPEN) {
        if let Some(waiting_ms) = waiting_ms(row).filter(|waiting| *waiting >= IDLE_MS) {
            groups.entry(machine.culprit(row)).or_default().push((row, waiting_ms));
        }
    }
    let measured = groups.into_iter().map(|(culprit, rows)| {
        let measured = Measurement::new(culprit, rows.len(), NotRead::of(&rows));
        measured.of_group(rows.iter().map(|(row, _)| *row), machine)
    });
    measured.collect()
}

/// How long nothing could be sent, where there is something to send and the peer answers probes.
fn waiting_ms(row: &OwnedSocket) -> Option<u32> {
    let timer = row.socket.timer?;
    let is_closed = timer.kind == TimerKind::Probe && timer.retransmits < UNANSWERED;
    let has_data = row.socket.queues.send.is_some_and(|bytes| bytes > 0);
    row.socket.tcp_info.filter(|_| is_closed && has_data).map(|info| info.last_data_sent_ms)
}

impl NotRead {
    fn of(rows: &[(&OwnedSocket, u32)]) -> Self {
        let mut peers = BTreeMap::new();
        for foreign in rows.iter().filter_map(|(row, _)| row.socket.foreign) {
            *peers.entry(foreign.address).or_default() += 1;
        }
        let waiting = rows.iter().filter_map(|(row, _)| row.socket.queues.send);
        Self {
            peers,
            waiting: waiting.map(u64::from).sum(),
            longest_ms: rows.iter().map(|(_, age)| *age).max().unwrap_or_default(),
        }
    }
}

impl Evidence for NotRead {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count >= CONNECTIONS)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("connections with a closed window")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let peers = match self.peers.len() {
            1 => "the peer has".to_owned(),
            several => format!("{several} peers have"),
        };
        format!(
            "{peers} stopped reading on {}: their receive windows are closed",
            counted(case.count(), "connection")
        )
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let longest = duration(Duration::from_millis(self.longest_ms.into()));
        let (bytes, are) = bytes(self.waiting);
        let waiting = format!("{bytes} {are} waiting to be sent, the longest for {longest}");
        vec![waiting, format!("to {}", largest(&self.peers))]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let list = case.portwho(&["--columns", "local,foreign,state,send-q,timer,idle"]);
        list.words(case.pid_option()).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find out why the peers stopped reading (stuck, suspended, or slower than what is sent); \
         give writes a timeout, so that such a peer holds neither memory nor a thread"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "peers": counts(self.peers.iter().map(|(peer, count)| (peer, *count))),
            "waiting_bytes": self.waiting,
            "longest_ms": self.longest_ms,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_of_a_process_are_no_pause() {
        let not_read = NotRead { peers: BTreeMap::new(), waiting: 0, longest_ms: 0 };
        assert_eq!(not_read.severity(9, None), None);
        assert_eq!(not_read.severity(10, None), Some(Severity::Warning));
    }
}
