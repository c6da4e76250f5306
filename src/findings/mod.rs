//! What `portwho doctor` checks for, a file for each finding: what it measures, its threshold and
//! the reason for it, its evidence, its text and its JSON.
//!
//! To add one, write its file and name it in [`CHECKS`]. Its `needs` says where it cannot be made, its
//! `wants_second` when a plain run should take a second snapshot; `measure` finds the other snapshot in
//! [`Looks`]. What concerns the whole machine is not made where only some sockets were asked for.

mod accept_queue_full;
mod check;
mod close_wait_leak;
mod close_wait_place;
mod conntrack_full;
mod culprit;
mod culprits;
mod dead_descriptors;
mod descriptors_nearly_used;
mod drops;
mod ephemeral_ports;
mod evidence;
mod facts;
mod flood;
mod gone;
mod growth;
mod half_closed;
mod half_closed_pair;
mod limits;
mod listener_drops;
mod machine;
mod not_reading;
mod open_files;
mod orphans;
mod peer_gone;
mod peer_not_reading;
mod sharers;
mod syn_flood;
mod syn_sent_fan_out;
mod tcp_memory;
mod time_wait_pressure;
mod udp_drops;
mod unacknowledged_close;
mod unanswered_connect;

pub use check::{Check, Looks, Measurement, Severity, Subject, backlogs};
pub use culprit::Culprit;
pub use dead_descriptors::LEAST as LEAST_UNCONNECTED;
pub use ephemeral_ports::used_ratio as ephemeral_ports_used;
pub use evidence::{Case, Evidence};
pub use flood::Others;
pub use growth::{Finding, Growth};
pub use half_closed::age_ms as close_wait_age_ms;
pub use machine::{Inspection, Machine};
pub use sharers::Sharers;

use std::time::Duration;

use crate::model::Need;

/// Every check, in the order in which equally severe findings are reported.
pub const CHECKS: &[Check] = &[
    close_wait_leak::CHECK,
    half_closed_pair::CHECK,
    ephemeral_ports::CHECK,
    time_wait_pressure::CHECK,
    syn_sent_fan_out::CHECK,
    syn_flood::CHECK,
    accept_queue_full::CHECK,
    listener_drops::CHECK,
    unacknowledged_close::CHECK,
    unanswered_connect::CHECK,
    peer_gone::CHECK,
    peer_not_reading::CHECK,
    not_reading::CHECK,
    udp_drops::CHECK,
    descriptors_nearly_used::CHECK,
    dead_descriptors::CHECK,
    conntrack_full::CHECK,
    open_files::CHECK,
    tcp_memory::CHECK,
    orphans::CHECK,
];

/// Whether a single snapshot of `machine` leaves open what a second one would decide.
#[must_use]
pub fn wants_second(machine: &Machine<'_>) -> bool {
    CHECKS.iter().any(|check| check.need(machine).is_none() && (check.wants_second)(machine))
}

/// A machine and what was found there.
#[derive(Debug)]
pub struct Diagnosis<'a> {
    /// The machine, by the last snapshot.
    pub machine: &'a Machine<'a>,
    /// What was found, the most severe first.
    pub findings: Vec<Finding>,
    /// Each check, and what it needs where it could not be made.
    pub checks: Vec<(&'static Check, Option<Need>)>,
    /// The machine at an earlier snapshot, and how long before.
    pub earlier: Option<(&'a Machine<'a>, Duration)>,
}

impl<'a> Diagnosis<'a> {
    /// Makes every check. With an earlier snapshot, taken `over` before, findings report their growth.
    #[must_use]
    pub fn new(machine: &'a Machine<'a>, earlier: Option<(&'a Machine<'a>, Duration)>) -> Self {
        let looks = Looks::new(machine, earlier);
        let mut findings: Vec<(usize, Finding)> = Vec::new();
        let mut checks = Vec::new();
        for (order, check) in CHECKS.iter().enumerate() {
            let mut need = check.need(machine);
            if need.is_none() {
                let found = check.findings(looks);
                // What one snapshot finds already needs no other.
                let is_open =
                    found.is_empty() && earlier.is_none() && (check.wants_second)(machine);
                need = is_open.then_some(Need::SecondSnapshot);
                findings.extend(found.into_iter().map(|finding| (order, finding)));
            }
            checks.push((check, need));
        }
        let findings = flood::ordered(findings, machine);
        Self { machine, findings, checks, earlier }
    }

    /// A finding with everything that its text is made of.
    #[must_use]
    pub const fn case<'b>(&'b self, finding: &'b Finding) -> Case<'b> {
        Case { finding, machine: self.machine, earlier: self.earlier }
    }
}
