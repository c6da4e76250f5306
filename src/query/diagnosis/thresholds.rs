//! From when on a suspicion is a finding, and why from then on.

use crate::model::{Evidence, FindingKind, Leak, Severity, Suspicion};

/// A healthy server passes through CLOSE_WAIT in no time; a hundred at one moment it does not.
pub const CLOSE_WAITS: usize = 100;
/// A few that are old are a leak too, one that is only slow.
pub const OLD_CLOSE_WAITS: usize = 10;
/// How old is old: longer than any answer that a peer which has closed its side still waits for.
pub const OLD_MS: u32 = 60_000;
/// So many will not go away any more, and the usual limit of descriptors is 1,024.
pub const CRITICAL_CLOSE_WAITS: usize = 1_000;
/// With a leak, this part of the descriptors used means that the rest is used up soon.
pub const CRITICAL_DESCRIPTORS_PERCENT: u64 = 80;
/// TIME_WAIT may fill this part of what there is; above it a burst is enough to run out.
pub const TIME_WAIT_PERCENT: u64 = 80;
/// No client but a scanner waits for the first answer of so many addresses at once.
pub const SYN_SENT_ADDRESSES: usize = 100;
/// The backlog that many servers still ask for: with so many half-open ones it would be full.
pub const SYN_RECEIVED: usize = 128;
/// A peer or two may vanish at any time; ten at once are a network that does.
pub const UNACKNOWLEDGED: usize = 10;
/// A lost segment is repeated once or twice; three times without an answer is nobody there.
pub const RETRANSMITS: u8 = 3;
/// What is left above this goes with the next burst of connections.
pub const DESCRIPTORS_PERCENT: u64 = 90;

/// How bad a suspicion is; none where it is no finding.
#[must_use]
pub fn severity(suspicion: &Suspicion) -> Option<Severity> {
    let count = suspicion.count;
    let warn = |is_too_much: bool| is_too_much.then_some(Severity::Warning);
    match &suspicion.evidence {
        Evidence::CloseWaitLeak(leak) => of_leak(count, leak),
        Evidence::HalfClosedPair { .. } => (count > 0).then_some(Severity::Note),
        Evidence::TimeWaitPressure { of, .. } => {
            warn(reaches(count as u64, TIME_WAIT_PERCENT, *of))
        }
        Evidence::SynSentFanOut { .. } => warn(count >= SYN_SENT_ADDRESSES),
        Evidence::SynFlood { .. } => warn(count >= SYN_RECEIVED),
        Evidence::AcceptQueueFull { backlog, .. } => {
            (count > *backlog as usize).then_some(Severity::Critical)
        }
        Evidence::UnacknowledgedClose { .. } => warn(count >= UNACKNOWLEDGED),
        Evidence::DescriptorsNearlyUsed { limit, .. } => {
            warn(reaches(count as u64, DESCRIPTORS_PERCENT, *limit))
        }
    }
}

fn of_leak(count: usize, leak: &Leak) -> Option<Severity> {
    if count < CLOSE_WAITS && leak.old < OLD_CLOSE_WAITS {
        return None;
    }
    let near_end = leak
        .descriptors
        .zip(leak.descriptor_limit)
        .is_some_and(|(used, limit)| reaches(used, CRITICAL_DESCRIPTORS_PERCENT, limit));
    let is_critical = count >= CRITICAL_CLOSE_WAITS || near_end;
    Some(if is_critical { Severity::Critical } else { Severity::Warning })
}

/// Whether `count` is at least so many percent of `of`, which is something.
const fn reaches(count: u64, percent: u64, of: u64) -> bool {
    of > 0 && count.saturating_mul(100) >= of.saturating_mul(percent)
}

/// The threshold of a kind and the reason for it, in words.
#[must_use]
pub fn words(kind: FindingKind) -> (String, &'static str) {
    match kind {
        FindingKind::CloseWaitLeak => (
            format!(
                "{CLOSE_WAITS} at any age, or {OLD_CLOSE_WAITS} older than {} s; critical from \
                 {CRITICAL_CLOSE_WAITS}, or with {CRITICAL_DESCRIPTORS_PERCENT} % of the \
                 descriptors used",
                OLD_MS / 1000
            ),
            "a healthy process passes through CLOSE_WAIT in no time; a few old ones are a leak too, \
             only a slow one",
        ),
        FindingKind::HalfClosedPair => {
            ("any; a note".to_owned(), "it tells which of two programs here has to close")
        }
        FindingKind::TimeWaitPressure => (
            format!(
                "{TIME_WAIT_PERCENT} % of the ephemeral ports to one destination, or of \
                 tcp_max_tw_buckets"
            ),
            "in any smaller number TIME_WAIT is normal; above, a burst is enough to run out",
        ),
        FindingKind::SynSentFanOut => (
            format!("{SYN_SENT_ADDRESSES} foreign addresses"),
            "no client waits for the first answer of so many at once",
        ),
        FindingKind::SynFlood => (
            format!("{SYN_RECEIVED} SYN_RECEIVED on a port"),
            "so many fill the backlog that many servers ask for",
        ),
        FindingKind::AcceptQueueFull => (
            "more connections than the backlog; critical".to_owned(),
            "from then on the kernel turns clients away",
        ),
        FindingKind::UnacknowledgedClose => (
            format!("{UNACKNOWLEDGED} with {RETRANSMITS} retransmissions or more"),
            "a lost segment is repeated once or twice; a single peer may vanish at any time",
        ),
        FindingKind::DescriptorsNearlyUsed => (
            format!("{DESCRIPTORS_PERCENT} % of the limit"),
            "the rest goes with the next burst of connections",
        ),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::model::{Culprit, LeakPlace, TimeWaitLimit};

    fn judged(count: usize, evidence: Evidence) -> Option<Severity> {
        severity(&Suspicion { culprit: Culprit::Nobody, count, evidence })
    }

    fn leak(old: usize, descriptors: Option<u64>) -> Evidence {
        Evidence::CloseWaitLeak(Leak {
            place: LeakPlace::Port(80),
            oldest_ms: None,
            old,
            causes: BTreeMap::new(),
            not_accepted: 0,
            descriptors,
            descriptor_limit: descriptors.map(|_| 1000),
        })
    }

    #[test]
    fn a_leak_is_many_or_a_few_old_ones() {
        let (warning, critical) = (Some(Severity::Warning), Some(Severity::Critical));
        let cases = [
            (99, 9, None, None),
            (100, 0, None, warning),
            (10, 10, None, warning),
            (999, 0, Some(799), warning),
            (1000, 0, None, critical),
            (10, 10, Some(800), critical),
            (9, 9, Some(1000), None),
        ];
        for (count, old, descriptors, expected) in cases {
            let case = format!("{count} {old} {descriptors:?}");
            assert_eq!(judged(count, leak(old, descriptors)), expected, "{case}");
        }
    }

    #[test]
    fn the_others_begin_where_they_should() {
        let syn_sent = || Evidence::SynSentFanOut { sockets: 500, ports: BTreeMap::new() };
        let syn_flood = || Evidence::SynFlood { port: 80, addresses: 1 };
        let queue = || Evidence::AcceptQueueFull {
            local: crate::model::Endpoint::wildcard(crate::model::Family::V4, 80),
            backlog: 5,
        };
        let unacknowledged = || Evidence::UnacknowledgedClose {
            states: BTreeMap::new(),
            peers: BTreeMap::new(),
            most_retransmits: 3,
        };
        let descriptors = || Evidence::DescriptorsNearlyUsed { limit: 1024, sockets: 0 };
        let time_wait =
            || Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of: 131_072 };
        let warning = Severity::Warning;
        for (below, evidence, severity) in [
            (99, &syn_sent as &dyn Fn() -> Evidence, warning),
            (127, &syn_flood, warning),
            (5, &queue, Severity::Critical),
            (9, &unacknowledged, warning),
            (921, &descriptors, warning),
            (104_857, &time_wait, warning),
            (
                0,
                &|| Evidence::HalfClosedPair {
                    place: LeakPlace::Port(80),
                    waiting: Culprit::Nobody,
                },
                Severity::Note,
            ),
        ] {
            assert_eq!(judged(below, evidence()), None, "{:?}", evidence());
            assert_eq!(judged(below + 1, evidence()), Some(severity), "{:?}", evidence());
        }
        let nothing = Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of: 0 };
        assert_eq!(judged(0, nothing), None);
    }
}
