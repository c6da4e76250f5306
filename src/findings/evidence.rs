//! What a finding rests on, and how it is reported.

use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use super::growth::Growth;
use super::{Culprit, Finding, Machine, Severity};
use crate::model::Capabilities;
use crate::text::advice::Remedy;
use crate::text::durations::duration;
use crate::text::owners;

/// What a finding rests on, and how it is reported.
pub trait Evidence: Debug {
    /// What distinguishes this measurement from others of the same culprit: a port, a destination.
    fn subject(&self) -> String {
        String::new()
    }

    /// How severe it is; none below the threshold.
    fn severity(&self, count: usize, growth: Option<&Growth>) -> Option<Severity>;

    /// What is compared between two snapshots, in a word: `CLOSE_WAIT`. None where a comparison
    /// says nothing.
    fn growing(&self) -> Option<&'static str> {
        None
    }

    /// How many there are of that, those included that the threshold does not count.
    fn total(&self, count: usize) -> usize {
        count
    }

    /// How many of them stay, as far as can be told.
    fn lasting(&self, count: usize) -> usize {
        count
    }

    /// The finding in a sentence.
    fn what(&self, case: &Case<'_>) -> String;

    /// The evidence, a sentence each.
    fn details(&self, case: &Case<'_>) -> Vec<String>;

    /// The next command to run.
    fn now(&self, case: &Case<'_>) -> Remedy;

    /// What to change permanently.
    fn fix(&self, case: &Case<'_>) -> String;

    /// The evidence as a JSON object. The names of the fields are fixed.
    fn json(&self, case: &Case<'_>) -> Value;

    /// How many descriptors are open and may be, where the finding is about them.
    fn descriptors(&self, _count: usize) -> Option<(u64, u64)> {
        None
    }
}

/// A finding with everything that its text is made of.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The machine it was found on.
    pub machine: &'a Machine<'a>,
    /// The machine at an earlier snapshot, and how long before.
    pub earlier: Option<(&'a Machine<'a>, Duration)>,
}

impl Case<'_> {
    /// What the threshold counts.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.finding.measurement.count
    }

    /// Who is responsible.
    #[must_use]
    pub const fn culprit(&self) -> Culprit {
        self.finding.measurement.culprit
    }

    /// `oracle (PID 22725, user oracle, oracle.service)`, and the others that hold the sockets.
    #[must_use]
    pub fn who(&self) -> String {
        let who = self.culprit().identity(self.machine);
        let name = |pid| owners::identity(pid, self.machine.snapshot);
        match self.finding.measurement.sharers.words(name) {
            Some(others) => format!("{who}; shared with {others}"),
            None => who,
        }
    }

    /// The next command to run. Of a hidden culprit too little is known for any other.
    #[must_use]
    pub fn now(&self) -> Remedy {
        match self.culprit() {
            Culprit::Hidden(_) => Remedy::with_rights(self.portwho(&["doctor"]), self.privileged()),
            _ => self.finding.measurement.evidence.now(self),
        }
    }

    /// What it rests on, a sentence each.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        let mut details = self.finding.measurement.evidence.details(self);
        details.extend(self.matching().map(|number| match number {
            1 => "1 of them matches the filters".to_owned(),
            number => format!("{number} of them match the filters"),
        }));
        let growth = self.finding.growth;
        details.extend(growth.map(Growth::words));
        let left = growth.and_then(|growth| growth.exhausted_in);
        details.extend(left.map(|left| format!("runs out of descriptors in {}", duration(left))));
        details.extend(self.finding.others.words());
        details
    }

    /// How many of a group match the filters, where not all do.
    #[must_use]
    pub fn matching(&self) -> Option<usize> {
        self.finding.measurement.chosen.filter(|chosen| *chosen < self.count())
    }

    /// Whether the user who asks has all privileges.
    pub(super) const fn privileged(&self) -> bool {
        self.machine.snapshot.privileged
    }

    pub(super) const fn capabilities(&self) -> Capabilities {
        self.machine.snapshot.capabilities
    }
}
