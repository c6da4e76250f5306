//! Connections that listeners drop.

use std::time::Duration;

use serde_json::{Value, json};

use super::check::{socket_details, warning};
use super::drops::{dropping, have_dropped};
use super::facts::{endpoint, endpoint_json, listener_counters};
use super::{Case, Check, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject};
use crate::model::{Endpoint, Need, OwnedSocket, StateSet, TcpState};
use crate::text::advice::Remedy;
use crate::text::counted;
use crate::text::durations::duration;
use crate::text::remedies;

pub(super) const CHECK: Check = Check {
    kind: "listener-drops",
    threshold: || "any between two snapshots".to_owned(),
    reason: "a client waits a second or more for each: its first segment is dropped, and \
             retransmitted",
    subject: Subject::Tcp(StateSet::of(&[TcpState::Listening])),
    needs,
    measure,
    wants_second: |machine| have_dropped(listeners(machine)),
};

/// Neither an old kernel nor /proc/net reports the drops of a listener.
fn needs(machine: &Machine<'_>) -> Option<Need> {
    let is_untold = listeners(machine).any(|row| row.socket.drops.is_none());
    socket_details(machine)
        .or_else(|| is_untold.then_some(Need::Kernel("Linux 4.7, and sock_diag (netlink)")))
}

fn listeners<'a>(machine: &Machine<'a>) -> impl Iterator<Item = &'a OwnedSocket> {
    machine.rows(&[TcpState::Listening])
}

#[derive(Debug)]
struct Dropped {
    local: Endpoint,
    /// Between the snapshots.
    over: Duration,
    /// Since the listeners were created.
    in_all: u64,
    /// The accept queues and the backlogs.
    waiting: u64,
    backlog: u64,
}

/// What was dropped since the earlier snapshot at each address. Listeners may share one.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let Some((_, over)) = looks.earlier else { return Vec::new() };
    let measured = dropping(looks, listeners(looks.machine)).into_iter().map(|dropping| {
        let sum = |of: fn(&OwnedSocket) -> Option<u32>| {
            dropping.rows.iter().filter_map(|row| of(row)).map(u64::from).sum()
        };
        let dropped = Dropped {
            local: dropping.local,
            over,
            in_all: sum(|row| row.socket.drops),
            waiting: sum(|row| row.socket.queues.receive),
            backlog: sum(|row| row.socket.queues.send),
        };
        Measurement::new(dropping.culprit, dropping.count, dropped).of_rows(dropping.rows)
    });
    measured.collect()
}

impl Evidence for Dropped {
    fn subject(&self) -> String {
        endpoint(&self.local)
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count > 0)
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (verb, over) = (if case.count() == 1 { "was" } else { "were" }, duration(self.over));
        format!(
            "{} to {} {verb} dropped in {over}: its accept queue was full, or memory had run out",
            counted(case.count(), "connection attempt"),
            endpoint(&self.local),
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let Self { waiting, backlog, in_all, .. } = self;
        let (are, have) =
            (if *waiting == 1 { "is" } else { "are" }, if *in_all == 1 { "has" } else { "have" });
        let connections = counted(usize::try_from(*waiting).unwrap_or(usize::MAX), "connection");
        let queue = format!("{connections} {are} waiting for accept(); the backlog is {backlog}");
        let in_all = format!("{in_all} {have} been dropped since the listener was created");
        [queue, in_all].into_iter().chain(listener_counters(case)).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        match case.culprit().pid() {
            Some(pid) => remedies::backtraces(case.capabilities().shell, pid).into(),
            None => case.portwho(&[&self.local.port.to_string()]).into(),
        }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "call accept() in a thread that does nothing else; against bursts, raise the backlog \
         (listen(), up to net.core.somaxconn)"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        json!({
            "local": endpoint_json(&self.local),
            "port": self.local.port,
            "over_ms": u64::try_from(self.over.as_millis()).unwrap_or(u64::MAX),
            "since_created": self.in_all,
            "waiting": self.waiting,
            "backlog": self.backlog,
            "somaxconn": case.machine.settings.max_backlog,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn one_is_enough() {
        let local = Endpoint::wildcard(Family::V4, 80);
        let over = Duration::from_secs(1);
        let dropped = Dropped { local, over, in_all: 72, waiting: 0, backlog: 128 };
        assert_eq!(dropped.severity(0, None), None);
        assert_eq!(dropped.severity(1, None), Some(Severity::Warning));
    }
}
