//! All families of a look.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::family::count;
use super::listeners::Listeners;
use super::owners::Owners;
use super::{Drops, Family, LabelSet, LabelValue, Look, Remembered, processes, sockets};
use crate::findings::{Check, Finding, ephemeral_ports_used};
use crate::model::{Gap, Protocol};
use crate::text::metrics as text;

/// All metrics of a look. `drops` are what a resident has counted so far, and `remembered` is what users
/// have added to earlier looks.
#[must_use]
pub fn families(
    look: &Look<'_>,
    drops: Option<&mut Drops>,
    remembered: &mut Remembered,
) -> Vec<Family> {
    let owners = Owners::new(look, remembered);
    let listeners = Listeners::new(look, &owners, remembered);
    let mut families = vec![
        build_info(),
        Family::single(text::LOOK_TIMESTAMP, seconds_since_1970(look.taken)),
        Family::single(text::LOOK_DURATION, rounded(look.took)),
        tables(look),
        sockets::counts(look, &owners),
        sockets::oldest_close_wait(look, &owners),
        listeners.info(&owners),
        listeners.drops(drops),
        ephemeral_ports(look),
        findings(look, &owners),
        checks(look),
        gaps(look),
        Family::single(text::SERIES_MERGED, count((owners.merged() + listeners.merged) as u64)),
    ];
    families.extend(listeners.queues());
    families.extend(processes::descriptors(look, &owners));
    families
}

fn build_info() -> Family {
    let mut family = Family::gauge(text::BUILD_INFO);
    family.set(vec![("version", LabelValue::word(env!("CARGO_PKG_VERSION")))], 1.0);
    family
}

/// With milliseconds.
fn seconds_since_1970(time: SystemTime) -> f64 {
    rounded(time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
}

#[expect(clippy::cast_precision_loss, reason = "a time in milliseconds has fewer than 53 bits")]
fn rounded(duration: Duration) -> f64 {
    duration.as_millis() as f64 / 1000.0
}

fn tables(look: &Look<'_>) -> Family {
    let mut family = Family::gauge(text::LOOK_SUCCESS);
    for table in &look.tables {
        family.set(vec![("table", LabelValue::word(table.name))], flag(table.is_read));
    }
    family
}

const fn flag(is_so: bool) -> f64 {
    if is_so { 1.0 } else { 0.0 }
}

fn ephemeral_ports(look: &Look<'_>) -> Family {
    let ratio = ephemeral_ports_used(look.diagnosis.machine).filter(|_| look.has(Protocol::Tcp));
    match ratio {
        Some(ratio) => Family::single(text::EPHEMERAL_PORTS, (ratio * 1e4).round() / 1e4),
        None => Family::gauge(text::EPHEMERAL_PORTS),
    }
}

/// Whether a check was made, of tables that were read completely.
fn is_made(check: &Check, look: &Look<'_>) -> bool {
    let is_possible =
        look.diagnosis.checks.iter().any(|(made, need)| made.kind == check.kind && need.is_none());
    is_possible && check.protocols().iter().all(|protocol| look.has(*protocol))
}

fn checks(look: &Look<'_>) -> Family {
    let mut family = Family::gauge(text::CHECK_SUCCESS);
    for (check, _) in &look.diagnosis.checks {
        family.set(vec![("kind", LabelValue::word(check.kind))], flag(is_made(check, look)));
    }
    family
}

/// The findings of the checks that were made, those included that another one stands for.
fn findings(look: &Look<'_>, owners: &Owners<'_>) -> Family {
    let mut family = Family::gauge(text::FINDINGS);
    let made: Vec<&str> = look
        .diagnosis
        .checks
        .iter()
        .filter(|(check, _)| is_made(check, look))
        .map(|(check, _)| check.kind)
        .collect();
    for finding in look.diagnosis.findings.iter().filter(|finding| made.contains(&finding.kind)) {
        let mut labels = vec![("kind", LabelValue::word(finding.kind))];
        owner_of(finding, look, owners, &mut labels);
        family.add(labels, count(1 + finding.others.findings as u64));
    }
    family
}

fn owner_of(finding: &Finding, look: &Look<'_>, owners: &Owners<'_>, labels: &mut LabelSet) {
    let machine = look.diagnosis.machine;
    owners.extend(labels, &owners.of_culprit(finding.measurement.culprit, machine));
}

/// How much was not seen, for every kind of gap.
fn gaps(look: &Look<'_>) -> Family {
    let mut counts: BTreeMap<&'static str, u64> = Gap::KINDS.map(|kind| (kind, 0)).into();
    let machines = [Some(look.diagnosis.machine), look.elsewhere].into_iter().flatten();
    for gap in machines.flat_map(|machine| &machine.snapshot.gaps) {
        *counts.entry(gap.kind()).or_default() += gap.count().unwrap_or(1) as u64;
    }
    let mut family = Family::gauge(text::GAPS);
    for (kind, number) in counts {
        family.set(vec![("kind", LabelValue::word(kind))], count(number));
    }
    family
}
