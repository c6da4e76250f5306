//! A process that has hardly any descriptors left.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::check::{never, reaches, warning};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Gap, Need, Owner, Particulars, Pid, Whereabouts};
use crate::text::advice::{Remedy, run};
use crate::text::remedies;

/// What is left above this goes with the next burst of connections.
const PERCENT: u64 = 90;

pub(super) const CHECK: Check = Check {
    kind: "descriptors-nearly-used",
    threshold: || format!("{PERCENT}% of the limit"),
    reason: "the next burst of connections can use up the rest",
    subject: Subject::Owners,
    needs,
    measure,
    wants_second: never,
};

/// Where some owners are not seen, how many descriptors these have is not known. What was found is reported.
fn needs(machine: &Machine<'_>) -> Option<Need> {
    if !machine.snapshot.capabilities.descriptor_limits {
        return Some(Need::System);
    }
    let uncounted = uncounted(machine)?;
    let found = measure(&Looks::new(machine, None));
    let is_found = |one: &Measurement| one.evidence.severity(one.count, None).is_some();
    (!found.iter().any(is_found)).then_some(uncounted)
}

/// What it takes to count the descriptors that were not counted.
fn uncounted(machine: &Machine<'_>) -> Option<Need> {
    let gaps = &machine.snapshot.gaps;
    let is_hidden = machine.sockets().any(|row| row.owner == Owner::Hidden);
    if is_hidden && gaps.iter().any(|gap| matches!(gap, Gap::ProcessesUnreadable { .. })) {
        return Some(Need::System);
    }
    // A socket that no process has is one of the kernel's, and one that was not searched for is told by
    // the gap of the user who has too many.
    let is_outside = |gap: &Gap| match gap {
        Gap::OwnersNotFound { place, .. } => {
            matches!(place, Whereabouts::Anywhere | Whereabouts::OutsidePidNamespace)
        }
        _ => false,
    };
    let is_not_found = machine.sockets().any(|row| row.owner == Owner::NotFound);
    if is_not_found && gaps.iter().any(is_outside) {
        return Some(Need::Ptrace);
    }
    let is_unread = |own: &Particulars| own.descriptors.is_none() && own.descriptor_limit.is_some();
    let owners = machine.owners();
    let mut owners = owners.iter().filter_map(|pid| machine.particulars.get(pid));
    let needed = if machine.snapshot.privileged { Need::Ptrace } else { Need::Rights };
    (is_hidden || owners.any(is_unread)).then_some(needed)
}

#[derive(Debug)]
struct NearlyUsed {
    limit: u64,
    /// How many of the descriptors are sockets of the tables; none where only some sockets were asked for.
    sockets: Option<usize>,
}

/// The descriptors of each owner of a socket.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut sockets: BTreeMap<Pid, usize> = BTreeMap::new();
    for row in &machine.snapshot.sockets {
        for pid in row.owner.pids() {
            *sockets.entry(pid).or_default() += 1;
        }
    }
    // The owners of what the sockets are compared with were not asked for.
    let owners = machine.is_narrowed().then(|| machine.owners());
    let is_asked_for = |pid: &Pid| owners.as_ref().is_none_or(|owners| owners.contains(pid));
    let particulars = machine.particulars.iter().filter(|(pid, _)| is_asked_for(pid));
    let measured = particulars.filter_map(|(pid, own)| {
        let (used, limit) = own.descriptors.zip(own.descriptor_limit)?;
        let sockets = owners.is_none().then(|| sockets.get(pid).copied().unwrap_or_default());
        let count = usize::try_from(used).unwrap_or(usize::MAX);
        let culprit = Culprit::Process(*pid);
        Some(Measurement::new(culprit, count, NearlyUsed { limit, sockets }))
    });
    measured.collect()
}

impl Evidence for NearlyUsed {
    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        warning(reaches(count as u64, PERCENT, self.limit))
    }

    fn growing(&self) -> Option<&'static str> {
        Some("descriptors")
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!("{} of {} descriptors are open", case.count(), self.limit)
    }

    fn details(&self, _case: &Case<'_>) -> Vec<String> {
        let words = |sockets| match sockets {
            1 => "1 of them is a TCP or UDP socket".to_owned(),
            sockets => format!("{sockets} of them are TCP or UDP sockets"),
        };
        self.sockets.map(words).into_iter().collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        match case.culprit().pid().filter(|_| case.capabilities().descriptor_limits) {
            Some(pid) => {
                let own = case.machine.particulars.get(&pid);
                let hard = own.and_then(|own| own.descriptor_hard_limit);
                let wanted = self.limit.saturating_mul(2);
                remedies::raise_descriptor_limit(pid, wanted, hard, case.privileged())
            }
            _ => case.portwho(&["--summary"]).words(case.pid_option()).into(),
        }
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let raise = "raise the limit permanently (LimitNOFILE= in its unit, or limits.conf), after \
                     checking for a leak";
        run(raise, &case.portwho(&["--summary"]).words(case.pid_option()).into())
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({"descriptor_limit": self.limit, "sockets": self.sockets})
    }

    fn descriptors(&self, count: usize) -> Option<(u64, u64)> {
        Some((count as u64, self.limit))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nine_tenths_are_nearly_all() {
        let nearly = NearlyUsed { limit: 1024, sockets: None };
        assert_eq!(nearly.severity(921, None), None);
        assert_eq!(nearly.severity(922, None), Some(Severity::Warning));
    }
}
