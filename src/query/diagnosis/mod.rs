//! What is wrong with a machine: what `portwho doctor` looks for, one kind of finding a file.
//!
//! Each file measures its suspicions, small ones too, so that two looks can be compared;
//! [`thresholds`] alone decides which of them are findings.

mod accept_queue;
mod close_wait;
mod descriptors;
mod half_closed;
mod look;
mod syn_flood;
mod syn_sent;
pub mod thresholds;
mod time_wait;
mod unacknowledged;

use std::time::Duration;

pub use look::Look;

use crate::model::{Culprit, Evidence, Finding, Growth, Suspicion};

/// What is found in `look`, the worst first. With an earlier look, `over` ago, also how it grows.
#[must_use]
pub fn diagnose(look: &Look<'_>, earlier: Option<(&Look<'_>, Duration)>) -> Vec<Finding> {
    let before = earlier.map(|(look, over)| (look, suspicions(look), over));
    let mut findings: Vec<Finding> = Vec::new();
    for suspicion in suspicions(look) {
        let Some(severity) = thresholds::severity(&suspicion) else { continue };
        let growth = before.as_ref().map(|(look, earlier, over)| Growth {
            before: earlier.iter().find(|one| one.is_same(&suspicion)).map_or(0, |one| one.count),
            descriptors_before: look
                .descriptors(&suspicion.culprit)
                .and_then(|own| own.descriptors),
            over: *over,
        });
        findings.push(Finding { severity, suspicion, growth });
    }
    let rank = |finding: &Finding| {
        let kind = finding.suspicion.evidence.kind();
        (finding.severity, kind, std::cmp::Reverse(finding.suspicion.count))
    };
    findings.sort_by_key(rank);
    findings
}

/// Everything that was measured.
fn suspicions(look: &Look<'_>) -> Vec<Suspicion> {
    let all: [fn(&Look<'_>) -> Vec<Suspicion>; 8] = [
        close_wait::suspicions,
        half_closed::suspicions,
        time_wait::suspicions,
        syn_sent::suspicions,
        syn_flood::suspicions,
        accept_queue::suspicions,
        unacknowledged::suspicions,
        descriptors::suspicions,
    ];
    all.iter().flat_map(|measure| measure(look)).collect()
}

const fn suspicion(culprit: Culprit, count: usize, evidence: Evidence) -> Suspicion {
    Suspicion { culprit, count, evidence }
}
