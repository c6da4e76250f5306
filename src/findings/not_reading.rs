//! A process that does not read what has come in.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::accept_queue_full;
use super::check::{never, socket_details};
use super::close_wait_leak::is_unaccepted;
use super::facts::{bytes, counts, largest, never_accepted};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{OwnedSocket, StateSet, TcpState, Uid};
use crate::text::advice::Remedy;
use crate::text::api::{close_call, read_call};
use crate::text::counted;
use crate::text::durations::duration;
use crate::text::remedies;

/// A request or two may wait for a long answer before them; ten are a process that hangs.
const CONNECTIONS: usize = 10;
/// Longer than a busy server takes to come to a request.
const IDLE_MS: u32 = 30_000;

pub(super) const CHECK: Check = Check {
    kind: "not-reading",
    threshold: || {
        format!(
            "{CONNECTIONS} ESTABLISHED of a process with unread data, idle for {}; a note on a \
             client's side",
            duration(Duration::from_millis(IDLE_MS.into()))
        )
    },
    reason: "a healthy server reads requests sooner; a client that only writes may never read \
             what it was sent",
    subject: Subject::Tcp(StateSet::of(&[TcpState::Established])),
    needs: socket_details,
    measure,
    wants_second: never,
};

/// Which side the connections are on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Side {
    /// The local port listens here.
    Server,
    /// They began here.
    Client,
}

impl Side {
    const fn word(self) -> &'static str {
        match self {
            Self::Server => "server",
            Self::Client => "client",
        }
    }
}

#[derive(Debug)]
struct Unread {
    side: Side,
    /// How many on each port: the local one of a server, the foreign one of a client.
    ports: BTreeMap<u16, usize>,
    /// How much is unread, in bytes.
    bytes: u64,
    longest_ms: u32,
    /// How many no process has accepted.
    not_accepted: usize,
}

/// The connections of each process where data waits to be read and none comes or goes.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut groups: BTreeMap<(Culprit, Side), Vec<&OwnedSocket>> = BTreeMap::new();
    for row in machine.all_rows(&[TcpState::Established]) {
        if is_unread(row) && !waits_in_a_crowd(row, machine) {
            let listener = machine.listener(&row.socket);
            let is_server = listener.is_some_and(|listener| may_have_accepted(listener, row));
            let side = if is_server { Side::Server } else { Side::Client };
            groups.entry((machine.culprit(row), side)).or_default().push(row);
        }
    }
    let measured = groups.into_iter().map(|((culprit, side), rows)| {
        let unread = Unread::of(side, &rows);
        let measured = Measurement::new(culprit, rows.len(), unread);
        measured.of_group(rows.iter().copied(), machine).of_rows(rows)
    });
    measured.collect()
}

/// Whether a connection may have come through a listener. Others can listen at the local port of a
/// client that has set SO_REUSEADDR; a server's own listener is its user's, or root's, who bound it first.
fn may_have_accepted(listener: &OwnedSocket, row: &OwnedSocket) -> bool {
    let users = listener.socket.uid.zip(row.socket.uid);
    users.is_none_or(|(listener, own)| listener == own || listener == Uid(0))
}

/// Whether it waits with so many others that their queue is the finding.
fn waits_in_a_crowd(row: &OwnedSocket, machine: &Machine<'_>) -> bool {
    is_unaccepted(row) && machine.listener(&row.socket).is_some_and(accept_queue_full::has_many)
}

fn is_unread(row: &OwnedSocket) -> bool {
    row.socket.queues.receive.is_some_and(|bytes| bytes > 0)
        && row.socket.idle_ms.is_some_and(|idle| idle >= IDLE_MS)
}

impl Unread {
    fn of(side: Side, rows: &[&OwnedSocket]) -> Self {
        let port = |row: &&OwnedSocket| match side {
            Side::Server => Some(row.socket.local.port),
            Side::Client => row.socket.foreign.map(|foreign| foreign.port),
        };
        let mut ports = BTreeMap::new();
        for port in rows.iter().filter_map(port) {
            *ports.entry(port).or_default() += 1;
        }
        let bytes = rows.iter().filter_map(|row| row.socket.queues.receive);
        Self {
            side,
            ports,
            bytes: bytes.map(u64::from).sum(),
            longest_ms: rows.iter().filter_map(|row| row.socket.idle_ms).max().unwrap_or_default(),
            not_accepted: rows.iter().filter(|row| is_unaccepted(row)).count(),
        }
    }

    fn is_of_unaccepted(&self, case: &Case<'_>) -> bool {
        self.not_accepted == case.count()
    }
}

impl Evidence for Unread {
    fn subject(&self) -> String {
        self.side.word().to_owned()
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        let severity = match self.side {
            Side::Server => Severity::Warning,
            Side::Client => Severity::Note,
        };
        (count >= CONNECTIONS).then_some(severity)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("unread connections")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let connections = counted(case.count(), "connection");
        match self.side {
            Side::Server if self.is_of_unaccepted(case) => {
                format!("data waits on {connections} that it does not accept()")
            }
            Side::Server => format!("it does not read the requests of {connections}"),
            Side::Client => {
                format!("it does not read what came in on {connections} that it opened")
            }
        }
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let longest = duration(Duration::from_millis(self.longest_ms.into()));
        let (bytes, are) = bytes(self.bytes);
        let unread = format!("{bytes} {are} unread, idle for up to {longest}");
        let noun = if self.ports.len() == 1 { "port" } else { "ports" };
        let prefix = match self.side {
            Side::Server => "on",
            Side::Client => "to",
        };
        let ports = format!("{prefix} {noun} {}", largest(&self.ports));
        let not_accepted = never_accepted(self.not_accepted);
        [unread, ports].into_iter().chain(not_accepted).collect()
    }

    /// Where its threads are shows what they wait for.
    fn now(&self, case: &Case<'_>) -> Remedy {
        let pid = case.culprit().pid().filter(|_| self.side == Side::Server);
        if let Some(pid) = pid {
            return remedies::backtraces(case.capabilities().shell, pid).into();
        }
        let list = case.portwho(&["--columns", "local,foreign,recv-q,idle,pid"]);
        list.words(["--state", "ESTABLISHED"]).words(case.pid_option()).into()
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let api = case.capabilities().api;
        let (close, read) = (close_call(api), read_call(api));
        match self.side {
            Side::Server => format!(
                "find out what its threads wait for (a lock, a pool, a backend); if it forgot the \
                 connections, call {close} on them"
            ),
            Side::Client => format!(
                "nothing is wrong if it only writes (TLS session tickets stay unread); otherwise \
                 find out why it does not call {read}"
            ),
        }
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "side": self.side.word(),
            "ports": counts(self.ports.iter().map(|(port, count)| (port, *count))),
            "unread_bytes": self.bytes,
            "longest_ms": self.longest_ms,
            "not_accepted": self.not_accepted,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_may_only_write() {
        let severity = |side, count| {
            let ports = BTreeMap::new();
            Unread { side, ports, bytes: 0, longest_ms: 0, not_accepted: 0 }.severity(count, None)
        };
        assert_eq!(severity(Side::Server, 9), None);
        assert_eq!(severity(Side::Server, 10), Some(Severity::Warning));
        assert_eq!(severity(Side::Client, 10), Some(Severity::Note));
    }
}
