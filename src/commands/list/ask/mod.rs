//! Everything that a list asks of the system, and nothing that its answer does not need.

mod binds;
mod listeners;
mod ports;
mod verbose;

use anyhow::bail;

use super::outcome::is_failure;
use crate::cli::{ListRequest, ViewKind};
use crate::commands::shared::absent::{self, AbsentOwner};
use crate::commands::shared::elsewhere;
use crate::commands::shared::in_the_way::{self, ReadSockets, Widened};
use crate::commands::shared::near_misses::{self, NearMisses};
use crate::commands::shared::survey::{complete, survey, survey_everywhere};
use crate::commands::shared::{forwarded, served};
use crate::model::{About, Depth, Snapshot};
use crate::platform::System;
use crate::query::{BindAttempt, Filter, Protocols, Rows, SortKey};
use crate::text::errors;

pub(super) use ports::PortFacts;
#[cfg(feature = "watch")]
pub(in crate::commands) use verbose::add as add_details;

/// What the system said.
#[derive(Debug)]
pub(super) struct Facts {
    /// What was seen of the sockets that were asked for, as far as the view shows it.
    pub(super) snapshot: Snapshot,
    /// The same of other network namespaces, where nothing was found in this one.
    pub(super) elsewhere: Option<Snapshot>,
    /// What the ports are judged by that were asked for, where they are.
    pub(super) ports: Option<PortFacts>,
    /// The owners that were asked for and do not exist.
    pub(super) absent: Vec<AbsentOwner>,
    /// What was nearly asked for.
    pub(super) near_misses: NearMisses,
    /// The binds that were tried.
    pub(super) attempts: Vec<BindAttempt>,
    /// Whether a person reads the answer, and not a program through a pipe.
    pub(super) is_read: bool,
}

/// The filter, which also admits what is in the way of an address that no socket holds.
pub(super) fn widened(filter: Filter, system: &impl System) -> Widened {
    in_the_way::widened_and_read(filter, in_the_way::ways(system), system)
}

/// Asks the system, and each question only if the answers before leave it open.
///
/// # Errors
/// When the sockets cannot be read at all, or what was asked for cannot be had.
pub(super) fn facts(
    request: &ListRequest,
    filter: &Filter,
    read: Option<ReadSockets>,
    view: Depth,
    system: &impl System,
) -> anyhow::Result<Facts> {
    let attempts = if request.try_bind {
        let tcp = Protocols { tcp: true, udp: false };
        binds::all(filter, request.filters.selection.protocols_or(tcp), system)?
    } else {
        Vec::new()
    };
    let mut snapshot = sockets(request, filter, read, view, system)?;
    let is_empty = !snapshot.sockets.iter().any(|row| filter.admits(row, &snapshot));
    let elsewhere = if is_empty && !request.all_namespaces {
        let (elsewhere, gaps) = elsewhere::look(filter, system);
        snapshot.gaps.extend(gaps);
        elsewhere
    } else {
        None
    };
    let (ports, near_misses) = on_ports(request, filter, &snapshot, system);
    snapshot.gaps.extend(ports.as_ref().and_then(PortFacts::rules_gap));
    let absent = absent::ask(filter, &snapshot, system);
    Ok(Facts { snapshot, elsewhere, ports, absent, near_misses, attempts, is_read: true })
}

/// The sockets that were asked for, with as much as the view shows of them.
fn sockets(
    request: &ListRequest,
    filter: &Filter,
    read: Option<ReadSockets>,
    view: Depth,
    system: &impl System,
) -> anyhow::Result<Snapshot> {
    let about = if request.verbose {
        About::Everything
    } else {
        request.sort.map_or(About::Table, SortKey::about)
    };
    let sorted = Depth { about, ..Depth::LEAST };
    let filtered = Depth { about: filter.about(), ..Depth::LEAST };
    let depth = view.and(sorted).and(filtered);
    let mut snapshot = match (request.all_namespaces, system.capabilities().network_namespaces) {
        (false, _) => match read.and_then(|read| read.of(&filter.scope(depth.detail))) {
            Some(table) => complete(system, table, depth.about, |it| filter.admits_socket(it))?,
            None => survey(system, filter, depth)?,
        },
        (true, true) => survey_everywhere(system, filter, depth)?,
        (true, false) => bail!(errors::NO_NAMESPACES),
    };
    if request.view == ViewKind::Json || request.view.has_remarks_on_rows() {
        listeners::add(system, &mut snapshot)?;
    }
    if request.verbose {
        verbose::add(system, &mut snapshot)?;
    }
    if filter.local.is_some() {
        served::add(system, &mut snapshot, |row| filter.admits_socket(&row.socket));
        forwarded::add(system, &mut snapshot, |row| filter.admits_socket(&row.socket));
    }
    Ok(snapshot)
}

/// What else is asked of ports: nothing where none was named, and nothing that would stand beside
/// a failure.
fn on_ports(
    request: &ListRequest,
    filter: &Filter,
    snapshot: &Snapshot,
    system: &impl System,
) -> (Option<PortFacts>, NearMisses) {
    let Some(local) = &filter.local else { return Default::default() };
    let rows = Rows::unsorted(snapshot, filter);
    if is_failure(request.view, &rows) {
        return Default::default();
    }
    let always = request.view == ViewKind::Json;
    let ports = ports::ask(local, &rows, always, system);
    let known = ports.as_ref().and_then(|facts| facts.table.as_ref());
    let near_misses = near_misses::ask(local, &rows, known, system);
    (ports, near_misses)
}
