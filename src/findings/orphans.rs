//! Sockets that their processes have closed and that the kernel still tears down, of which no more
//! are allowed soon.

use serde_json::{Value, json};

use super::check::{never, reaches, warning};
use super::limits::{need, read};
use super::{Case, Check, Culprit, Evidence, Growth, Looks, Measurement, Severity, Subject};
use crate::model::Usage;
use crate::text::advice::Remedy;

/// A machine with many clients that vanish has some; at the limit the kernel resets the next ones.
const PERCENT: u64 = 80;

pub(super) const CHECK: Check = Check {
    kind: "orphans",
    threshold: || format!("{PERCENT}% of tcp_max_orphans"),
    reason: "at the limit the kernel resets connections that are being closed, and their last data \
             is lost",
    subject: Subject::Machine,
    needs: |machine| need(&machine.limits.orphans),
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct Orphans(Usage);

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let usage = read(&looks.machine.limits.orphans).copied();
    let measured = |usage: Usage| Measurement::new(Culprit::Machine, usage.count(), Orphans(usage));
    usage.map(measured).into_iter().collect()
}

impl Evidence for Orphans {
    fn severity(&self, _count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(reaches(self.0.used, PERCENT, self.0.most))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("orphans")
    }

    fn what(&self, _case: &Case<'_>) -> String {
        let Usage { used, most } = self.0;
        format!(
            "{used} of at most {most} sockets (tcp_max_orphans) were closed by their processes \
             and are still being torn down: above that, they are reset"
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let retries = case.machine.settings.orphan_retries;
        let retries = retries.map(|value| format!("tcp_orphan_retries is {value}"));
        std::iter::once("orphans in all network namespaces count".to_owned())
            .chain(retries)
            .collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        // Of FIN_WAIT_2 only those with a limit above 60 seconds are among them.
        let states = "FIN_WAIT_1,CLOSING,LAST_ACK";
        case.portwho(&["--columns", "local,foreign,state,send-q,timer", "--state", states]).into()
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find the peers that do not answer; a smaller tcp_orphan_retries ends such sockets sooner, \
         and a larger tcp_max_orphans uses up to 64 KiB of memory per orphan"
            .to_owned()
    }

    fn json(&self, case: &Case<'_>) -> Value {
        json!({"of": self.0.most, "tcp_orphan_retries": case.machine.settings.orphan_retries})
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn four_fifths_are_many() {
        let severity = |used| Orphans(Usage { used, most: 10 }).severity(0, None);
        assert_eq!([severity(7), severity(8)], [None, Some(Severity::Warning)]);
    }
}
