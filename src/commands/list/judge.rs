//! From what the system said to the answer. Pure: the same facts give the same answer.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, ManyPorts, Ports, Remark};
use super::ask::{Facts, PortFacts};
use super::outcome::outcome;
use crate::cli::ListRequest;
use crate::commands::Outcome;
use crate::commands::shared::elsewhere::{NAMESPACES_TOLD, by_namespace};
use crate::model::{Owner, Socket};
use crate::query::{AskedPort, BindAttempt, Filter, LocalSet, PortEvidence, Row, Rows, select};
use crate::text::advice::Remedy;
use crate::text::{notes, owners, remedies};

/// How many containers are told of.
const CONTAINERS_TOLD: usize = 10;

/// The answer to what was asked for.
pub(super) fn answer<'a>(
    request: &ListRequest,
    filter: &'a Filter,
    facts: &'a Facts,
) -> Answer<'a> {
    let rows = select(&facts.snapshot, filter, request.sort.unwrap_or_default());
    let outcome = outcome(request.view, &rows);
    let ports = ports(&rows, facts);
    let mut remarks = on_gaps(&rows, facts);
    if request.view.has_remarks_on_rows() {
        remarks.extend(notes::lines(&rows, filter.local.is_some()).into_iter().map(Remark::Rows));
    }
    if outcome != Outcome::Failure {
        // Rows that are no answer: PIDs were asked for.
        if outcome == Outcome::Negative && !rows.rows.is_empty() {
            remarks.push(without_pid(&rows));
        }
        remarks.extend(beside_rows(&rows, &ports, facts));
        remarks.extend(elsewhere(filter, facts));
        remarks.extend(read_as_port(request, &rows));
        remarks.extend(containers(&rows));
        remarks.extend(facts.attempts.iter().map(Remark::Bind));
    }
    Answer { rows, ports, remarks, outcome }
}

/// What is said of rows without any PID.
fn without_pid<'a>(rows: &Rows<'_>) -> Remark<'a> {
    let is_kernels = |row: &Row<'_>| matches!(row.owner, Owner::Kernel(_));
    if rows.rows.iter().all(is_kernels) { Remark::NoProcess } else { Remark::NoPid }
}

/// What could not be seen, as far as it could change the answer.
fn on_gaps<'a>(rows: &Rows<'a>, facts: &Facts) -> Vec<Remark<'a>> {
    let covering = facts.near_misses.covering.iter().flat_map(|snapshot| &snapshot.sockets);
    let covering: Vec<&Socket> = covering.map(|row| &row.socket).collect();
    let may_be_bound = rows.may_lack_bound(&covering);
    let gaps = rows.snapshot.gaps.iter().filter(|gap| may_be_bound || !gap.is_about_bound());
    gaps.map(Remark::Gap).collect()
}

/// The verdicts on the ports, where there is evidence.
fn ports<'a>(rows: &Rows<'a>, facts: &'a Facts) -> Ports<'a> {
    let (Some(local), Some(known)) = (&rows.filter.local, &facts.ports) else {
        return Ports::NotJudged;
    };
    let evidence = evidence(rows, known, &facts.attempts);
    let protocols = rows.filter.protocols;
    match AskedPort::each(local) {
        Some(asked) => Ports::Each(
            asked
                .iter()
                .flat_map(|&port| evidence.verdicts(port, port.protocols(protocols)))
                .collect(),
        ),
        None => Ports::Many(ManyPorts {
            is_any_held: evidence.sockets.iter().any(|socket| socket.holds_port()),
            is_unseen: protocols.each().any(|protocol| evidence.hides_holders(protocol)),
            first_unprivileged: first_unprivileged(local, known.rules.privileged_below),
        }),
    }
}

/// What the ports are judged by: every socket on them, which may be the rows.
fn evidence<'a>(
    rows: &Rows<'a>,
    known: &'a PortFacts,
    attempts: &'a [BindAttempt],
) -> PortEvidence<'a> {
    let (sockets, gaps) = if let Some(table) = &known.table {
        (table.sockets.iter().collect(), &table.gaps)
    } else {
        // What is in another network namespace hinders nobody here.
        let here = rows.rows.iter().filter(|row| row.socket.netns.is_none());
        (here.map(|row| &row.socket).collect(), &rows.snapshot.gaps)
    };
    PortEvidence { sockets, gaps, rules: &known.rules, attempts }
}

/// The first port that this process may bind, where one of `local` is below it.
fn first_unprivileged(local: &LocalSet, privileged_below: Option<u16>) -> Option<u16> {
    let ports = local.all_ports();
    let lowest = ports.ranges().iter().map(|range| *range.start()).min();
    privileged_below.filter(|&first| lowest.is_some_and(|port| port < first))
}

/// Which drivers ports of Windows' System belong to.
fn drivers<'a>(rows: &Rows<'_>) -> impl Iterator<Item = Remark<'a>> {
    let is_drivers = |row: &&Row<'_>| {
        row.socket.holds_port() && row.owner.pids().any(|pid| rows.snapshot.is_kernel(pid))
    };
    let ports = rows.rows.iter().filter(is_drivers).map(|row| row.socket.local.port);
    let ports: BTreeSet<u16> = ports.collect();
    ports.into_iter().map(Remark::Driver)
}

/// What is said of the ports that were asked for, and of what nearly was.
fn beside_rows<'a>(rows: &Rows<'_>, ports: &Ports<'_>, facts: &'a Facts) -> Vec<Remark<'a>> {
    let is_empty = rows.rows.is_empty();
    let absent = facts.absent.iter().map(Remark::Absent);
    if rows.filter.local.is_none() {
        let nothing = is_empty && facts.absent.is_empty();
        return absent.chain(nothing.then_some(Remark::NoSocket)).collect();
    }
    let left_out = facts.near_misses.left_out().map(Remark::NearMiss);
    let verdict = if ports.is_any_vacant() {
        Some(Remark::Ports)
    } else {
        (is_empty && left_out.is_none()).then_some(Remark::NoSocket)
    };
    let others = facts.near_misses.others().map(Remark::NearMiss);
    absent.chain(drivers(rows)).chain(left_out).chain(verdict).chain(others).collect()
}

/// `-p 812`: a port that nobody holds may have been meant as a PID.
fn read_as_port<'a>(request: &ListRequest, rows: &Rows<'_>) -> Option<Remark<'a>> {
    let is_held =
        |port| rows.rows.iter().any(|row| row.socket.local.port == port && row.socket.holds_port());
    request.after_p.filter(|&port| !is_held(port)).map(Remark::ReadAsPort)
}

/// Which other network namespaces have what was asked for.
fn elsewhere<'a>(filter: &'a Filter, facts: &'a Facts) -> Vec<Remark<'a>> {
    let Some(snapshot) = &facts.elsewhere else { return Vec::new() };
    let by_namespace = by_namespace(filter, snapshot);
    let more = by_namespace.len().saturating_sub(NAMESPACES_TOLD);
    let told = by_namespace.into_iter().take(NAMESPACES_TOLD);
    told.map(|(namespace, rows)| Remark::Elsewhere { namespace, rows, snapshot })
        .chain((more > 0).then_some(Remark::MoreElsewhere(more)))
        .collect()
}

/// Which containers the ports belong to that are held: those that a holder runs in or serves.
fn containers<'a>(rows: &Rows<'_>) -> Vec<Remark<'a>> {
    let mut ports: BTreeMap<(String, Remedy), BTreeSet<u16>> = BTreeMap::new();
    for row in rows.rows.iter().filter(|row| row.socket.holds_port()) {
        let processes = row.owner.pids().filter_map(|pid| rows.snapshot.processes.get(&pid));
        for container in processes.filter_map(|process| process.container.as_ref()) {
            let key = (owners::container(container), remedies::stop_container(container));
            ports.entry(key).or_default().insert(row.socket.local.port);
        }
    }
    let more = ports.len().saturating_sub(CONTAINERS_TOLD);
    let told = ports.into_iter().take(CONTAINERS_TOLD);
    told.map(|((container, stop), ports)| Remark::Container { container, stop, ports })
        .chain((more > 0).then_some(Remark::MoreContainers(more)))
        .collect()
}

#[cfg(test)]
mod tests;
