//! Descriptors of sockets that are not connected, and that their process keeps.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::check::reaches;
use super::limits::read;
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Need, Pid, Reading, TcpState, Unconnected};
use crate::text::advice::Remedy;
use crate::text::api::{close_call, descriptors, read_call};
use crate::text::remedies;

/// A program may keep a few sockets that it connects later.
const MANY: usize = 100;
/// As much as a leak leaves before the process fails.
const PERCENT: u64 = 50;
/// Processes with fewer are not asked for: half of the smallest limit in use.
pub const LEAST: usize = 32;

pub(super) const CHECK: Check = Check {
    kind: "dead-descriptors",
    threshold: || {
        format!(
            "{MANY} that are not connected in two snapshots are a note; a warning from {PERCENT}% \
             of the descriptor limit"
        )
    },
    reason: "a socket that was reset keeps its descriptor until it is closed, and no table of the \
             kernel shows it, unless it keeps its port too (BOUND)",
    subject: Subject::Machine,
    needs,
    measure,
    wants_second: |machine| {
        unconnected(machine).is_some_and(|all| {
            all.sockets
                .iter()
                .any(|(pid, sockets)| severity(machine, *pid, sockets.len()).is_some())
        })
    },
};

/// Where some processes cannot be read, what those have is not known. What was found is reported.
fn needs(machine: &Machine<'_>) -> Option<Need> {
    match machine.unconnected {
        Reading::Read(all) if all.is_unreadable && all.sockets.is_empty() => {
            Some(if machine.snapshot.privileged { Need::Ptrace } else { Need::Rights })
        }
        other => super::limits::need(other),
    }
}

fn unconnected<'a>(machine: &Machine<'a>) -> Option<&'a Unconnected> {
    read(machine.unconnected)
}

#[derive(Debug)]
struct Dead {
    /// How many of them are BOUND; none where the kernel does not list these.
    bound: Option<usize>,
    /// How many were not connected at this moment, whether they last or not.
    now: usize,
    severity: Option<Severity>,
    descriptors: Option<u64>,
    descriptor_limit: Option<u64>,
}

/// Those that are the same at both moments: any other may be connected the next moment.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let Some(other) = looks.other_machine().and_then(unconnected) else { return Vec::new() };
    let sockets = unconnected(looks.machine).into_iter().flat_map(|all| &all.sockets);
    let bound = bound(looks.machine);
    let measured = sockets.filter_map(|(pid, sockets)| {
        let lasting: BTreeSet<&u64> = sockets.intersection(other.sockets.get(pid)?).collect();
        let own = looks.machine.particulars.get(pid);
        let is_bound =
            |bound: &BTreeSet<u64>| lasting.iter().filter(|inode| bound.contains(inode)).count();
        let dead = Dead {
            bound: bound.as_ref().map(is_bound),
            now: sockets.len(),
            severity: severity(looks.machine, *pid, lasting.len()),
            descriptors: own.and_then(|own| own.descriptors),
            descriptor_limit: own.and_then(|own| own.descriptor_limit),
        };
        Some(Measurement::new(Culprit::Process(*pid), lasting.len(), dead))
    });
    measured.collect()
}

/// The inodes of the BOUND sockets, where the kernel lists them.
fn bound(machine: &Machine<'_>) -> Option<BTreeSet<u64>> {
    let rows = machine.all_rows(&[TcpState::Bound]);
    (machine.unlisted_bound == 0).then(|| rows.filter_map(|row| row.socket.inode).collect())
}

fn severity(machine: &Machine<'_>, pid: Pid, count: usize) -> Option<Severity> {
    let limit = machine.particulars.get(&pid).and_then(|own| own.descriptor_limit);
    if limit.is_some_and(|limit| reaches(count as u64, PERCENT, limit)) {
        Some(Severity::Warning)
    } else {
        (count >= MANY).then_some(Severity::Note)
    }
}

impl Evidence for Dead {
    fn severity(&self, _count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        self.severity
    }

    fn growing(&self) -> Option<&'static str> {
        Some("sockets that are not connected")
    }

    fn total(&self, _count: usize) -> usize {
        self.now
    }

    fn what(&self, case: &Case<'_>) -> String {
        format!(
            "{} of its sockets are not connected (reset, or never connected; or of a network namespace \
             without processes), and it keeps their {}",
            case.count(),
            descriptors(case.capabilities().api, 0)
        )
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let kind = descriptors(case.capabilities().api, 0);
        let used = self.descriptors.map(|used| match self.descriptor_limit {
            Some(limit) => format!("{used} of {limit} {kind} are open"),
            None => format!("{used} {kind} are open"),
        });
        let bound = match self.bound {
            None | Some(0) => None,
            Some(1) => Some("1 of them keeps its port (BOUND)".to_owned()),
            Some(bound) => Some(format!("{bound} of them keep their ports (BOUND)")),
        };
        bound.into_iter().chain(used).collect()
    }

    fn now(&self, case: &Case<'_>) -> Remedy {
        let Some(pid) = case.culprit().pid() else { return case.portwho(&["doctor"]).into() };
        let list = remedies::descriptors(case.capabilities().shell, pid);
        Remedy::with_rights(list, case.privileged())
    }

    fn fix(&self, case: &Case<'_>) -> String {
        let api = case.capabilities().api;
        let (close, read) = (close_call(api), read_call(api));
        let fix = format!(
            "call {close} on every code path, especially when {read} or connect() fails (ECONNRESET, \
             ETIMEDOUT, ECONNREFUSED); until then, restart it before its {} are used up",
            descriptors(api, 0)
        );
        let restart = case.restart().map(Remedy::from);
        crate::text::advice::run_if_any(&fix, restart.as_ref())
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        json!({
            "bound": self.bound,
            "descriptors": self.descriptors,
            "descriptor_limit": self.descriptor_limit,
        })
    }

    fn descriptors(&self, _count: usize) -> Option<(u64, u64)> {
        self.descriptors.zip(self.descriptor_limit)
    }
}
