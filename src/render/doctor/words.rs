//! What was found, in sentences.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use super::Diagnosis;
use crate::model::{
    Cause, Culprit, Endpoint, Evidence, Finding, Growth, LeakPlace, Pid, TimeWaitLimit, Untrusted,
};
use crate::query::diagnosis::{Look, thresholds};
use crate::render::counted;
use crate::render::escape::Escaped;

/// Who is behind it: `oracle (PID 22725, user oracle, oracle.service)`.
pub(super) fn who(culprit: &Culprit, look: &Look<'_>) -> String {
    match culprit {
        Culprit::Processes(pids) => {
            let mut names = pids.iter().map(|pid| process(*pid, look));
            let first = names.next().unwrap_or_default();
            match names.len() {
                0 => first,
                _ => format!("{first}; shared with {}", names.collect::<Vec<_>>().join(", ")),
            }
        }
        Culprit::Hidden(Some(uid)) => {
            format!("a process of {}", Escaped(&look.snapshot.user_name(*uid)))
        }
        Culprit::Hidden(None) => "a hidden process".to_owned(),
        Culprit::Unknown => "no process that can be found".to_owned(),
        Culprit::Nobody => "no process here".to_owned(),
    }
}

fn process(pid: Pid, look: &Look<'_>) -> String {
    let Some(process) = look.snapshot.processes.get(&pid) else { return format!("PID {pid}") };
    let user = process.user.as_ref().map(|user| format!("user {}", Escaped(user)));
    let services = process.services.iter().map(|service| Escaped(&service.name).to_string());
    let facts: Vec<String> =
        std::iter::once(format!("PID {pid}")).chain(user).chain(services).collect();
    format!("{} ({})", Escaped(&process.name), facts.join(", "))
}

/// `leaky (PID 5)`.
fn short(culprit: &Culprit, look: &Look<'_>) -> String {
    let name = |pid: &Pid| Some(&look.snapshot.processes.get(pid)?.name);
    match culprit.pid().map(|pid| (pid, name(&pid))) {
        Some((pid, Some(name))) => format!("{} (PID {pid})", Escaped(name)),
        Some((pid, None)) => format!("PID {pid}"),
        None => who(culprit, look),
    }
}

/// What it does, in a sentence.
pub(super) fn what(finding: &Finding, look: &Look<'_>) -> String {
    let count = finding.suspicion.count;
    match &finding.suspicion.evidence {
        Evidence::CloseWaitLeak { place, causes, .. } => {
            format!("{count} CLOSE_WAIT {}: {}", at(*place), bug(cause(causes)))
        }
        Evidence::HalfClosedPair { place, waiting } => format!(
            "it has to call close() for {} {}, whose other end waits in FIN_WAIT_2: {}",
            counted(count, "connection"),
            at(*place),
            short(waiting, look)
        ),
        Evidence::TimeWaitPressure { limit: TimeWaitLimit::Buckets, of } => {
            format!("{count} TIME_WAIT, where {of} are kept at most (tcp_max_tw_buckets)")
        }
        Evidence::TimeWaitPressure {
            limit: TimeWaitLimit::EphemeralPorts { local, foreign, .. },
            of,
        } => format!(
            "{count} TIME_WAIT from {local} to {}, where {of} ephemeral ports are all there is",
            end(foreign)
        ),
        Evidence::SynSentFanOut { .. } => format!(
            "it waits for the first answer of {count} addresses: a scan, a worm, or a way out \
             that is blocked"
        ),
        Evidence::SynFlood { port, addresses } => format!(
            "{count} handshakes on port {port} do not come to an end, from {}: a flood, or \
             answers that do not reach the clients",
            addresses_counted(*addresses)
        ),
        Evidence::AcceptQueueFull { local, backlog } => format!(
            "{} for accept() on {}, and the backlog is {backlog}: further clients are ignored",
            waits(count),
            end(local)
        ),
        Evidence::UnacknowledgedClose { peers, .. } => format!(
            "{} closed here, and {} not acknowledge it: gone, or cut off",
            match count {
                1 => "1 connection is".to_owned(),
                _ => format!("{count} connections are"),
            },
            match peers.len() {
                1 => "the peer does".to_owned(),
                several => format!("{several} peers do"),
            }
        ),
        Evidence::DescriptorsNearlyUsed { limit, .. } => {
            format!("{count} of {limit} descriptors are open")
        }
    }
}

/// The commonest cause.
pub(super) fn cause(causes: &std::collections::BTreeMap<Cause, usize>) -> Option<Cause> {
    // Of equal ones the first: max_by_key would take the last.
    causes.iter().rev().max_by_key(|(_, count)| **count).map(|(cause, _)| *cause)
}

const fn bug(cause: Option<Cause>) -> &'static str {
    match cause {
        Some(Cause::NotClosed) => "everything was read, and close() was never called",
        Some(Cause::EndNotRead) => {
            "not even the end was read; a thread is stuck, or nobody looks at these sockets"
        }
        Some(Cause::DataUnread) => "it stopped reading, with data waiting",
        None => "the peers have closed, and it has not",
    }
}

/// `on port 1521`, `to 10.0.0.5:443`.
fn at(place: LeakPlace) -> String {
    match place {
        LeakPlace::Port(port) => format!("on port {port}"),
        LeakPlace::Foreign(foreign) => format!("to {}", end(&foreign)),
    }
}

/// `10.0.0.5:443`, `[::1]:443`.
pub(super) fn end(end: &Endpoint) -> String {
    std::net::SocketAddr::new(end.address, end.port).to_string()
}

fn addresses_counted(count: usize) -> String {
    if count == 1 { "1 address".to_owned() } else { format!("{count} addresses") }
}

fn waits(count: usize) -> String {
    if count == 1 { "1 connection waits".to_owned() } else { format!("{count} connections wait") }
}

/// What else was seen, a sentence each.
pub(super) fn evidence(finding: &Finding, diagnosis: &Diagnosis<'_>) -> Vec<String> {
    let mut lines = measured(&finding.suspicion.evidence, diagnosis);
    if let Some(growth) = finding.growth {
        lines.push(grown(finding.suspicion.count, growth));
    }
    if let Some(left) = exhausted_in(finding) {
        lines.push(format!("at this rate no descriptor is left in {}", duration(left)));
    }
    lines
}

fn measured(evidence: &Evidence, diagnosis: &Diagnosis<'_>) -> Vec<String> {
    let look = diagnosis.look;
    match evidence {
        Evidence::CloseWaitLeak {
            oldest_ms,
            old,
            causes,
            not_accepted,
            descriptors,
            descriptor_limit,
            ..
        } => {
            let age = oldest_ms.map(|age| {
                format!(
                    "the oldest has waited for {}, {old} for more than {} s",
                    duration(Duration::from_millis(age.into())),
                    thresholds::OLD_MS / 1000
                )
            });
            let not_accepted = (*not_accepted > 0).then(|| {
                format!("{not_accepted} of them were never accepted: they wait in its queue")
            });
            let used = descriptors.map(|used| match descriptor_limit {
                Some(limit) => format!("{used} of {limit} descriptors are open"),
                None => format!("{used} handles are open"),
            });
            age.into_iter().chain(queues(causes)).chain(not_accepted).chain(used).collect()
        }
        Evidence::HalfClosedPair { .. } => vec!["both ends are on this machine".to_owned()],
        Evidence::TimeWaitPressure { limit, .. } => time_wait(limit, look),
        Evidence::SynSentFanOut { sockets, ports } => {
            let mut most: Vec<(&u16, &usize)> = ports.iter().collect();
            most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let ports: Vec<String> =
                most.iter().take(3).map(|(port, _)| port.to_string()).collect();
            let noun = if most.len() == 1 { "port" } else { "ports" };
            let more = if most.len() > 3 { " and others" } else { "" };
            vec![format!("{sockets} SYN_SENT, to {noun} {}{more}", ports.join(", "))]
        }
        Evidence::SynFlood { .. } => listening(diagnosis, true),
        Evidence::AcceptQueueFull { .. } => listening(diagnosis, false),
        Evidence::UnacknowledgedClose { states, peers, most_retransmits } => {
            let states: Vec<String> =
                states.iter().map(|(state, count)| format!("{count} {state}")).collect();
            let mut most: Vec<(&IpAddr, &usize)> = peers.iter().collect();
            most.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
            let peers: Vec<String> =
                most.iter().take(3).map(|(peer, count)| format!("{peer} ({count})")).collect();
            let more = if most.len() > 3 { " and others" } else { "" };
            vec![
                format!("{}, sent again up to {most_retransmits} times", states.join(", ")),
                format!("to {}{more}", peers.join(", ")),
            ]
        }
        Evidence::DescriptorsNearlyUsed { sockets, .. } => {
            vec![format!("{} of them in the tables", counted(*sockets, "socket"))]
        }
    }
}

fn queues(causes: &std::collections::BTreeMap<Cause, usize>) -> Option<String> {
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
            let reusable = super::advice::reuses(settings, *local, foreign.address).then(|| {
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
        Evidence::CloseWaitLeak { descriptors, descriptor_limit, .. } => {
            let leaked = finding.suspicion.count.saturating_sub(growth.before);
            ((*descriptors)?, (*descriptor_limit)?, leaked as u64)
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

/// The image name, where it is known.
pub(super) fn image<'a>(culprit: &Culprit, look: &Look<'a>) -> Option<&'a Untrusted> {
    Some(&look.snapshot.processes.get(&culprit.pid()?)?.name)
}
