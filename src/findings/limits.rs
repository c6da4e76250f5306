//! What the checks of the machine's limits share.

use crate::model::{Need, Reading, Usage};

/// What it takes to read what was not read.
pub(super) const fn need<T>(reading: &Reading<T>) -> Option<Need> {
    match reading {
        Reading::Read(_) | Reading::Absent => None,
        Reading::FirstNamespace => Some(Need::FirstNamespace),
        Reading::Refused => Some(Need::Rights),
        Reading::Unreported => Some(Need::System),
    }
}

/// What was read.
pub(super) const fn read<T>(reading: &Reading<T>) -> Option<&T> {
    match reading {
        Reading::Read(value) => Some(value),
        _ => None,
    }
}

impl Usage {
    /// The number that a threshold counts.
    pub(super) fn count(self) -> usize {
        usize::try_from(self.used).unwrap_or(usize::MAX)
    }
}
