//! A process that does not close what its peers have closed.
//!
//! It is measured at each end that its connections have in common, a server's port or a client's
//! destination; and once more over all ends of a process at which nothing was found.

mod cause;
mod evidence;
mod leak;

use std::collections::BTreeMap;
use std::time::Duration;

use super::accept_queue_full;
use super::check::nothing;
use super::close_wait_place::{CommonEnd, CommonEnds};
use super::half_closed::age_ms;
use super::half_closed::{self, HalfClosed};
use super::{
    Case, Check, Culprit, Evidence, Growth, Looks, Machine, Measurement, Severity, Subject,
};
use crate::model::{KernelReason, OwnedSocket, Owner, TcpState};
use crate::text::durations::duration;
use leak::Leak;

/// A server without a leak passes through CLOSE_WAIT in milliseconds; a hundred that last it does not
/// have.
const MANY: usize = 100;
/// A few that are old are a leak too, a slow one.
const SOME_OLD: usize = 10;
/// Longer than any answer that a peer which has closed its side still waits for; and longer than
/// most clients leave a connection unused that its server has closed.
const OLD_MS: u32 = 60_000;
/// No process that closes what it does not need has one for so long: a single one is worth knowing.
const FORGOTTEN_MS: u32 = 300_000;
/// The usual limit of descriptors is 1,024.
const CRITICAL: usize = 1_000;
/// With a leak, the remaining descriptors are used up soon.
const CRITICAL_DESCRIPTORS_PERCENT: u64 = 80;
/// Little time to do something about it.
const SOON: Duration = Duration::from_mins(10);
/// Growth over a shorter time, or by fewer, may be a burst.
const GROWTH_OVER: Duration = Duration::from_secs(5);
const GROWTH: usize = 10;

pub(super) const CHECK: Check = Check {
    kind: "close-wait-leak",
    threshold,
    reason: "a process without a leak passes through CLOSE_WAIT in milliseconds, but a pool or a \
             crawler keeps what its servers have closed until the next use; a few old ones are a \
             slow leak; one that still sends is in use, and does not count",
    subject: Subject::Sockets,
    needs: nothing,
    measure: |looks| measure(looks, false),
    wants_second: has_too_many_young,
};

fn threshold() -> String {
    let time = |ms: u32| duration(Duration::from_millis(ms.into()));
    format!(
        "{MANY} on one port or to one destination that are {} old or survive a second snapshot, or \
         {SOME_OLD} older than {old};\n\
         {MANY} of the whole process that are older than {old};\n\
         as a note: {MANY} of the whole process that last, or one older than {};\n\
         critical: {CRITICAL} or more, {CRITICAL_DESCRIPTORS_PERCENT}% of the descriptors open, or \
         the rest of them lasting less than {} at a growth of at least {GROWTH} in at least {}",
        time(half_closed::YOUNG_MS),
        time(FORGOTTEN_MS),
        duration(SOON),
        duration(GROWTH_OVER),
        old = time(OLD_MS),
    )
}

/// Whether something is found, or something worse, if the young ones last.
fn has_too_many_young(machine: &Machine<'_>) -> bool {
    let looks = Looks::new(machine, None);
    let severities = |if_young_last| {
        let measured = measure(&looks, if_young_last).into_iter();
        let severities = measured.map(|one| {
            let severity = one.evidence.severity(one.count, None);
            ((one.culprit, one.evidence.subject()), severity)
        });
        severities.filter(|(_, severity)| severity.is_some()).collect::<BTreeMap<_, _>>()
    };
    severities(true) != severities(false)
}

/// The CLOSE_WAIT of a culprit with an end in common.
#[derive(Default)]
struct Group<'a> {
    lasting: Vec<&'a OwnedSocket>,
    /// How many there are that may pass.
    young: usize,
    /// How many are in use.
    in_use: usize,
    /// How many have stayed for a while at this moment, whatever becomes of them.
    settled: usize,
}

impl<'a> Group<'a> {
    fn of(rows: &[&'a OwnedSocket], looks: &Looks<'_>, if_young_last: bool) -> Self {
        let mut group = Self::default();
        for row in rows {
            let class = half_closed::of(row, looks);
            let is_old = age_ms(row).is_some_and(|age| age >= half_closed::YOUNG_MS);
            group.settled += usize::from(is_old && class != HalfClosed::InUse);
            match class {
                HalfClosed::InUse => group.in_use += 1,
                HalfClosed::Young if !if_young_last => group.young += 1,
                HalfClosed::Young | HalfClosed::Lasting => group.lasting.push(row),
            }
        }
        group
    }

    fn add(&mut self, other: Self) {
        self.lasting.extend(other.lasting);
        self.young += other.young;
        self.in_use += other.in_use;
        self.settled += other.settled;
    }
}

/// The CLOSE_WAIT of each culprit: a server's by their local port, a client's by destination; and
/// together where none of these is found.
fn measure(looks: &Looks<'_>, if_young_last: bool) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut earlier = Earlier::of(looks);
    let mut measured = Vec::new();
    let mut rest: BTreeMap<Culprit, (Vec<CommonEnd>, Group<'_>)> = BTreeMap::new();
    for ((culprit, end), rows) in groups(machine) {
        let group = Group::of(&rows, looks, if_young_last);
        let mut leak = Leak::at(end, &group, &culprit, machine);
        leak.ends_in = earlier.as_ref().and_then(|earlier| earlier.ends_in(&leak, &culprit));
        let count = leak.counted();
        if leak.severity(count, None).is_some() {
            if let Some(earlier) = &mut earlier {
                earlier.forget(&culprit, end);
            }
        } else {
            let (ends, all) = rest.entry(culprit.clone()).or_default();
            ends.push(end);
            all.add(group);
        }
        measured.push(Measurement::new(culprit, count, leak));
    }
    let of_processes = rest.into_iter().map(|(culprit, (ends, group))| {
        let mut leak = Leak::over(&ends, &group, &culprit, machine);
        leak.ends_in = earlier.as_ref().and_then(|earlier| earlier.ends_in(&leak, &culprit));
        Measurement::new(culprit, leak.counted(), leak)
    });
    measured.extend(of_processes);
    measured
}

/// How many had stayed for a while at the earlier snapshot.
struct Earlier<'a> {
    machine: &'a Machine<'a>,
    settled: BTreeMap<(Culprit, CommonEnd), usize>,
    over: Duration,
}

impl<'a> Earlier<'a> {
    fn of(looks: &Looks<'a>) -> Option<Self> {
        let (looks, over) = (*looks).before()?;
        let settled = groups(looks.machine).into_iter();
        let settled = settled.map(|(key, rows)| (key, Group::of(&rows, &looks, false).settled));
        Some(Self { machine: looks.machine, settled: settled.collect(), over })
    }

    /// Leaves out an end of a process.
    fn forget(&mut self, culprit: &Culprit, end: CommonEnd) {
        self.settled.remove(&(culprit.clone(), end));
    }

    /// How long what is left of the descriptors lasts, where a leak grows by enough for long enough
    /// to tell. Where clients leave, connections that were there before become CLOSE_WAIT, and no
    /// descriptor is used up.
    fn ends_in(&self, leak: &Leak, culprit: &Culprit) -> Option<Duration> {
        let of_it = |(of, end): &(Culprit, CommonEnd)| of == culprit && leak.is_at(*end);
        let before = self.settled.iter().filter(|(key, _)| of_it(key));
        let growth = leak.settled.saturating_sub(before.map(|(_, count)| count).sum());
        let left = leak.descriptors_left()?;
        let opened = leak.descriptors.zip(self.machine.descriptors_before(culprit, self.over));
        let opened = opened.map(|(now, before)| now.saturating_sub(before));
        let growth = opened.map_or(growth as u64, |opened| opened.min(growth as u64));
        let growth = u32::try_from(growth).ok().filter(|growth| *growth as usize >= GROWTH)?;
        let time = self.over.checked_mul(u32::try_from(left).ok()?)?.checked_div(growth)?;
        (self.over >= GROWTH_OVER).then_some(time)
    }
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
fn waits_in_a_full_queue(row: &OwnedSocket, machine: &Machine<'_>) -> bool {
    is_unaccepted(row) && machine.listener(&row.socket).is_some_and(accept_queue_full::has_many)
}

pub(super) fn is_unaccepted(row: &OwnedSocket) -> bool {
    row.owner == Owner::Kernel(KernelReason::NotAccepted)
}
