//! A listener whose accept queue is longer than its backlog: the kernel's own test for full
//! (`sk_acceptq_is_full()` in include/net/sock.h); or one that stays half full.

use serde_json::{Value, json};

use super::check::{backlogs, reaches};
use super::facts::{endpoint, endpoint_json, listener_counters};
use super::{Case, Check, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject};
use crate::model::{Endpoint, OwnedSocket, StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::remedies;

/// A burst of fewer is accepted in a moment.
const WAITING: u32 = 16;
/// The next burst takes the rest.
const PERCENT: u64 = 50;

pub(super) const CHECK: Check = Check {
    kind: "accept-queue-full",
    threshold: || {
        format!(
            "more connections than the backlog, critical from 2; {WAITING} and {PERCENT}% of it at two \
             snapshots, a warning"
        )
    },
    reason: "a full queue drops new connections; one that is half full at two snapshots is not just a burst",
    subject: Subject::Tcp(StateSet::of(&[TcpState::Listening])),
    needs: backlogs,
    measure,
    wants_second,
};

#[derive(Debug)]
struct Queue {
    /// Where it listens.
    local: Endpoint,
    backlog: u32,
    /// How many waited at the other snapshot.
    other: Option<u32>,
}

/// The accept queue of each listener, where the system reports it.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let measured = machine.rows(&[TcpState::Listening]).filter_map(|row| {
        let (waiting, backlog) = queues(row)?;
        let other = looks.other(row).and_then(queues).map(|(waiting, _)| waiting);
        let queue = Queue { local: row.socket.local, backlog, other };
        let measured = Measurement::new(machine.culprit(row), waiting as usize, queue);
        Some(measured.of_rows([row]))
    });
    measured.collect()
}

/// How many wait, and how many may.
fn queues(row: &OwnedSocket) -> Option<(u32, u32)> {
    row.socket.queues.receive.zip(row.socket.queues.send)
}

/// Whether so many connections wait for this listener that it may be a finding.
pub(super) fn has_many(listener: &OwnedSocket) -> bool {
    let is_many = |(waiting, backlog)| waiting > backlog || is_half_full(waiting, backlog);
    queues(listener).is_some_and(is_many)
}

/// Whether a queue is half full, which may be a burst.
fn wants_second(machine: &Machine<'_>) -> bool {
    let mut queues = machine.rows(&[TcpState::Listening]).filter_map(queues);
    queues.any(|(waiting, backlog)| waiting <= backlog && is_half_full(waiting, backlog))
}

fn is_half_full(waiting: u32, backlog: u32) -> bool {
    waiting >= WAITING && reaches(waiting.into(), PERCENT, backlog.into())
}

impl Queue {
    const fn is_full(&self, count: usize) -> bool {
        count > self.backlog as usize
    }
}

impl Evidence for Queue {
    fn subject(&self) -> String {
        endpoint(&self.local)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        // A single one, where the backlog is 0, may be accepted in a moment.
        if self.is_full(count) {
            return Some(if count > 1 { Severity::Critical } else { Severity::Warning });
        }
        let is_half_full = |waiting| is_half_full(waiting, self.backlog);
        let now = u32::try_from(count).is_ok_and(is_half_full);
        (now && self.other.is_some_and(is_half_full)).then_some(Severity::Warning)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("the accept queue")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let waiting = match case.count() {
            1 => "1 connection waits".to_owned(),
            count => format!("{count} connections wait"),
        };
        let outcome = if self.is_full(case.count()) {
            ": new clients are ignored"
        } else {
            "; above the backlog, new clients are ignored"
        };
        format!(
            "{waiting} for accept() on {}, and the backlog is {}{outcome}",
            endpoint(&self.local),
            self.backlog
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let most = case.machine.settings.max_backlog.map(|value| format!("somaxconn is {value}"));
        most.into_iter().chain(listener_counters(case)).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let command = case.restart().unwrap_or_else(|| match case.culprit().pid() {
            Some(pid) => remedies::backtraces(case.capabilities().shell, pid),
            None => case.portwho(&[&self.local.port.to_string()]),
        });
        command.into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find out what keeps it from calling accept(); a larger backlog (listen() and somaxconn) \
         helps against bursts only"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        json!({
            "local": endpoint_json(&self.local),
            "port": self.local.port,
            "backlog": self.backlog,
            "somaxconn": settings.max_backlog,
            "listen_overflows": settings.counters.listen_overflows,
            "listen_drops": settings.counters.listen_drops,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn one_more_than_the_backlog_is_full() {
        let local = Endpoint::wildcard(Family::V4, 80);
        let severity = |count, backlog, other| {
            let queue = Queue { local, backlog, other };
            queue.severity(count, None)
        };
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        assert_eq!((severity(5, 5, None), severity(6, 5, None)), (None, critical));
        assert_eq!((severity(1, 0, None), severity(2, 0, None)), (warning, critical));
        let half = [(16, 32, Some(16)), (400, 500, Some(250)), (500, 500, Some(500))];
        for (count, backlog, other) in half {
            assert_eq!(severity(count, backlog, other), warning, "{count} of {backlog}");
        }
        let burst =
            [(16, 32, None), (15, 16, Some(15)), (400, 500, Some(249)), (249, 500, Some(400))];
        for (count, backlog, other) in burst {
            assert_eq!(severity(count, backlog, other), None, "{count} of {backlog}");
        }
    }
}
