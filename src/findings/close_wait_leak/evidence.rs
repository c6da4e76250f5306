//! How a leak is reported.

use std::time::Duration;

use serde_json::{Value, json};

use super::cause::{self, Cause};
use super::leak::{Leak, Place, Program};
use super::{Case, CommonEnd, Evidence, Growth, OLD_MS, Severity};
use crate::findings::facts::{counts, never_accepted};
use crate::text::advice::{Remedy, run_if_any};
use crate::text::api::descriptors;
use crate::text::durations::duration;
use crate::text::shell::ShellCommand;

impl Leak {
    /// The connections in CLOSE_WAIT, as words for portwho.
    fn selected(&self, command: ShellCommand, case: &Case<'_>) -> ShellCommand {
        // What was not accepted belongs to no process yet, so no PID selects it.
        let is_of_several = matches!(self.place, Place::Program(_)) || self.is_of_unaccepted(case);
        let pid = if is_of_several { Vec::new() } else { case.pid_option() };
        command.words(pid).words(self.place.options())
    }
}

impl Leak {
    /// `12 more have sent data within the last minute, and may be in use`.
    fn doubtful_words(&self, case: &Case<'_>) -> Vec<String> {
        let more = if self.counts_doubtful(case.count()) { "" } else { " more" };
        let have = |count: usize| match count {
            1 => format!("1{more} has"),
            several => format!("{several}{more} have"),
        };
        let line =
            |count: usize, what: &str| (count > 0).then(|| format!("{} {what}", have(count)));
        let sent = line(self.sent_lately, "sent data within the last minute, and may be in use");
        let asked = "still to answer, were closed within the last minute, and may be in use";
        sent.into_iter().chain(line(self.asked, asked)).collect()
    }

    /// Whether other processes have such connections on the port, which cannot be told from these.
    const fn is_among_others(&self) -> bool {
        matches!(self.place, Place::Program(Program { is_alone: false, .. }))
    }

    /// How many processes have them.
    const fn processes(&self) -> usize {
        match self.place {
            Place::Program(Program { processes, .. }) => processes,
            _ => 1,
        }
    }
}

impl Evidence for Leak {
    fn subject(&self) -> String {
        match self.place {
            Place::At(end) => end.words(),
            Place::Program(Program { port, .. }) => format!("program on port {port}"),
            // Between two snapshots the ends may change.
            Place::Only(_) | Place::Over(_) => "all ends".to_owned(),
        }
    }

    fn severity(&self, count: usize, _growth: Option<&Growth>) -> Option<Severity> {
        self.severity_of(count)
    }

    fn growing(&self) -> Option<&'static str> {
        Some("CLOSE_WAIT")
    }

    fn total(&self, _count: usize) -> usize {
        self.lasting + self.doubtful() + self.young + self.in_use
    }

    fn lasting(&self, _count: usize) -> usize {
        self.settled
    }

    fn what(&self, case: &Case<'_>) -> String {
        let (count, place) = (case.count(), self.place.words());
        if self.is_of_unaccepted(case) {
            return format!("{count} CLOSE_WAIT {place}: it does not call accept()");
        }
        // Those that may be used again do not show a bug yet.
        let is_leak = case.finding.severity != Severity::Note || self.forgotten > 0;
        let told = self.cause().filter(|_| is_leak);
        format!("{count} CLOSE_WAIT {place}: {}", cause::bug(told, case.capabilities().api))
    }

    fn details(&self, case: &Case<'_>) -> Vec<String> {
        let age = self.oldest_ms.map(|age| ages(age, self.old, self.may_be_older));
        let young = match self.young {
            0 => None,
            1 => Some("1 more is new, and may go away".to_owned()),
            young => Some(format!("{young} more are new, and may go away")),
        };
        let in_use = match self.in_use {
            0 => None,
            1 => Some("1 more is in use: it still sends to its peer".to_owned()),
            in_use => Some(format!("{in_use} more are in use: it still sends to their peers")),
        };
        let not_accepted = never_accepted(self.not_accepted);
        let api = case.capabilities().api;
        let used = self.descriptors.map(|used| match self.descriptor_limit {
            Some(limit) => format!("{used} of {limit} {} are open", descriptors(api, 0)),
            None => format!("{used} {} are open", descriptors(api, 0)),
        });
        let details = age.into_iter().chain(young).chain(in_use).chain(self.doubtful_words(case));
        let details = details.chain(cause::queues(&self.causes));
        details.chain(not_accepted).chain(used).collect()
    }

    /// Connections that are in use are listed, and not closed.
    fn now(&self, case: &Case<'_>) -> Remedy {
        let may_be_in_use = self.in_use > 0 || self.doubtful() > 0 || self.is_among_others();
        if may_be_in_use || case.finding.severity == Severity::Note {
            return self.selected(case.portwho(&["-v", "--state", "CLOSE_WAIT"]), case).into();
        }
        let close = self.selected(case.portwho(&["close", "--state", "CLOSE_WAIT"]), case);
        Remedy::with_rights(close, case.privileged())
    }

    fn fix(&self, case: &Case<'_>) -> String {
        if self.is_of_unaccepted(case) {
            return "find out what keeps it from calling accept(); until then its clients wait"
                .to_owned();
        }
        let api = case.capabilities().api;
        let bug = cause::fix(self.cause(), api);
        if case.finding.severity == Severity::Note {
            if self.counts_doubtful(case.count()) {
                return format!("if it still sends, nothing is wrong; if not, {bug}");
            }
            // A server keeps none for another use.
            if matches!(self.place, Place::Only(CommonEnd::Port(_))) {
                return bug;
            }
            return format!(
                "if it keeps connections for their next use, nothing is wrong, but limit how long; \
                 if not, {bug}"
            );
        }
        if matches!(self.place, Place::Program(_)) {
            let until = "each of them keeps a process: until then, restart the program";
            return run_if_any(
                &format!("{bug}; {until}"),
                case.restart().map(Remedy::from).as_ref(),
            );
        }
        let until = format!(
            "until then, restart it before its {} are used up: closing the connections from \
             outside does not free them",
            descriptors(api, 0)
        );
        run_if_any(&format!("{bug}; {until}"), case.restart().map(Remedy::from).as_ref())
    }

    fn json(&self, _case: &Case<'_>) -> Value {
        let (name, end) = self.place.json();
        let causes = self.causes.iter().map(|(cause, count)| (cause.word(), *count));
        json!({
            name: end,
            "processes": self.processes(),
            "oldest_ms": self.oldest_ms,
            "oldest_is_at_least": self.may_be_older,
            "older_than_60_s": self.old,
            "older_than_5_min": self.forgotten,
            "young": self.young,
            "in_use": self.in_use,
            "sent_lately": self.sent_lately,
            "unanswered": self.asked,
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

/// `oldest 11s; none over 1m`; `oldest at least 3m; at least 2 over 1m` where some may be older.
fn ages(oldest_ms: u32, old: usize, may_be_older: bool) -> String {
    let oldest = duration(Duration::from_millis(oldest_ms.into()));
    let over = duration(Duration::from_millis(OLD_MS.into()));
    match (may_be_older, old) {
        (false, 0) => format!("oldest {oldest}; none over {over}"),
        (false, old) => format!("oldest {oldest}; {old} over {over}"),
        (true, 0) => format!("oldest at least {oldest}"),
        (true, old) => format!("oldest at least {oldest}; at least {old} over {over}"),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn leak(place: Place, (lasting, old, forgotten): (usize, usize, usize)) -> Leak {
        Leak {
            place,
            lasting,
            settled: lasting,
            young: 0,
            in_use: 0,
            sent_lately: 0,
            asked: 0,
            oldest_ms: None,
            may_be_older: false,
            old,
            forgotten,
            causes: BTreeMap::new(),
            not_accepted: 0,
            ends_in: None,
            descriptors: None,
            descriptor_limit: None,
        }
    }

    const NOTE: Option<Severity> = Some(Severity::Note);
    const WARNING: Option<Severity> = Some(Severity::Warning);
    const CRITICAL: Option<Severity> = Some(Severity::Critical);

    #[test]
    fn at_one_end_a_leak_is_many_or_a_few_old_ones() {
        let cases = [
            ((99, 9), None, None),
            ((100, 0), None, WARNING),
            ((10, 10), None, WARNING),
            ((999, 0), Some(799), WARNING),
            ((1000, 0), None, CRITICAL),
            ((10, 10), Some(800), CRITICAL),
            ((9, 9), Some(1000), None),
        ];
        for ((lasting, old), descriptors, expected) in cases {
            let leak = leak(Place::At(CommonEnd::Port(80)), (lasting, old, 0));
            let limit = descriptors.map(|_| 1000);
            let leak = Leak { descriptors, descriptor_limit: limit, ..leak };
            let severity = leak.severity(leak.counted(), None);
            assert_eq!(severity, expected, "{lasting} {old} {descriptors:?}");
        }
    }

    #[test]
    fn over_many_ends_only_old_ones_are_a_leak() {
        let cases = [
            ((99, 99, 0), 0, None),
            ((99, 99, 3), 3, NOTE),
            ((100, 0, 0), 100, NOTE),
            ((300, 99, 0), 300, NOTE),
            ((300, 100, 0), 100, WARNING),
            ((1000, 1000, 0), 1000, CRITICAL),
        ];
        for (numbers, counted, expected) in cases {
            let leak = leak(Place::Over(150), numbers);
            let found = (leak.counted(), leak.severity(leak.counted(), None));
            assert_eq!(found, (counted, expected), "{numbers:?}");
        }
    }

    #[test]
    fn a_leak_that_ends_soon_is_critical() {
        for (ends_in, expected) in [(599, CRITICAL), (600, None)] {
            let leak = leak(Place::At(CommonEnd::Port(80)), (20, 0, 0));
            let leak = Leak { ends_in: Some(Duration::from_secs(ends_in)), ..leak };
            assert_eq!(leak.severity(leak.counted(), None), expected, "{ends_in} s");
        }
    }
}
