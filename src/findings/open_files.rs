//! Open files of all processes together, of which no more are allowed soon.

use serde_json::{Value, json};

use super::check::{never, reaches};
use super::limits::{need, read};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Pid, Usage};
use crate::text::advice::Remedy;
use crate::text::remedies;

/// What is left above this goes with the next burst, and then every process fails at once.
const PERCENT: u64 = 90;

pub(super) const CHECK: Check = Check {
    kind: "open-files",
    threshold: || format!("{PERCENT}% of fs.file-max; critical"),
    reason: "at the limit accept(), socket() and open() fail in every process but root's (ENFILE)",
    subject: Subject::Machine,
    needs: |machine| need(&machine.limits.files),
    measure,
    wants_second: never,
};

#[derive(Debug)]
struct OpenFiles {
    usage: Usage,
    /// Of the owners of sockets the one with most descriptors, and how many it has.
    most: Option<(Pid, u64)>,
}

fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let Some(usage) = read(&looks.machine.limits.files).copied() else { return Vec::new() };
    let files = OpenFiles { usage, most: most(looks.machine) };
    vec![Measurement::new(Culprit::Machine, usage.count(), files)]
}

fn most(machine: &Machine<'_>) -> Option<(Pid, u64)> {
    let open = machine.particulars.iter().filter_map(|(pid, own)| Some((*pid, own.descriptors?)));
    open.max_by_key(|(_, count)| *count)
}

impl Evidence for OpenFiles {
    fn severity(&self, _count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        reaches(self.usage.used, PERCENT, self.usage.most).then_some(Severity::Critical)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("open files")
    }

    fn what(&self, _case: &Case<'_>) -> String {
        let Usage { used, most } = self.usage;
        format!(
            "{used} of at most {most} files are open on this machine (fs.file-max): at the limit \
             accept(), socket() and open() fail in every process but root's"
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let most = self.most.map(|(pid, count)| {
            let owner = Culprit::Process(pid).name(case.machine);
            format!("the socket owner with the most descriptors is {owner}: {count}")
        });
        most.into_iter().collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let setting = format!("fs.file-max={}", self.usage.most.saturating_mul(2));
        remedies::sysctl(&setting, case.privileged())
    }

    fn fix(&self, _case: &Case<'_>) -> String {
        "find the process that leaks files (lsof counts them), and set the limit permanently in /etc/sysctl.d"
            .to_owned()
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "of": self.usage.most,
            "most_descriptors": self.most.map(|(pid, count)| json!({"pid": pid.0, "count": count})),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_never_reached() {
        let severity =
            |used, most| OpenFiles { usage: Usage { used, most }, most: None }.severity(0, None);
        assert_eq!(severity(899, 1000), None);
        assert_eq!(severity(900, 1000), Some(Severity::Critical));
        assert_eq!(severity(1_000_000, i64::MAX.cast_unsigned()), None);
    }
}
