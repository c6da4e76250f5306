//! What all findings have in common: a measurement, its threshold, and how it is told.

use std::cmp::Ordering;
use std::fmt::Debug;
use std::time::Duration;

use serde_json::Value;

use super::{Culprit, Machine};
use crate::model::{Capabilities, TcpCounters};
use crate::text::advice::Remedy;
use crate::text::durations::duration;

/// How severe a finding is, the worst first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Severity {
    /// It fails now, or soon.
    Critical,
    /// It will fail if it continues.
    Warning,
    /// Worth knowing.
    Note,
}

impl Severity {
    /// The word for it, in JSON and elsewhere.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Note => "note",
        }
    }
}

/// A check: what it looks for, from when on that is a finding, and how it is measured.
#[derive(Clone, Copy, Debug)]
pub struct Check {
    /// The fixed name of the finding, in JSON and elsewhere.
    pub kind: &'static str,
    /// The threshold.
    pub threshold: fn() -> String,
    /// Why it is there.
    pub reason: &'static str,
    /// Measures it, small counts too, so that two snapshots can be compared.
    pub measure: fn(&Machine<'_>) -> Vec<Measurement>,
}

impl Check {
    /// The measurements that reach the threshold.
    pub(super) fn findings(
        self,
        machine: &Machine<'_>,
        earlier: Option<(&Machine<'_>, Duration)>,
    ) -> Vec<Finding> {
        let before = earlier.map(|(machine, over)| (machine, (self.measure)(machine), over));
        let finding = |measurement: Measurement| {
            let severity = measurement.evidence.severity(measurement.count)?;
            let growth = before.as_ref().map(|(machine, measurements, over)| {
                Growth::of(&measurement, measurements, machine, *over)
            });
            Some(Finding { kind: self.kind, severity, measurement, growth })
        };
        (self.measure)(machine).into_iter().filter_map(finding).collect()
    }
}

/// Something measured, whether it reaches the threshold or not.
#[derive(Debug)]
pub struct Measurement {
    /// Who is responsible.
    pub culprit: Culprit,
    /// What the threshold counts.
    pub count: usize,
    /// What else was measured.
    pub evidence: Box<dyn Evidence>,
}

impl Measurement {
    pub(super) fn new(culprit: Culprit, count: usize, evidence: impl Evidence + 'static) -> Self {
        Self { culprit, count, evidence: Box::new(evidence) }
    }

    /// Whether two measurements of one check are of the same thing, at two moments.
    fn is_of_same(&self, other: &Self) -> bool {
        self.culprit == other.culprit && self.evidence.subject() == other.evidence.subject()
    }
}

/// What a finding rests on, and how it is told.
pub trait Evidence: Debug {
    /// What tells this measurement from others of the same culprit: a port, a destination.
    fn subject(&self) -> String {
        String::new()
    }

    /// How severe it is; none below the threshold.
    fn severity(&self, count: usize) -> Option<Severity>;

    /// The finding in a sentence.
    fn what(&self, case: &Case<'_>) -> String;

    /// The evidence, a sentence each.
    fn details(&self, case: &Case<'_>) -> Vec<String>;

    /// The next command to run.
    fn now(&self, case: &Case<'_>) -> Remedy;

    /// What to change for good.
    fn fix(&self, case: &Case<'_>) -> String;

    /// The evidence as a JSON object. The names of the fields are fixed.
    fn json(&self, case: &Case<'_>) -> Value;

    /// How many descriptors are open and may be, where the finding is about them.
    fn descriptors(&self, _count: usize) -> Option<(u64, u64)> {
        None
    }
}

/// How a measurement changed between two snapshots.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// The count at the first snapshot.
    pub before: usize,
    /// How many descriptors the process had open then.
    pub descriptors_before: Option<u64>,
    /// The time between the snapshots.
    pub over: Duration,
}

impl Growth {
    fn of(
        now: &Measurement,
        before: &[Measurement],
        machine: &Machine<'_>,
        over: Duration,
    ) -> Self {
        let descriptors = machine.descriptors(&now.culprit);
        Self {
            before: before.iter().find(|one| one.is_of_same(now)).map_or(0, |one| one.count),
            descriptors_before: descriptors.and_then(|own| own.descriptors),
            over,
        }
    }

    /// `grew from 417 to 456 in 10s, by 3.9 per second`.
    #[expect(clippy::cast_precision_loss, reason = "a rate for a reader")]
    fn words(self, now: usize) -> String {
        let (over, before) = (duration(self.over), self.before);
        match now.cmp(&before) {
            Ordering::Greater => {
                let rate = (now - before) as f64 / self.over.as_secs_f64();
                format!("grew from {before} to {now} in {over}, by {rate:.1} per second")
            }
            Ordering::Equal => format!("did not grow in {over}"),
            Ordering::Less => format!("fell from {before} to {now} in {over}"),
        }
    }
}

/// A measurement that reaches its threshold.
#[derive(Debug)]
pub struct Finding {
    /// Its fixed name.
    pub kind: &'static str,
    /// How severe it is.
    pub severity: Severity,
    /// What was measured.
    pub measurement: Measurement,
    /// How it changes, with two snapshots.
    pub growth: Option<Growth>,
}

impl Finding {
    /// When the descriptors are used up, if the growth between the snapshots continues.
    #[must_use]
    #[expect(clippy::cast_precision_loss, reason = "an estimate")]
    pub fn exhausted_in(&self) -> Option<Duration> {
        let growth = self.growth?;
        let count = self.measurement.count;
        let (used, limit) = self.measurement.evidence.descriptors(count)?;
        let leaked = count.saturating_sub(growth.before) as u64;
        let more = growth.descriptors_before.map_or(leaked, |before| used.saturating_sub(before));
        if more == 0 {
            return None;
        }
        let left = limit.saturating_sub(used) as f64;
        Duration::try_from_secs_f64(left * growth.over.as_secs_f64() / more as f64).ok()
    }
}

/// A finding with everything that its text is made of.
#[derive(Clone, Copy, Debug)]
pub struct Case<'a> {
    /// The finding.
    pub finding: &'a Finding,
    /// The machine it was found on.
    pub machine: &'a Machine<'a>,
    /// What TCP had counted at an earlier snapshot, and how long before.
    pub earlier: Option<(&'a TcpCounters, Duration)>,
}

impl<'a> Case<'a> {
    /// What the threshold counts.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.finding.measurement.count
    }

    /// Who is responsible.
    #[must_use]
    pub const fn culprit(&self) -> &'a Culprit {
        &self.finding.measurement.culprit
    }

    /// The next command to run. Of a hidden culprit too little is known for any other.
    #[must_use]
    pub fn now(&self) -> Remedy {
        match self.culprit() {
            Culprit::Hidden(_) => Remedy::privileged(self.portwho(&["doctor"])),
            _ => self.finding.measurement.evidence.now(self),
        }
    }

    /// What it rests on, a sentence each.
    #[must_use]
    pub fn details(&self) -> Vec<String> {
        let mut details = self.finding.measurement.evidence.details(self);
        details.extend(self.finding.growth.map(|growth| growth.words(self.count())));
        let left = self.finding.exhausted_in();
        details.extend(left.map(|left| format!("runs out of descriptors in {}", duration(left))));
        details
    }

    /// Whether the user who asks has all rights.
    pub(super) const fn privileged(&self) -> bool {
        self.machine.snapshot.privileged
    }

    pub(super) const fn capabilities(&self) -> Capabilities {
        self.machine.snapshot.capabilities
    }
}

/// A warning, where the threshold is reached.
pub(super) fn warning(is_reached: bool) -> Option<Severity> {
    is_reached.then_some(Severity::Warning)
}

/// Whether `count` is at least so many percent of `of`, which is something.
pub(super) const fn reaches(count: u64, percent: u64, of: u64) -> bool {
    of > 0 && count.saturating_mul(100) >= of.saturating_mul(percent)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_worst_comes_first() {
        assert!(Severity::Critical < Severity::Warning && Severity::Warning < Severity::Note);
    }
}
