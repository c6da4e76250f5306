//! Every question to the system, and what is kept from one look to the next.

use std::collections::BTreeMap;
use std::time::{Duration, Instant, SystemTime};

use crate::commands::shared::inspect::{inspect, machine};
use crate::commands::shared::installed::Programs;
use crate::commands::shared::survey::complete;
use crate::findings::{Diagnosis, Inspection, Machine};
use crate::metrics::{self, Drops, Look, PortRanges, Remembered, Table};
use crate::model::{
    About, Detail, Gap, MachineLimits, Pid, PortRules, Protocol, Reach, Reading, Scope, StateSet,
    TcpSettings, Untrusted,
};
use crate::platform::{NamespaceTable, PlatformError, System};
use crate::query::{Filter, PortSet};
use crate::text::metrics as text;

/// What is asked for at each look.
pub(super) struct Wanted {
    /// Which sockets; none for all.
    pub(super) filter: Option<Filter>,
    /// Whether other network namespaces are looked at.
    pub(super) all_namespaces: bool,
    /// The ports that keep their numbers.
    pub(super) named_ports: PortSet,
}

/// What one look saw.
pub(super) struct Seen {
    begun: Instant,
    taken: SystemTime,
    took: Duration,
    inspection: Inspection,
    elsewhere: Option<Inspection>,
    programs: BTreeMap<Pid, Untrusted>,
    own: Pid,
}

impl Seen {
    /// How long ago the look was begun.
    pub(super) fn age(&self) -> Duration {
        self.begun.elapsed()
    }

    /// What could not be seen.
    pub(super) fn gaps(&self) -> impl Iterator<Item = &Gap> {
        let elsewhere = self.elsewhere.iter().flat_map(|other| &other.snapshot.gaps);
        self.inspection.snapshot.gaps.iter().chain(elsewhere)
    }
}

/// Looks at the machine.
///
/// # Errors
/// When the sockets cannot be read at all.
pub(super) fn look(wanted: &Wanted, system: &impl System) -> Result<Seen, PlatformError> {
    let (begun, taken) = (Instant::now(), SystemTime::now());
    let mut inspection = inspect(system, wanted.filter.as_ref())?;
    if !wanted.all_namespaces && system.is_apart_from_first() == Some(true) {
        let why = Some(text::APART_FROM_FIRST.to_owned());
        inspection.snapshot.gaps.push(Gap::NamespacesUnseen { why });
    }
    let elsewhere = wanted.all_namespaces.then(|| elsewhere(wanted.filter.as_ref(), system));
    let elsewhere = elsewhere.transpose()?;
    let programs = programs(&inspection, elsewhere.as_ref(), system);
    let own = system.ancestors().first().copied().unwrap_or(Pid(std::process::id()));
    Ok(Seen { begun, taken, took: begun.elapsed(), inspection, elsewhere, programs, own })
}

/// The names of programs that only an administrator can have put where they are.
fn programs(
    here: &Inspection,
    elsewhere: Option<&Inspection>,
    system: &impl System,
) -> BTreeMap<Pid, Untrusted> {
    let inspections = std::iter::once(here).chain(elsewhere);
    let processes = inspections.flat_map(|one| one.snapshot.processes.values());
    let programs = Programs::of_all(processes.clone(), here.snapshot.capabilities, system);
    processes.filter_map(|one| Some((one.pid, programs.installed_name(one)?))).collect()
}

/// The sockets of other network namespaces. Where these cannot be searched, that is a gap.
///
/// # Errors
/// When owners cannot be searched by the way that was asked for.
fn elsewhere(filter: Option<&Filter>, system: &impl System) -> Result<Inspection, PlatformError> {
    let scope = Scope { tcp: StateSet::ALL, detail: Detail::Drops, ..Scope::everything() };
    let found = system.sockets_elsewhere(&scope, Reach::Descriptors);
    let found = found.unwrap_or_else(|error| {
        let mut nothing = NamespaceTable { complete: true, ..NamespaceTable::default() };
        nothing.table.gaps.push(Gap::NamespacesUnseen { why: Some(error.to_string()) });
        nothing
    });
    let NamespaceTable { table, namespaces, complete: is_complete, .. } = found;
    let mut snapshot = complete(system, table, About::Identity, |socket| {
        filter.is_none_or(|filter| filter.admits_socket(socket))
    })?;
    // As in the namespace of its own.
    snapshot.gaps.retain(|gap| !gap.is_about_bound());
    if !is_complete && !snapshot.gaps.iter().any(Gap::is_about_namespaces) {
        let why = Some(text::NOT_EVERY_PROCESS.to_owned());
        snapshot.gaps.push(Gap::NamespacesUnseen { why });
    }
    snapshot.namespaces = namespaces;
    let pids = snapshot.processes.keys().copied().collect();
    Ok(Inspection {
        particulars: system.particulars(&pids),
        particulars_after: Duration::MAX,
        rules: PortRules::default(),
        settings: TcpSettings::default(),
        limits: MachineLimits::default(),
        unconnected: Reading::Unreported,
        unlisted_bound: 0,
        snapshot,
    })
}

/// The metrics of a look, and of what changed since an earlier one, as text. `drops` and `remembered` are
/// what is kept from look to look.
pub(super) fn exposition(
    seen: &Seen,
    earlier: Option<(&Seen, Duration)>,
    wanted: &Wanted,
    drops: Option<&mut Drops>,
    remembered: &mut Remembered,
) -> Vec<u8> {
    let filter = wanted.filter.as_ref();
    let machine_now = machine(&seen.inspection, filter);
    let before = earlier.map(|(earlier, over)| (machine(&earlier.inspection, filter), over));
    let before = before.as_ref().map(|(machine, over)| (machine, *over));
    let diagnosis = Diagnosis::new(&machine_now, before);
    let elsewhere = seen.elsewhere.as_ref().map(|other| machine(other, filter));
    let look = Look {
        taken: seen.taken,
        took: seen.took,
        tables: tables(seen),
        diagnosis: &diagnosis,
        elsewhere: elsewhere.as_ref(),
        programs: &seen.programs,
        own: seen.own,
        ports: port_ranges(&machine_now, wanted),
    };
    let mut text = Vec::new();
    // Nothing fails that is written into memory.
    let _ = metrics::write(&metrics::families(&look, drops, remembered), &mut text);
    text
}

/// The tables that every look reads, and whether it could.
fn tables(seen: &Seen) -> Vec<Table> {
    let is_missing = |name: &str| {
        seen.gaps().any(|gap| matches!(gap, Gap::TableUnreadable { table, .. } if table == name))
    };
    let of = |name, protocol| Table { name, protocol: Some(protocol), is_read: !is_missing(name) };
    let mut tables = vec![
        of("tcp", Protocol::Tcp),
        of("tcp6", Protocol::Tcp),
        of("udp", Protocol::Udp),
        of("udp6", Protocol::Udp),
    ];
    if seen.elsewhere.is_some() {
        let is_read = !seen.gaps().any(Gap::is_about_namespaces);
        tables.push(Table { name: "namespaces", protocol: None, is_read });
    }
    tables
}

fn port_ranges(machine: &Machine<'_>, wanted: &Wanted) -> PortRanges {
    PortRanges {
        ephemeral: machine.rules.ephemeral.clone(),
        reserved: machine.rules.reserved.iter().cloned().collect(),
        named: wanted.named_ports.clone(),
    }
}
