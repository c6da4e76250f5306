//! The processes that share a finding, where it is about a peer and not about one of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::{Culprit, Machine};
use crate::model::OwnedSocket;
use crate::text::counted;

/// How many of a finding's sockets each process has.
#[derive(Debug, Default)]
pub(super) struct Culprits(BTreeMap<Culprit, usize>);

impl Culprits {
    pub(super) fn of(rows: &[&OwnedSocket], machine: &Machine<'_>) -> Self {
        let mut counts = BTreeMap::new();
        for row in rows {
            *counts.entry(machine.culprit(row)).or_default() += 1;
        }
        Self(counts)
    }

    /// The one with most of them; of several the first.
    pub(super) fn leading(&self) -> Culprit {
        let leading = self.0.iter().min_by_key(|(_, count)| Reverse(**count));
        leading.map_or(Culprit::Nobody, |(culprit, _)| *culprit)
    }

    /// `in 3 processes, most in nginx (PID 812): 40`; nothing where there is only one.
    pub(super) fn words(&self, machine: &Machine<'_>) -> Option<String> {
        let count = self.0.get(&self.leading())?;
        let processes = counted(self.0.len(), "process");
        let most = self.leading().name(machine);
        (self.0.len() > 1).then(|| format!("in {processes}, most of them in {most}: {count}"))
    }

    /// How many processes there are.
    pub(super) fn count(&self) -> usize {
        self.0.len()
    }
}
