//! TIME_WAIT against the kernel's limit for it.

use serde_json::{Value, json};

use super::check::{never, reaches, warning};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Need, TcpState};
use crate::text::advice::Remedy;
use crate::text::remedies;

/// TIME_WAIT may fill this part of what there is; above it a burst is enough to run out.
const PERCENT: u64 = 80;

pub(super) const CHECK: Check = Check {
    kind: "time-wait-pressure",
    threshold: || format!("{PERCENT}% of tcp_max_tw_buckets"),
    reason: "below that TIME_WAIT is normal; above the limit, further connections skip it",
    subject: Subject::Machine,
    needs: |machine| if limit(machine).is_some() { None } else { Some(Need::System) },
    measure,
    wants_second: never,
};

/// As many are kept.
const fn limit(machine: &Machine<'_>) -> Option<u64> {
    machine.settings.max_time_wait
}

/// TIME_WAIT against `tcp_max_tw_buckets`.
#[derive(Debug)]
struct Buckets {
    most: u64,
}

/// The kernel's own count includes FIN_WAIT_2 that no process holds, which the limit is for too.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let counted = machine.settings.counters.time_wait;
    let counted = counted.and_then(|count| usize::try_from(count).ok());
    let listed = || machine.rows(&[TcpState::TimeWait]).count();
    let buckets = limit(machine).map(|most| {
        Measurement::new(Culprit::Nobody, counted.unwrap_or_else(listed), Buckets { most })
    });
    buckets.into_iter().collect()
}

impl Evidence for Buckets {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(reaches(count as u64, PERCENT, self.most))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("TIME_WAIT")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "{} sockets in TIME_WAIT, counting FIN_WAIT_2 without a process; at most {} are kept \
             (tcp_max_tw_buckets)",
            case.count(),
            self.most
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let skipped =
            super::facts::counted_since("TCPTimeWaitOverflow", case, |it| it.time_wait_overflows);
        skipped.into_iter().collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let setting = format!("net.ipv4.tcp_max_tw_buckets={}", self.most.saturating_mul(2));
        remedies::sysctl(&setting, case.privileged())
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "keep connections open and reuse them; above the limit TIME_WAIT is skipped, and stray \
         segments may end up in new connections"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        let settings = case.machine.settings;
        json!({
            "limit": "tcp_max_tw_buckets",
            "time_wait_overflows": settings.counters.time_wait_overflows,
            "of": self.most,
            "tcp_tw_reuse": settings.time_wait_reuse,
            "tcp_timestamps": settings.timestamps,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_fifths_of_what_there_is_are_too_many() {
        let buckets = Buckets { most: 131_072 };
        assert_eq!(buckets.severity(104_857, None), None);
        assert_eq!(buckets.severity(104_858, None), Some(Severity::Warning));
        assert_eq!(Buckets { most: 0 }.severity(0, None), None);
    }
}
