//! How a measurement changed between two snapshots.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Culprit, Machine, Measurement, Others, Severity};
use crate::text::durations::duration;

/// How a measurement changed between two snapshots.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Growth {
    /// What is compared.
    pub of: &'static str,
    /// How many there were at the first snapshot.
    pub before: usize,
    /// How many there are now.
    pub now: usize,
    /// By how much the number of those grew that stay.
    pub counted: usize,
    /// How many descriptors the process had open then.
    pub descriptors_before: Option<u64>,
    /// When the descriptors are used up, if this continues.
    pub exhausted_in: Option<Duration>,
    /// The time between the snapshots.
    pub over: Duration,
}

/// What a check measured at the earlier of two moments.
pub(super) struct Earlier<'a> {
    machine: &'a Machine<'a>,
    /// By whose and of what they are. A machine may have thousands.
    measurements: BTreeMap<(Culprit, String), Measurement>,
    /// How long ago it was.
    over: Duration,
}

impl<'a> Earlier<'a> {
    pub(super) fn new(
        machine: &'a Machine<'a>,
        measured: Vec<Measurement>,
        over: Duration,
    ) -> Self {
        let mut measurements = BTreeMap::new();
        for one in measured {
            measurements.entry(key(&one)).or_insert(one);
        }
        Self { machine, measurements, over }
    }

    /// The measurement of the same thing.
    fn same(&self, now: &Measurement) -> Option<&Measurement> {
        self.measurements.get(&key(now))
    }
}

/// What two measurements of one check have in common that are of the same thing, at two moments.
fn key(measurement: &Measurement) -> (Culprit, String) {
    (measurement.culprit, measurement.evidence.subject())
}

impl Growth {
    /// The growth of `now` since the earlier moment.
    pub(super) fn of(now: &Measurement, earlier: &Earlier<'_>) -> Option<Self> {
        let of = now.evidence.growing()?;
        let Earlier { machine, over, .. } = *earlier;
        let same = earlier.same(now);
        let lasting = |one: &Measurement| one.evidence.lasting(one.count);
        let counted = lasting(now).saturating_sub(same.map_or(0, lasting));
        let descriptors_before = machine.descriptors_before(now.culprit, over);
        Some(Self {
            of,
            before: same.map_or(0, |one| one.evidence.total(one.count)),
            now: now.evidence.total(now.count),
            counted,
            descriptors_before,
            exhausted_in: exhausted_in(now, counted as u64, descriptors_before, over),
            over,
        })
    }

    /// `CLOSE_WAIT grew from 417 to 456 in 10s, by 3.9 per second`.
    #[expect(clippy::cast_precision_loss, reason = "a rate for a reader")]
    pub(super) fn words(self) -> String {
        let Self { of, before, now, .. } = self;
        let over = duration(self.over);
        match now.cmp(&before) {
            Ordering::Greater => {
                let rate = (now - before) as f64 / self.over.as_secs_f64();
                format!("{of} grew from {before} to {now} in {over}, by {rate:.1} per second")
            }
            Ordering::Equal => format!("{of} did not grow in {over}"),
            Ordering::Less => format!("{of} fell from {before} to {now} in {over}"),
        }
    }
}

/// When the descriptors are used up, if as many more leak as between the snapshots, and are not closed.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
fn exhausted_in(
    now: &Measurement,
    leaked: u64,
    before: Option<u64>,
    over: Duration,
) -> Option<Duration> {
    let (used, limit) = now.evidence.descriptors(now.count)?;
    let more = before.map_or(leaked, |before| used.saturating_sub(before).min(leaked));
    if more == 0 {
        return None;
    }
    let left = limit.saturating_sub(used) as f64;
    Duration::try_from_secs_f64(left * over.as_secs_f64() / more as f64).ok()
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
    /// Others of this kind that it stands for.
    pub others: Others,
}
