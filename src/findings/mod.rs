//! What `portwho doctor` checks for, a file for each finding: what it measures, its threshold and
//! the reason for it, its evidence, its text and its JSON.
//!
//! To add one, write its file and name it in [`CHECKS`].

mod accept_queue_full;
mod check;
mod close_wait_leak;
mod close_wait_place;
mod culprit;
mod culprits;
mod descriptors_nearly_used;
mod facts;
mod half_closed_pair;
mod machine;
mod not_reading;
mod peer_gone;
mod peer_not_reading;
mod syn_flood;
mod syn_sent_fan_out;
mod time_wait_pressure;
mod unacknowledged_close;
mod unanswered_connect;

pub use check::{Case, Check, Evidence, Finding, Growth, Measurement, Severity};
pub use culprit::Culprit;
pub use machine::Machine;

use std::cmp::Reverse;
use std::time::Duration;

use crate::model::TcpCounters;

/// Every check, in the order in which equally severe findings are told.
pub const CHECKS: [Check; 12] = [
    close_wait_leak::CHECK,
    half_closed_pair::CHECK,
    time_wait_pressure::CHECK,
    syn_sent_fan_out::CHECK,
    syn_flood::CHECK,
    accept_queue_full::CHECK,
    unacknowledged_close::CHECK,
    unanswered_connect::CHECK,
    peer_gone::CHECK,
    peer_not_reading::CHECK,
    not_reading::CHECK,
    descriptors_nearly_used::CHECK,
];

/// A machine and what was found there.
#[derive(Debug)]
pub struct Diagnosis<'a> {
    /// The machine, by the last snapshot.
    pub machine: &'a Machine<'a>,
    /// What was found, the most severe first.
    pub findings: Vec<Finding>,
    /// What TCP had counted at an earlier snapshot, and how long before.
    pub earlier: Option<(&'a TcpCounters, Duration)>,
}

impl<'a> Diagnosis<'a> {
    /// Makes every check. With an earlier snapshot, taken `over` before, findings tell their growth.
    #[must_use]
    pub fn new(machine: &'a Machine<'a>, earlier: Option<(&'a Machine<'a>, Duration)>) -> Self {
        let mut findings: Vec<(usize, Finding)> = Vec::new();
        for (order, check) in CHECKS.into_iter().enumerate() {
            let found = check.findings(machine, earlier);
            findings.extend(found.into_iter().map(|finding| (order, finding)));
        }
        findings.sort_by_key(|(order, finding)| {
            (finding.severity, *order, Reverse(finding.measurement.count))
        });
        let counters = earlier.map(|(machine, over)| (&machine.settings.counters, over));
        let findings = findings.into_iter().map(|(_, finding)| finding).collect();
        Self { machine, findings, earlier: counters }
    }

    /// A finding with everything that its text is made of.
    #[must_use]
    pub const fn case<'b>(&'b self, finding: &'b Finding) -> Case<'b> {
        Case { finding, machine: self.machine, earlier: self.earlier }
    }
}
