//! Netfilter's table of connections, which is full soon.

use serde_json::{Value, json};

use super::check::{never, reaches};
use super::limits::{need, read};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::{Reading, Usage};
use crate::text::advice::Remedy;
use crate::text::remedies;

/// A table that is sized for its load has room for a burst.
const PERCENT: u64 = 90;
/// The next burst is dropped.
const CRITICAL_PERCENT: u64 = 98;

pub(super) const CHECK: Check = Check {
    kind: "conntrack-full",
    threshold: || format!("{PERCENT}% of nf_conntrack_max; critical from {CRITICAL_PERCENT}%"),
    reason: "netfilter drops the first packet of every connection that has no room in its table",
    subject: Subject::Machine,
    needs: |machine| need(&machine.limits.tracked),
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Tracked(Usage);

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let usage = read(&looks.machine.limits.tracked).copied();
    let measured = |usage: Usage| Measurement::new(Culprit::Machine, usage.count(), Tracked(usage));
    usage.map(measured).into_iter().collect()
}

impl Evidence for Tracked {
    fn severity(&self, _count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        let Usage { used, most } = self.0;
        if reaches(used, CRITICAL_PERCENT, most) {
            Some(Severity::Critical)
        } else {
            reaches(used, PERCENT, most).then_some(Severity::Warning)
        }
    }

    fn growing(&self) -> Option<&'static str> {
        Some("tracked connections")
    }

    fn what(&self, _case: &Case<'_>) -> String {
        let Usage { used, most } = self.0;
        format!(
            "netfilter tracks {used} of at most {most} connections (nf_conntrack_max); at the \
             limit it drops new ones"
        )
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let Usage { used, most } = self.0;
        vec![format!("nf_conntrack_count is {used}, nf_conntrack_max {most}")]
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let setting = format!("net.netfilter.nf_conntrack_max={}", self.0.most.saturating_mul(2));
        let set = remedies::sysctl(&setting, case.privileged());
        // Other namespaces show the limit, and do not take another one.
        let is_elsewhere = matches!(case.machine.limits.orphans, Reading::FirstNamespace);
        if is_elsewhere { set.typed("on the host") } else { set }
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "set it permanently in /etc/sysctl.d, shorten nf_conntrack_tcp_timeout_established (5 \
         days by default), or exempt busy ports from \
         tracking (notrack)"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({"of": self.0.most})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_are_nearly_full() {
        let severity = |used| Tracked(Usage { used, most: 1000 }).severity(0, None);
        assert_eq!(
            [severity(899), severity(900), severity(979)],
            [None, Some(Severity::Warning), Some(Severity::Warning)]
        );
        assert_eq!(severity(980), Some(Severity::Critical));
        assert_eq!(Tracked(Usage { used: 0, most: 0 }).severity(0, None), None);
    }
}
