//! A listener whose accept queue is longer than its backlog: the kernel's own test for full
//! (`sk_acceptq_is_full()` in include/net/sock.h).

use serde_json::{Value, json};

use super::check::{backlogs, never};
use super::facts::{endpoint, endpoint_json, listener_counters};
use super::{Case, Check, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::{Endpoint, TcpState};
use crate::text::advice::Remedy;
use crate::text::remedies;

pub(super) const CHECK: Check = Check {
    kind: "accept-queue-full",
    threshold: || "more connections than the backlog; critical".to_owned(),
    reason: "from then on the kernel drops new connections",
    subject: Subject::Sockets,
    needs: backlogs,
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct FullQueue {
    /// Where it listens.
    local: Endpoint,
    backlog: u32,
}

/// The accept queue of each listener, where the system tells it.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let measured = machine.rows(&[TcpState::Listening]).filter_map(|row| {
        let (waiting, backlog) = row.socket.queues.receive.zip(row.socket.queues.send)?;
        let queue = FullQueue { local: row.socket.local, backlog };
        Some(Measurement::new(machine.culprit(row), waiting as usize, queue))
    });
    measured.collect()
}

impl Evidence for FullQueue {
    fn subject(&self) -> String {
        endpoint(&self.local)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        (count > self.backlog as usize).then_some(Severity::Critical)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("accept queue")
    }

    fn what(&self, case: &Case<'_>) -> String {
        let waiting = match case.count() {
            1 => "1 connection waits".to_owned(),
            count => format!("{count} connections wait"),
        };
        format!(
            "{waiting} for accept() on {}, and the backlog is {}: further clients are ignored",
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
        let queue = FullQueue { local: Endpoint::wildcard(Family::V4, 80), backlog: 5 };
        assert_eq!(queue.severity(5, None), None);
        assert_eq!(queue.severity(6, None), Some(Severity::Critical));
    }
}
