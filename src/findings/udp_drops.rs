//! Datagrams that are dropped because their receiver does not read fast enough.

use std::time::Duration;

use serde_json::{Value, json};

use super::check::{socket_details, warning};
use super::drops::{dropping, have_dropped};
use super::facts::{bytes, endpoint, endpoint_json};
use super::{Case, Check, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject};
use crate::model::{Endpoint, Need, OwnedSocket, Protocol};
use crate::text::advice::Remedy;
use crate::text::counted;
use crate::text::durations::duration;

/// A few are lost by every receiver that is not read all the time, as of mDNS and DHCP.
const PER_SECOND: usize = 10;

pub(super) const CHECK: Check = Check {
    kind: "udp-drops",
    threshold: || format!("{PER_SECOND} datagrams a second between two snapshots"),
    reason: "a socket that is hardly ever read drops some; old drops say nothing about the present",
    subject: Subject::Udp,
    needs,
    measure,
    wants_second: |machine| have_dropped(udp(machine)),
};

/// A kernel that reports no drops does so of no socket.
fn needs(machine: &Machine<'_>) -> Option<Need> {
    let is_untold = udp(machine).any(|row| row.socket.drops.is_none());
    socket_details(machine).or_else(|| is_untold.then_some(Need::Kernel("Linux 4.7")))
}

fn udp<'a>(machine: &Machine<'a>) -> impl Iterator<Item = &'a OwnedSocket> {
    machine.sockets().filter(|row| row.socket.protocol == Protocol::Udp)
}

#[derive(Debug)]
struct Dropped {
    local: Endpoint,
    /// Between the snapshots.
    over: Duration,
    /// Since the sockets were created.
    in_all: u64,
    /// How much is unread now, in bytes.
    unread: u64,
}

/// What was dropped since the earlier snapshot at each address. Sockets may share one.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let Some((_, over)) = looks.earlier else { return Vec::new() };
    let measured = dropping(looks, udp(looks.machine)).into_iter().map(|dropping| {
        let sockets = || dropping.rows.iter().map(|row| &row.socket);
        let dropped = Dropped {
            local: dropping.local,
            over,
            in_all: sockets().filter_map(|socket| socket.drops).map(u64::from).sum(),
            unread: sockets().filter_map(|socket| socket.queues.receive).map(u64::from).sum(),
        };
        Measurement::new(dropping.culprit, dropping.count, dropped).of_rows(dropping.rows)
    });
    measured.collect()
}

impl Evidence for Dropped {
    fn subject(&self) -> String {
        endpoint(&self.local)
    }

    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(count as f64 >= PER_SECOND as f64 * self.over.as_secs_f64())
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "{} to {} were dropped in {}: it does not read as fast as they come in",
            counted(case.count(), "datagram"),
            endpoint(&self.local),
            duration(self.over)
        )
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let (bytes, are) = bytes(self.unread);
        let have = if self.in_all == 1 { "has" } else { "have" };
        let in_all = format!("{} {have} been dropped since the socket was created", self.in_all);
        vec![format!("{bytes} {are} waiting to be read"), in_all]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let port = self.local.port.to_string();
        case.portwho(&["--udp", "--columns", "local,foreign,recv-q,pid,image", &port]).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "read in a thread that does nothing else, or on several sockets (SO_REUSEPORT); against \
         bursts, enlarge the receive buffer (SO_RCVBUF, up to net.core.rmem_max)"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "local": endpoint_json(&self.local),
            "port": self.local.port,
            "over_ms": u64::try_from(self.over.as_millis()).unwrap_or(u64::MAX),
            "since_created": self.in_all,
            "unread_bytes": self.unread,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Family;

    #[test]
    fn ten_a_second_are_too_many() {
        let severity = |seconds, count| {
            let over = Duration::from_secs(seconds);
            let local = Endpoint::wildcard(Family::V4, 514);
            Dropped { local, over, in_all: 0, unread: 0 }.severity(count, None)
        };
        assert_eq!([severity(1, 9), severity(10, 99)], [None, None]);
        assert_eq!(severity(1, 10), Some(Severity::Warning));
        assert_eq!(severity(10, 100), Some(Severity::Warning));
    }
}
