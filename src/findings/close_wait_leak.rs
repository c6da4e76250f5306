//! A process that does not close what its peers have closed.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};

use super::check::{nothing, reaches};
use super::close_wait_place::{CommonEnd, CommonEnds};
use super::facts::counts;
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{Api, KernelReason, OwnedSocket, Owner, TcpState};
use crate::text::advice::{Remedy, run_if_any};
use crate::text::api::{close_call, descriptors, read_call};
use crate::text::durations::duration;

/// A server without a leak passes through CLOSE_WAIT in milliseconds; a hundred that last it does not
/// have.
const MANY: usize = 100;
/// When a load test closes hundreds at once, a server takes its time to drain them: a younger one
/// counts only if it is still there at a second snapshot.
const YOUNG_MS: u32 = 2_000;
/// A few that are old are a leak too, a slow one.
const SOME_OLD: usize = 10;
/// Longer than any answer that a peer which has closed its side still waits for.
const OLD_MS: u32 = 60_000;
/// The usual limit of descriptors is 1,024.
const CRITICAL: usize = 1_000;
/// With a leak, the remaining descriptors are used up soon.
const CRITICAL_DESCRIPTORS_PERCENT: u64 = 80;

pub(super) const CHECK: Check = Check {
    kind: "close-wait-leak",
    threshold: || {
        format!(
            "{MANY} that are {} old or survive a second snapshot, or {SOME_OLD} older than {}; \
             critical from {CRITICAL}, or with {CRITICAL_DESCRIPTORS_PERCENT}% of the descriptors \
             open",
            duration(Duration::from_millis(YOUNG_MS.into())),
            duration(Duration::from_millis(OLD_MS.into()))
        )
    },
    reason: "a process without a leak passes through CLOSE_WAIT in milliseconds; a few old ones \
             are a slow leak",
    subject: Subject::Sockets,
    needs: nothing,
    measure,
    wants_second: has_too_many_young,
};

/// Why a CLOSE_WAIT is not closed, as far as its receive queue tells.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
enum Cause {
    /// Everything was read, the end of the stream too, and close() was never called.
    NotClosed,
    /// The end of the stream has not been read: a stuck thread, or a forgotten socket.
    EndNotRead,
    /// Data is waiting to be read.
    DataUnread,
}

impl Cause {
    /// The cause behind a receive queue of so many bytes: in CLOSE_WAIT the kernel counts the FIN
    /// as one until it is read (`tcp_inq()` in include/net/tcp.h).
    const fn of_queue(bytes: u32) -> Self {
        match bytes {
            0 => Self::NotClosed,
            1 => Self::EndNotRead,
            _ => Self::DataUnread,
        }
    }

    /// The fixed word for it in JSON.
    const fn word(self) -> &'static str {
        match self {
            Self::NotClosed => "not-closed",
            Self::EndNotRead => "end-not-read",
            Self::DataUnread => "data-unread",
        }
    }
}

/// Connections that their peers have closed and their process has not.
#[derive(Debug)]
struct Leak {
    common_end: CommonEnd,
    /// How many more there are that may pass.
    young: usize,
    /// The age of the oldest, in milliseconds.
    oldest_ms: Option<u32>,
    /// How many are older than [`OLD_MS`].
    old: usize,
    /// How many there are of each cause; empty where receive queues are not told.
    causes: BTreeMap<Cause, usize>,
    /// How many nobody has accepted.
    not_accepted: usize,
    descriptors: Option<u64>,
    descriptor_limit: Option<u64>,
}

/// The CLOSE_WAIT of each culprit: a server's by their local port, a client's by destination.
fn measure(looks: &Looks<'_>) -> Vec<Measurement> {
    let groups = groups(looks.machine).into_iter();
    let measured = groups.map(|((culprit, end), rows)| {
        let lasting: Vec<&OwnedSocket> =
            rows.iter().copied().filter(|row| is_lasting(row, looks)).collect();
        let young = rows.len().saturating_sub(lasting.len());
        let leak = Leak { young, ..Leak::of(end, &lasting, &culprit, looks.machine) };
        Measurement::new(culprit, lasting.len(), leak)
    });
    measured.collect()
}

/// Whether it does not just pass through the state.
fn is_lasting(row: &OwnedSocket, looks: &Looks<'_>) -> bool {
    age_ms(row).is_some_and(|age| age >= YOUNG_MS) || looks.lasts(row)
}

/// The time since the peer's last segment, normally its FIN.
fn age_ms(row: &OwnedSocket) -> Option<u32> {
    row.socket.tcp_info.map(|info| info.last_ack_received_ms)
}

/// Whether a leak is found, or a worse one, if the young ones last.
fn has_too_many_young(machine: &Machine<'_>) -> bool {
    let measured = measure(&Looks::new(machine, None));
    measured.iter().any(|one| {
        let all = one.evidence.total(one.count);
        one.evidence.severity(all, None) != one.evidence.severity(one.count, None)
    })
}

/// The CLOSE_WAIT by culprit and by what they have in common.
fn groups<'a>(machine: &Machine<'a>) -> BTreeMap<(Culprit, CommonEnd), Vec<&'a OwnedSocket>> {
    let common_ends = CommonEnds::of(machine);
    let mut groups: BTreeMap<(Culprit, CommonEnd), Vec<&OwnedSocket>> = BTreeMap::new();
    for row in machine.rows(&[TcpState::CloseWait]) {
        if !waits_in_a_full_queue(row, machine) {
            let culprit = machine.culprit(row);
            let end = common_ends.end(row, &culprit, machine);
            groups.entry((culprit, end)).or_default().push(row);
        }
    }
    groups
}

/// Whether a client gave up before it was accepted: then the full queue is the finding.
pub(super) fn waits_in_a_full_queue(row: &OwnedSocket, machine: &Machine<'_>) -> bool {
    let is_full = |listener: &OwnedSocket| {
        let queues = listener.socket.queues;
        queues.receive.zip(queues.send).is_some_and(|(waiting, backlog)| waiting > backlog)
    };
    is_unaccepted(row) && machine.listener(&row.socket).is_some_and(is_full)
}

pub(super) fn is_unaccepted(row: &OwnedSocket) -> bool {
    row.owner == Owner::Kernel(KernelReason::NotAccepted)
}

impl Leak {
    fn of(
        common_end: CommonEnd,
        rows: &[&OwnedSocket],
        culprit: &Culprit,
        machine: &Machine<'_>,
    ) -> Self {
        let ages = || rows.iter().copied().filter_map(age_ms);
        let mut causes = BTreeMap::new();
        for queue in rows.iter().filter_map(|row| row.socket.queues.receive) {
            *causes.entry(Cause::of_queue(queue)).or_default() += 1;
        }
        let own = machine.descriptors(culprit);
        Self {
            common_end,
            young: 0,
            oldest_ms: ages().max(),
            old: ages().filter(|age| *age > OLD_MS).count(),
            causes,
            not_accepted: rows.iter().filter(|row| is_unaccepted(row)).count(),
            descriptors: own.and_then(|own| own.descriptors),
            descriptor_limit: own.and_then(|own| own.descriptor_limit),
        }
    }

    /// The most frequent cause; of equally frequent ones the first.
    fn cause(&self) -> Option<Cause> {
        let rising = self.causes.iter().rev();
        rising.max_by_key(|(_, count)| **count).map(|(cause, _)| *cause)
    }

    fn is_of_unaccepted(&self, case: &Case<'_>) -> bool {
        self.not_accepted == case.count()
    }
}

impl Evidence for Leak {
    fn subject(&self) -> String {
        self.common_end.words()
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        if count < MANY && self.old < SOME_OLD {
            return None;
        }
        let near_limit = self
            .descriptors
            .zip(self.descriptor_limit)
            .is_some_and(|(used, limit)| reaches(used, CRITICAL_DESCRIPTORS_PERCENT, limit));
        let is_critical = count >= CRITICAL || near_limit;
        Some(if is_critical { Severity::Critical } else { Severity::Warning })
    }

    fn growing(&self) -> Option<&'static str> {
        Some("CLOSE_WAIT")
    }

    fn total(&self, count: usize) -> usize {
        count.saturating_add(self.young)
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (count, end) = (case.count(), self.common_end.words());
        if self.is_of_unaccepted(case) {
            return format!("{count} CLOSE_WAIT {end}: it does not call accept()");
        }
        let bug = match self.cause() {
            Some(Cause::NotClosed) => "everything was read, and close() was never called",
            Some(Cause::EndNotRead) => {
                "end of stream not read: a thread is stuck, or these sockets are forgotten"
            }
            Some(Cause::DataUnread) => "it stopped reading with data waiting",
            None => "the peers have closed, and it has not",
        };
        format!("{count} CLOSE_WAIT {end}: {bug}")
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let age = self.oldest_ms.map(|age| ages(age, self.old));
        let not_accepted = (self.not_accepted > 0).then(|| {
            format!(
                "{} of them were never accepted: they wait in its accept queue",
                self.not_accepted
            )
        });
        let api = case.capabilities().api;
        let used = self.descriptors.map(|used| match self.descriptor_limit {
            Some(limit) => format!("{used} of {limit} {} are open", descriptors(api, 0)),
            None => format!("{used} {} are open", descriptors(api, 0)),
        });
        let young = (self.young > 0).then(|| format!("{} more are new, and may pass", self.young));
        let details = age.into_iter().chain(young).chain(queues(&self.causes));
        details.chain(not_accepted).chain(used).collect()
    }

    /// What nobody has accepted belongs to no process yet, so no PID selects it.
    fn now(&self, case: &Case<'_>) -> Remedy {
        let pid = if self.is_of_unaccepted(case) { Vec::new() } else { case.pid_option() };
        let close = case.portwho(&["close", "--state", "CLOSE_WAIT"]);
        let close = close.words(pid).words(self.common_end.options());
        Remedy::with_rights(close, case.privileged())
    }

    fn fix(&self, case: &Case<'_>) -> String {
        if self.is_of_unaccepted(case) {
            return "find out what keeps it from calling accept(); until then its clients wait"
                .to_owned();
        }
        let api = case.capabilities().api;
        let until = format!(
            "until then, restart it before its {} are used up: closing the connections from \
             outside does not free them",
            descriptors(api, 0)
        );
        let bug = fix(self.cause(), api);
        run_if_any(&format!("{bug}; {until}"), case.restart().map(Remedy::from).as_ref())
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        let (name, end) = self.common_end.json();
        let causes = self.causes.iter().map(|(cause, count)| (cause.word(), *count));
        json!({
            name: end,
            "oldest_ms": self.oldest_ms,
            "older_than_60_s": self.old,
            "young": self.young,
            "cause": self.cause().map(Cause::word),
            "causes": counts(causes),
            "not_accepted": self.not_accepted,
            "descriptors": self.descriptors,
            "descriptor_limit": self.descriptor_limit,
        })
    }

    fn descriptors(&self, _count: usize) -> Option<(u64, u64)> {
        self.descriptors.zip(self.descriptor_limit)
    }
}

/// `oldest 11s; none over 1m`.
fn ages(oldest_ms: u32, old: usize) -> String {
    let oldest = duration(Duration::from_millis(oldest_ms.into()));
    let old = if old == 0 { "none".to_owned() } else { old.to_string() };
    format!("oldest {oldest}; {old} over {}", duration(Duration::from_millis(OLD_MS.into())))
}

/// `receive queue: 0 bytes in 456, 1 byte in 2`.
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

fn fix(cause: Option<Cause>, api: Api) -> String {
    let (close, read) = (close_call(api), read_call(api));
    match cause {
        Some(Cause::NotClosed) | None => {
            format!("call {close} on every code path, above all when {read} returns 0")
        }
        Some(Cause::EndNotRead) => "find the thread that should read: it is stuck, or waits for \
             something else; an idle socket must be watched for the end of its stream"
            .to_owned(),
        Some(Cause::DataUnread) => format!(
            "find out why it stopped reading: a stuck handler, or sockets that were forgotten \
             without {close}"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn leak(old: usize, descriptors: Option<u64>) -> Leak {
        Leak {
            common_end: CommonEnd::Port(80),
            young: 0,
            oldest_ms: None,
            old,
            causes: BTreeMap::new(),
            not_accepted: 0,
            descriptors,
            descriptor_limit: descriptors.map(|_| 1000),
        }
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
            let severity = leak(old, descriptors).severity(count, None);
            assert_eq!(severity, expected, "{count} {old} {descriptors:?}");
        }
    }

    #[test]
    fn the_receive_queue_distinguishes_the_bugs() {
        let words = [0, 1, 2, 70_000].map(|bytes| Cause::of_queue(bytes).word());
        assert_eq!(words, ["not-closed", "end-not-read", "data-unread", "data-unread"]);
    }
}
