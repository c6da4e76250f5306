//! A family: one metric, with a sample for each set of labels.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::LabelValue;
use crate::text::metrics::Metric;

/// The labels of a sample, in the order in which they are written.
pub type LabelSet = Vec<(&'static str, LabelValue)>;

/// What a metric is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// It may fall.
    Gauge,
    /// It only grows.
    Counter,
}

/// A metric with its samples. Equal sets of labels are one sample.
#[derive(Clone, PartialEq, Debug)]
pub struct Family {
    /// Its name and its explanation.
    pub metric: Metric,
    /// What it is.
    pub kind: Kind,
    samples: BTreeMap<LabelSet, f64>,
}

impl Family {
    /// A gauge without samples.
    #[must_use]
    pub const fn gauge(metric: Metric) -> Self {
        Self { metric, kind: Kind::Gauge, samples: BTreeMap::new() }
    }

    /// A counter without samples.
    #[must_use]
    pub const fn counter(metric: Metric) -> Self {
        Self { metric, kind: Kind::Counter, samples: BTreeMap::new() }
    }

    /// A gauge with one sample that has no labels.
    #[must_use]
    pub fn single(metric: Metric, value: f64) -> Self {
        let mut family = Self::gauge(metric);
        family.set(Vec::new(), value);
        family
    }

    /// Adds to the sample of these labels.
    pub fn add(&mut self, labels: LabelSet, value: f64) {
        *self.samples.entry(labels).or_default() += value;
    }

    /// Sets the sample of these labels.
    pub fn set(&mut self, labels: LabelSet, value: f64) {
        self.samples.insert(labels, value);
    }

    /// Sets the sample of these labels, unless it is larger already.
    pub fn raise(&mut self, labels: LabelSet, value: f64) {
        match self.samples.entry(labels) {
            Entry::Vacant(vacant) => _ = vacant.insert(value),
            Entry::Occupied(mut known) => *known.get_mut() = known.get().max(value),
        }
    }

    /// The samples, sorted by their labels.
    pub fn samples(&self) -> impl Iterator<Item = (&LabelSet, f64)> {
        self.samples.iter().map(|(labels, value)| (labels, *value))
    }
}

/// A count as the value of a sample.
#[expect(clippy::cast_precision_loss, reason = "Prometheus' values are floats")]
pub(super) const fn count(number: u64) -> f64 {
    number as f64
}
