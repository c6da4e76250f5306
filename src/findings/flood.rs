//! Many findings of one kind: a user without rights can make thousands, which must not bury those of
//! others.

use rustc_hash::FxHashMap;

use super::{Culprit, Finding, Machine};
use crate::model::Uid;

/// So many of one kind are reported of one process, and of one user; those that follow are one finding.
const REPORTED: usize = 5;

/// The findings that another one stands for.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Others {
    /// How many there are.
    pub findings: usize,
    /// The sum of what their thresholds count.
    pub count: usize,
}

impl Others {
    /// `4994 more of this kind are of the same user; their counts add up to 9988`.
    pub(super) fn words(self) -> Option<String> {
        let Self { findings, count } = self;
        let are = match findings {
            0 => return None,
            1 => "1 more of this kind is".to_owned(),
            findings => format!("{findings} more of this kind are"),
        };
        Some(format!("{are} of the same user; their counts add up to {count}"))
    }

    const fn add(&mut self, finding: &Finding) {
        self.findings += 1 + finding.others.findings;
        self.count += finding.measurement.count + finding.others.count;
    }
}

/// Whose a finding is: a user's, where that is known.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Whose {
    User(Uid),
    Of(Culprit),
}

fn whose(finding: &Finding, machine: &Machine<'_>) -> Whose {
    let culprit = finding.measurement.culprit;
    let uid = match culprit {
        Culprit::Hidden(uid) => uid,
        _ => culprit.process(machine).and_then(|process| process.uid),
    };
    uid.map_or(Whose::Of(culprit), Whose::User)
}

/// The findings in the order in which they are reported: the most severe first; of equally severe ones,
/// those of users with few before those of users with many, in the order of the checks. What one process
/// or one user has too many of is one finding.
pub(super) fn ordered(mut findings: Vec<(usize, Finding)>, machine: &Machine<'_>) -> Vec<Finding> {
    let mut numbers: FxHashMap<Whose, usize> = FxHashMap::default();
    for (_, finding) in &findings {
        *numbers.entry(whose(finding, machine)).or_default() += 1;
    }
    findings.sort_by_cached_key(|(order, finding)| {
        let number = numbers.get(&whose(finding, machine)).copied().unwrap_or_default();
        let count = std::cmp::Reverse(finding.measurement.count);
        (finding.severity, number.saturating_sub(REPORTED), *order, count)
    });
    let findings = findings.into_iter().map(|(_, finding)| finding).collect();
    let of_processes = merged(findings, |finding| Whose::Of(finding.measurement.culprit));
    merged(of_processes, |finding| whose(finding, machine))
}

/// The first [`REPORTED`] of each kind and of each `whose`, and one more that stands for the others.
fn merged(findings: Vec<Finding>, whose: impl Fn(&Finding) -> Whose) -> Vec<Finding> {
    let mut reported: Vec<Finding> = Vec::new();
    // How many there are already, and where the last of them is.
    let mut seen: FxHashMap<(&'static str, Whose), (usize, usize)> = FxHashMap::default();
    for finding in findings {
        let (number, last) = seen.entry((finding.kind, whose(&finding))).or_default();
        let full = reported.get_mut(*last).filter(|_| *number > REPORTED);
        if let Some(representative) = full {
            representative.others.add(&finding);
        } else {
            (*number, *last) = (*number + 1, reported.len());
            reported.push(finding);
        }
    }
    reported
}
