//! A process that does not close what its peers have closed.
//!
//! It is measured at each end that its connections have in common, a server's port or a client's
//! destination; then of all processes of a program together that serve a port; and once more over all
//! ends of a process at which nothing was found.

mod cause;
mod evidence;
mod leak;
mod ports;
mod program;

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
use crate::model::{KernelReason, OwnedSocket, Owner, StateSet, TcpState};
use crate::text::durations::duration;
use leak::{Leak, Place};
use ports::Ports;

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
             slow leak; one that still sends is in use, and does not count; one that has sent data \
             lately, or has still to answer, may be",
    subject: Subject::Tcp(StateSet::of(&[TcpState::CloseWait])),
    needs: nothing,
    measure: |looks| measure(looks, Assumed::Nothing),
    wants_second: has_too_many_undecided,
};

fn threshold() -> String {
    let time = |ms: u32| duration(Duration::from_millis(ms.into()));
    format!(
        "{MANY} on one port or to one destination that are {young} old or survive a second snapshot, or \
         {SOME_OLD} older than {old}, of one process or of all processes of a program on a port;\n\
         {MANY} of the whole process that are older than {old};\n\
         as a note: {MANY} of the whole process that last, those included that have sent data within \
         the last {lately}, or were closed within it and have still to answer; or one older than {forgotten};\n\
         critical: {CRITICAL} or more, {CRITICAL_DESCRIPTORS_PERCENT}% of the descriptors open, or \
         the rest of them lasting less than {soon} at a growth of at least {GROWTH} in at least {over}",
        young = time(half_closed::YOUNG_MS),
        lately = time(half_closed::LATELY_MS),
        forgotten = time(FORGOTTEN_MS),
        soon = duration(SOON),
        over = duration(GROWTH_OVER),
        old = time(OLD_MS),
    )
}

/// What is taken for granted of those of which a single snapshot cannot tell whether they last.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Assumed {
    /// Nothing.
    Nothing,
    /// They last.
    Lasting,
    /// They pass, or are in use.
    Passing,
}

/// Whether something is found, or something worse, if the young ones last.
fn has_too_many_undecided(machine: &Machine<'_>) -> bool {
    let looks = Looks::new(machine, None);
    let severities = |assumed| {
        let measured = measure(&looks, assumed).into_iter().filter(|one| one.chosen != Some(0));
        let severities = measured.map(|one| {
            let severity = one.evidence.severity(one.count, None);
            ((one.culprit, one.evidence.subject()), severity)
        });
        severities.filter(|(_, severity)| severity.is_some()).collect::<BTreeMap<_, _>>()
    };
    severities(Assumed::Lasting) != severities(Assumed::Passing)
}

/// The CLOSE_WAIT of a culprit with an end in common.
#[derive(Default)]
struct Group<'a> {
    lasting: Vec<&'a OwnedSocket>,
    /// Those that may be in use: they have sent data lately, or may answer what they were sent.
    doubtful: Vec<&'a OwnedSocket>,
    /// How many of these may still answer.
    asked: usize,
    /// How many there are that may pass.
    young: usize,
    /// How many are in use.
    in_use: usize,
    /// How many have stayed for a while at this moment, whatever becomes of them.
    settled: usize,
}

impl<'a> Group<'a> {
    fn of(rows: &[&'a OwnedSocket], looks: &Looks<'_>, assumed: Assumed) -> Self {
        let mut group = Self::default();
        for row in rows {
            let class = half_closed::of(row, looks);
            let is_old = age_ms(row).is_some_and(|age| age >= half_closed::YOUNG_MS);
            group.settled += usize::from(is_old && class != HalfClosed::InUse);
            let is_doubtful = matches!(class, HalfClosed::SentLately | HalfClosed::Asked);
            match class {
                HalfClosed::InUse => group.in_use += 1,
                _ if is_doubtful && assumed == Assumed::Passing => group.in_use += 1,
                HalfClosed::SentLately => group.doubtful.push(row),
                HalfClosed::Asked => {
                    group.asked += 1;
                    group.doubtful.push(row);
                }
                HalfClosed::Young if assumed != Assumed::Lasting => group.young += 1,
                HalfClosed::Young | HalfClosed::Lasting => group.lasting.push(row),
            }
        }
        group
    }

    fn add(&mut self, other: &Self) {
        self.lasting.extend(&other.lasting);
        self.doubtful.extend(&other.doubtful);
        self.asked += other.asked;
        self.young += other.young;
        self.in_use += other.in_use;
        self.settled += other.settled;
    }
}

/// The CLOSE_WAIT of each culprit: a server's by their local port, a client's by destination; those of
/// all processes of a program at a port; and together where none of these is found.
fn measure(looks: &Looks<'_>, assumed: Assumed) -> Vec<Measurement> {
    let machine = looks.machine;
    let mut earlier = Earlier::of(looks);
    let mut measured = Vec::new();
    let mut ports = Ports::default();
    let mut rest: BTreeMap<Culprit, (Vec<CommonEnd>, Group<'_>)> = BTreeMap::new();
    for ((culprit, end), rows) in groups(machine) {
        let group = Group::of(&rows, looks, assumed);
        let mut leak = Leak::at(end, &group, culprit, machine);
        leak.ends_in = earlier.as_ref().and_then(|earlier| earlier.ends_in(&leak, culprit));
        let is_found = leak.severity_of(leak.counted()).is_some();
        let own = measurement(culprit, leak, &rows, machine);
        if let Some(earlier) = earlier.as_mut().filter(|_| is_found) {
            earlier.forget(culprit, end);
        }
        match (program::port(end), is_found) {
            (Some(port), true) => ports.find(port, (culprit, group), own),
            (Some(port), false) => {
                measured.push(own);
                ports.add(port, (culprit, group));
            }
            (None, _) => {
                measured.push(own);
                if !is_found {
                    let (ends, all) = rest.entry(culprit).or_default();
                    ends.push(end);
                    all.add(&group);
                }
            }
        }
    }
    for (culprit, port, group) in ports.measure(machine, &mut measured) {
        let (ends, all) = rest.entry(culprit).or_default();
        ends.push(CommonEnd::Port(port));
        all.add(&group);
    }
    let of_processes = rest.into_iter().map(|(culprit, (ends, group))| {
        let mut leak = Leak::over(&ends, &group, culprit, machine);
        leak.ends_in = earlier.as_ref().and_then(|earlier| earlier.ends_in(&leak, culprit));
        measurement(culprit, leak, &[group.lasting, group.doubtful].concat(), machine)
    });
    measured.extend(of_processes);
    measured
}

/// A leak as it is measured. Who else holds the sockets matters only where it is found.
fn measurement(
    culprit: Culprit,
    leak: Leak,
    rows: &[&OwnedSocket],
    machine: &Machine<'_>,
) -> Measurement {
    let count = leak.counted();
    let is_found = leak.severity_of(count).is_some();
    let measured = Measurement::new(culprit, count, leak).of_group(rows.iter().copied(), machine);
    if is_found { measured.of_rows(rows.iter().copied()) } else { measured }
}

/// How many had stayed for a while at the earlier snapshot.
struct Earlier<'a> {
    machine: &'a Machine<'a>,
    settled: BTreeMap<Culprit, BTreeMap<CommonEnd, usize>>,
    over: Duration,
}

impl<'a> Earlier<'a> {
    fn of(looks: &Looks<'a>) -> Option<Self> {
        let (looks, over) = (*looks).before()?;
        let mut settled: BTreeMap<Culprit, BTreeMap<CommonEnd, usize>> = BTreeMap::new();
        for ((culprit, end), rows) in groups(looks.machine) {
            let group = Group::of(&rows, &looks, Assumed::Nothing);
            settled.entry(culprit).or_default().insert(end, group.settled);
        }
        Some(Self { machine: looks.machine, settled, over })
    }

    /// Leaves out an end of a process.
    fn forget(&mut self, culprit: Culprit, end: CommonEnd) {
        self.settled.entry(culprit).or_default().remove(&end);
    }

    /// How many there were of the same ones.
    fn before(&self, leak: &Leak, culprit: Culprit) -> usize {
        let Some(ends) = self.settled.get(&culprit) else { return 0 };
        match leak.place {
            Place::At(end) => ends.get(&end).copied().unwrap_or_default(),
            _ => ends.values().sum(),
        }
    }

    /// How long what is left of the descriptors lasts, where a leak grows by enough for long enough
    /// to tell. Where clients leave, connections that were there before become CLOSE_WAIT, and no
    /// descriptor is used up.
    fn ends_in(&self, leak: &Leak, culprit: Culprit) -> Option<Duration> {
        let growth = leak.settled.saturating_sub(self.before(leak, culprit));
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
    for row in machine.all_rows(&[TcpState::CloseWait]) {
        if !waits_in_a_full_queue(row, machine) {
            let culprit = machine.culprit(row);
            let end = common_ends.end(row, culprit, machine);
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
