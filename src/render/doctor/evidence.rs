//! What a finding rests on, in sentences.

use std::cmp::{Ordering, Reverse};
use std::collections::BTreeMap;
use std::time::Duration;

use super::{Diagnosis, advice};
use crate::model::{Cause, Evidence, Finding, Growth, Leak, TimeWaitLimit};
use crate::query::diagnosis::{Look, thresholds};
use crate::render::counted;

/// What else was seen, a sentence each.
pub(super) fn lines(finding: &Finding, diagnosis: &Diagnosis<'_>) -> Vec<String> {
    let mut lines = measured(&finding.suspicion.evidence, diagnosis);
    if let Some(growth) = finding.growth {
        lines.push(grown(finding.suspicion.count, growth));
    }
    if let Some(left) = exhausted_in(finding) {
        lines.push(format!("at this rate no descriptor is left in {}", duration(left)));
    }
    lines
}

/// The three that there are most of: `22 (120), 445 (1)`.
fn most(counts: &BTreeMap<impl ToString, usize>) -> String {
    const NAMED: usize = 3;
    let mut sorted: Vec<_> = counts.iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(**count));
    let named =
        sorted.iter().take(NAMED).map(|(name, count)| format!("{} ({count})", name.to_string()));
    let mut named: Vec<String> = named.collect();
    if sorted.len() > NAMED {
        named.push("and others".to_owned());
    }
    named.join(", ")
}

fn measured(evidence: &Evidence, diagnosis: &Diagnosis<'_>) -> Vec<String> {
    let look = diagnosis.look;
    match evidence {
        Evidence::CloseWaitLeak(found) => leak(found),
        Evidence::HalfClosedPair { .. } => vec!["both ends are on this machine".to_owned()],
        Evidence::TimeWaitPressure { limit, .. } => time_wait(limit, look),
        Evidence::SynSentFanOut { sockets, ports } => {
            let noun = if ports.len() == 1 { "port" } else { "ports" };
            vec![format!("{sockets} SYN_SENT, to {noun} {}", most(ports))]
        }
        Evidence::SynFlood { .. } => listening(diagnosis, true),
        Evidence::AcceptQueueFull { .. } => listening(diagnosis, false),
        Evidence::UnacknowledgedClose { states, peers, most_retransmits } => {
            let states: Vec<String> =
                states.iter().map(|(state, count)| format!("{count} {state}")).collect();
            let again = format!("{}, sent again up to {most_retransmits} times", states.join(", "));
            vec![again, format!("to {}", most(peers))]
        }
        Evidence::DescriptorsNearlyUsed { sockets, .. } => {
            vec![format!("{} of them in the tables", counted(*sockets, "socket"))]
        }
    }
}

/// The age, the queues and the descriptors of a leak, as far as they are told.
fn leak(leak: &Leak) -> Vec<String> {
    let age = leak.oldest_ms.map(|age| {
        format!(
            "the oldest has waited for {}, {} for more than {} s",
            duration(Duration::from_millis(age.into())),
            leak.old,
            thresholds::OLD_MS / 1000
        )
    });
    let not_accepted = (leak.not_accepted > 0).then(|| {
        format!("{} of them were never accepted: they wait in its queue", leak.not_accepted)
    });
    let used = leak.descriptors.map(|used| match leak.descriptor_limit {
        Some(limit) => format!("{used} of {limit} descriptors are open"),
        None => format!("{used} handles are open"),
    });
    age.into_iter().chain(queues(&leak.causes)).chain(not_accepted).chain(used).collect()
}

fn queues(causes: &BTreeMap<Cause, usize>) -> Option<String> {
    let words = causes.iter().map(|(cause, count)| {
        let queue = match cause {
            Cause::NotClosed => "0",
            Cause::EndNotRead => "1",
            Cause::DataUnread => "more than 1",
        };
        format!("{queue} in {count}")
    });
    let words: Vec<String> = words.collect();
    (!words.is_empty()).then(|| format!("receive queue: {}", words.join(", ")))
}

/// The settings as they are, and whether the ports can be used again before their time.
fn time_wait(limit: &TimeWaitLimit, look: &Look<'_>) -> Vec<String> {
    let settings = look.settings;
    let reuse = settings
        .time_wait_reuse
        .zip(settings.timestamps)
        .map(|(reuse, timestamps)| format!("tcp_tw_reuse is {reuse}, tcp_timestamps {timestamps}"));
    match limit {
        TimeWaitLimit::Buckets => {
            let overflows = settings.counters.time_wait_overflows;
            overflows
                .map(|count| format!("TCPTimeWaitOverflow since boot: {count}"))
                .into_iter()
                .collect()
        }
        TimeWaitLimit::EphemeralPorts { local, foreign, range, in_use } => {
            let (start, end) = (range.start(), range.end());
            let ports =
                format!("{in_use} ports of {start} to {end} are in use there, in any state");
            let reusable = advice::reuses(settings, *local, foreign.address).then(|| {
                "so connect() may take those over that are older than a second".to_owned()
            });
            let reuse = reuse.map(|reuse| match reusable {
                Some(reusable) => format!("{reuse}: {reusable}"),
                None => reuse,
            });
            std::iter::once(ports).chain(reuse).collect()
        }
    }
}

/// The counters of listeners, which count for all of them together.
fn listening(diagnosis: &Diagnosis<'_>, cookies: bool) -> Vec<String> {
    let settings = diagnosis.look.settings;
    let counters = &settings.counters;
    let since = |name: &str, now: Option<u64>, before: Option<u64>| {
        let now = now?;
        let over = diagnosis.earlier.map(|(_, over)| over).zip(before);
        let grown = over.map(|(over, before)| {
            format!(", {} of them in {}", now.saturating_sub(before), duration(over))
        });
        Some(format!("{name} of all ports since boot: {now}{}", grown.unwrap_or_default()))
    };
    let before = diagnosis.earlier.map(|(counters, _)| counters);
    let overflows = since(
        "ListenOverflows",
        counters.listen_overflows,
        before.and_then(|before| before.listen_overflows),
    );
    let drops =
        since("ListenDrops", counters.listen_drops, before.and_then(|before| before.listen_drops));
    let setting = if cookies {
        let sent = counters.syncookies_sent.map(|sent| format!(", SyncookiesSent {sent}"));
        let sent = sent.unwrap_or_default();
        settings.syncookies.map(|value| format!("tcp_syncookies is {value}{sent}"))
    } else {
        settings.max_backlog.map(|value| format!("somaxconn is {value}"))
    };
    setting.into_iter().chain(overflows).chain(drops).collect()
}

#[expect(clippy::cast_precision_loss, reason = "a rate for a person")]
fn grown(count: usize, growth: Growth) -> String {
    let over = duration(growth.over);
    let Growth { before, .. } = growth;
    match count.cmp(&before) {
        Ordering::Greater => {
            let rate = (count - before) as f64 / growth.over.as_secs_f64();
            format!("grew from {before} to {count} in {over}, by {rate:.1} a second")
        }
        Ordering::Equal => format!("did not grow in {over}"),
        Ordering::Less => format!("went down from {before} to {count} in {over}"),
    }
}

/// When the descriptors are used up, if the last look's growth goes on.
#[expect(clippy::cast_precision_loss, reason = "an estimate")]
pub(super) fn exhausted_in(finding: &Finding) -> Option<Duration> {
    let growth = finding.growth?;
    let (used, limit, leaked) = match &finding.suspicion.evidence {
        Evidence::CloseWaitLeak(leak) => {
            let leaked = finding.suspicion.count.saturating_sub(growth.before);
            (leak.descriptors?, leak.descriptor_limit?, leaked as u64)
        }
        Evidence::DescriptorsNearlyUsed { limit, .. } => {
            (finding.suspicion.count as u64, *limit, 0)
        }
        _ => return None,
    };
    let more = growth.descriptors_before.map_or(leaked, |before| used.saturating_sub(before));
    if more == 0 {
        return None;
    }
    let left = limit.saturating_sub(used) as f64;
    Duration::try_from_secs_f64(left * growth.over.as_secs_f64() / more as f64).ok()
}

/// `0.3 s`, `12 s`, `1h 25m 3s`.
pub(super) fn duration(duration: Duration) -> String {
    match duration.as_secs() {
        0 => format!("{:.1} s", duration.as_secs_f64()),
        seconds @ 1..60 => format!("{seconds} s"),
        seconds => humantime::format_duration(Duration::from_secs(seconds)).to_string(),
    }
}
