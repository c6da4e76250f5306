//! What is known of a leak, and how severe it is.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value, json};

use super::cause::Cause;
use super::{
    CRITICAL, CRITICAL_DESCRIPTORS_PERCENT, Case, CommonEnd, Culprit, FORGOTTEN_MS, Group, MANY,
    Machine, OLD_MS, OwnedSocket, SOME_OLD, SOON, Severity, is_unaccepted,
};
use crate::findings::check::reaches;
use crate::findings::half_closed::{age_ms, is_age_known};

/// Connections that their peers have closed and their process has not.
#[derive(Debug)]
pub(super) struct Leak {
    pub(super) place: Place,
    /// How many last.
    pub(super) lasting: usize,
    /// How many have stayed for a while at this moment: by as many more as there were at another, a leak
    /// has grown.
    pub(super) settled: usize,
    /// How many more may pass.
    pub(super) young: usize,
    /// How many more are in use.
    pub(super) in_use: usize,
    /// How many more have sent data lately, and may be in use.
    pub(super) sent_lately: usize,
    /// How many more may still answer what they were sent.
    pub(super) asked: usize,
    /// The age of the oldest, in milliseconds.
    pub(super) oldest_ms: Option<u32>,
    /// Whether some may be older than can be told.
    pub(super) may_be_older: bool,
    /// How many are older than [`OLD_MS`].
    pub(super) old: usize,
    /// How many are older than [`FORGOTTEN_MS`].
    pub(super) forgotten: usize,
    /// How many there are of each cause; empty where receive queues are not reported.
    pub(super) causes: BTreeMap<Cause, usize>,
    /// How many no process has accepted.
    pub(super) not_accepted: usize,
    /// How long what is left of the descriptors lasts, where that can be told.
    pub(super) ends_in: Option<Duration>,
    pub(super) descriptors: Option<u64>,
    pub(super) descriptor_limit: Option<u64>,
}

/// Where they are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Place {
    /// At an end that they have in common.
    At(CommonEnd),
    /// At the only end of a process, which does not have enough of them by itself.
    Only(CommonEnd),
    /// At several ends of a process, with this many foreign addresses.
    Over(usize),
    /// At a port that several processes of one program serve.
    Program(Program),
}

/// A port that several processes of one program serve.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Program {
    pub(super) port: u16,
    /// How many of its processes have such connections.
    pub(super) processes: usize,
    /// Whether no other process has one there.
    pub(super) is_alone: bool,
}

impl Place {
    pub(super) fn words(self) -> String {
        match self {
            Self::At(end) | Self::Only(end) => end.words(),
            Self::Program(Program { port, processes, .. }) => {
                format!("{}, in {processes} processes", CommonEnd::Port(port).words())
            }
            Self::Over(1) => "at several ends, with 1 address".to_owned(),
            Self::Over(addresses) => format!("with {addresses} addresses"),
        }
    }

    pub(super) fn options(self) -> Vec<String> {
        match self {
            Self::At(end) | Self::Only(end) => end.options(),
            Self::Program(Program { port, .. }) => CommonEnd::Port(port).options(),
            Self::Over(_) => Vec::new(),
        }
    }

    pub(super) fn json(self) -> (&'static str, Value) {
        match self {
            Self::At(end) | Self::Only(end) => end.json(),
            Self::Program(Program { port, .. }) => CommonEnd::Port(port).json(),
            Self::Over(addresses) => ("foreign_addresses", json!(addresses)),
        }
    }
}

impl Leak {
    /// At an end that they have in common.
    pub(super) fn at(
        end: CommonEnd,
        group: &Group<'_>,
        culprit: Culprit,
        machine: &Machine<'_>,
    ) -> Self {
        Self::of(Place::At(end), group, &group.lasting, culprit, machine)
    }

    /// At a port, in several processes of one program. Each has descriptors of its own.
    pub(super) fn of_program(program: Program, group: &Group<'_>, machine: &Machine<'_>) -> Self {
        Self::of(Place::Program(program), group, &group.lasting, Culprit::Unknown, machine)
    }

    /// Over all these ends of a process: those that are older than is normal for a pool, if they are
    /// many, or all that last, if these are, or the forgotten ones.
    pub(super) fn over(
        ends: &[CommonEnd],
        group: &Group<'_>,
        culprit: Culprit,
        machine: &Machine<'_>,
    ) -> Self {
        let older_than = |ms: u32| -> Vec<&OwnedSocket> {
            let lasting = group.lasting.iter().copied();
            lasting.filter(|row| age_ms(row).is_some_and(|age| age > ms)).collect()
        };
        let old = older_than(OLD_MS);
        let rows = if old.len() >= MANY {
            old
        } else if group.lasting.len() + group.doubtful.len() >= MANY {
            [group.lasting.as_slice(), &group.doubtful].concat()
        } else {
            older_than(FORGOTTEN_MS)
        };
        let addresses = || {
            let foreign = rows.iter().filter_map(|row| row.socket.foreign);
            foreign.map(|foreign| foreign.address).collect::<BTreeSet<_>>().len()
        };
        let place = if let [only] = ends { Place::Only(*only) } else { Place::Over(addresses()) };
        Self::of(place, group, &rows, culprit, machine)
    }

    fn of(
        place: Place,
        group: &Group<'_>,
        rows: &[&OwnedSocket],
        culprit: Culprit,
        machine: &Machine<'_>,
    ) -> Self {
        let ages = || rows.iter().copied().filter_map(age_ms);
        let mut causes = BTreeMap::new();
        for queue in rows.iter().filter_map(|row| row.socket.queues.receive) {
            *causes.entry(Cause::of_queue(queue)).or_default() += 1;
        }
        let own = machine.descriptors(culprit);
        Self {
            place,
            lasting: group.lasting.len(),
            settled: group.settled,
            young: group.young,
            in_use: group.in_use,
            sent_lately: group.doubtful.len().saturating_sub(group.asked),
            asked: group.asked,
            oldest_ms: ages().max(),
            may_be_older: !rows.iter().all(|row| is_age_known(row)),
            old: ages().filter(|age| *age > OLD_MS).count(),
            forgotten: ages().filter(|age| *age > FORGOTTEN_MS).count(),
            causes,
            not_accepted: rows.iter().filter(|row| is_unaccepted(row)).count(),
            ends_in: None,
            descriptors: own.and_then(|own| own.descriptors),
            descriptor_limit: own.and_then(|own| own.descriptor_limit),
        }
    }

    /// What the threshold counts.
    pub(super) const fn counted(&self) -> usize {
        match self.place {
            Place::At(_) | Place::Program(_) => self.lasting,
            _ if self.old >= MANY => self.old,
            _ if self.all() >= MANY || self.ends_in.is_some() => self.all(),
            _ => self.forgotten,
        }
    }

    /// How many last, those included that may be in use.
    const fn all(&self) -> usize {
        self.lasting + self.doubtful()
    }

    /// How many may be in use.
    pub(super) const fn doubtful(&self) -> usize {
        self.sent_lately + self.asked
    }

    /// Whether those that may be in use are among what the threshold counts.
    pub(super) fn counts_doubtful(&self, count: usize) -> bool {
        self.doubtful() > 0
            && matches!(self.place, Place::Only(_) | Place::Over(_))
            && count == self.all()
    }

    /// The most frequent cause; of equally frequent ones the first.
    pub(super) fn cause(&self) -> Option<Cause> {
        let rising = self.causes.iter().rev();
        rising.max_by_key(|(_, count)| **count).map(|(cause, _)| *cause)
    }

    pub(super) fn is_of_unaccepted(&self, case: &Case<'_>) -> bool {
        self.not_accepted == case.count()
    }

    /// How many descriptors are left.
    pub(super) fn descriptors_left(&self) -> Option<u64> {
        self.descriptors.zip(self.descriptor_limit).map(|(used, limit)| limit.saturating_sub(used))
    }

    /// How severe this many are.
    pub(super) fn severity_of(&self, count: usize) -> Option<Severity> {
        if self.ends_in.is_some_and(|left| left < SOON) && count > 0 {
            return Some(Severity::Critical);
        }
        let is_leak = match self.place {
            Place::At(_) | Place::Program(_) => count >= MANY || self.old >= SOME_OLD,
            Place::Only(_) | Place::Over(_) => self.old >= MANY,
        };
        let near_limit = self
            .descriptors
            .zip(self.descriptor_limit)
            .is_some_and(|(used, limit)| reaches(used, CRITICAL_DESCRIPTORS_PERCENT, limit));
        match (is_leak, self.place) {
            (true, _) if count >= CRITICAL || near_limit => Some(Severity::Critical),
            (true, _) => Some(Severity::Warning),
            (false, Place::At(_) | Place::Program(_)) => None,
            (false, _) => (count > 0).then_some(Severity::Note),
        }
    }
}
