//! From what the system said to the answer. Pure: the same facts give the same answer.

use std::collections::{BTreeMap, BTreeSet};

use super::answer::{Answer, ManyPorts, Remark, Vacant};
use super::ask::{Facts, PortFacts};
use super::outcome::outcome;
use crate::cli::{ListRequest, ViewKind};
use crate::commands::Outcome;
use crate::commands::shared::elsewhere::{NAMESPACES_TOLD, by_namespace};
use crate::commands::shared::in_the_way;
use crate::model::{Gap, Owner, PortRules, Protocol, Socket, TcpState};
use crate::query::{
    AskedPort, Filter, LocalSet, PortEvidence, PortVerdicts, Row, Rows, SocketsByPort, Verdict,
    select,
};
use crate::text::advice::Remedy;
use crate::text::states::stuck;
use crate::text::{notes, owners, remedies};

/// How many containers are reported.
const CONTAINERS_TOLD: usize = 10;

/// The answer to what was asked for.
pub(super) fn answer<'a>(
    request: &ListRequest,
    filter: &'a Filter,
    facts: &'a Facts,
) -> Answer<'a> {
    let rows = select(&facts.snapshot, filter, request.sort.unwrap_or_default());
    let outcome = outcome(request.view, &rows);
    let (ports, vacant) = ports(&rows, facts);
    let (mut remarks, on_namespaces) = on_gaps(request, &rows);
    if is_everything(request, filter) && !facts.is_read && !rows.rows.is_empty() {
        remarks.extend(on_namespaces);
        return Answer { rows, ports, remarks, outcome };
    }
    if request.view.has_remarks_on_rows() {
        remarks.extend(notes::lines(&rows, filter.local.is_some()).into_iter().map(Remark::Rows));
        remarks.extend(stuck(request, &rows, facts));
    }
    if outcome != Outcome::Failure {
        // Rows that are no answer: PIDs were asked for.
        if outcome == Outcome::Negative && !rows.rows.is_empty() {
            remarks.push(without_pid(&rows));
        }
        remarks.extend(in_the_way::alike(&rows.rows, filter).into_iter().map(Remark::InTheWay));
        let only_ipv6 = only_ipv6(&rows, facts);
        let beside = vacant.as_ref().and_then(|vacant| beside(vacant, &rows, only_ipv6.is_some()));
        remarks.extend(only_ipv6);
        remarks.extend(beside_rows(&rows, vacant, facts));
        remarks.extend(beside);
        remarks.extend(elsewhere(request, filter, facts));
        remarks.extend(read_as_port(request, &rows));
        remarks.extend(containers(&rows));
        remarks.extend(facts.attempts.iter().map(Remark::Bind));
    }
    remarks.extend(on_namespaces);
    Answer { rows, ports, remarks, outcome }
}

/// The states of the rows in which sockets should not stay, where such states were asked for and a person
/// reads the answer; among open connections they are no subject.
fn stuck<'a>(request: &ListRequest, rows: &Rows<'_>, facts: &Facts) -> Vec<Remark<'a>> {
    let asked = request.filters.by_state && !request.filters.states.contains(TcpState::Established);
    if !asked || !facts.is_read {
        return Vec::new();
    }
    let shown = |state: &TcpState| rows.rows.iter().any(|row| row.socket.state == Some(*state));
    let stuck = TcpState::ALL.into_iter().filter(|state| stuck::is_told(*state));
    stuck.filter(shown).map(Remark::Stuck).collect()
}

/// Whether no question was asked: remarks would concern any of the rows.
fn is_everything(request: &ListRequest, filter: &Filter) -> bool {
    filter.local.is_none()
        && filter.is_by_local_end_alone()
        && !request.all_namespaces
        && !request.try_bind
        && request.view == ViewKind::Tables
}

/// What is said of rows without any PID.
fn without_pid<'a>(rows: &Rows<'_>) -> Remark<'a> {
    let is_kernels = |row: &Row<'_>| matches!(row.owner, Owner::Kernel(_));
    if rows.rows.iter().all(is_kernels) { Remark::NoProcess } else { Remark::NoPid }
}

/// What could not be seen, as far as it could change the answer; and apart, because it comes after the
/// verdicts on ports, what could not be seen of other network namespaces where they were not asked for:
/// no bind here meets it.
fn on_gaps<'a>(request: &ListRequest, rows: &Rows<'a>) -> (Vec<Remark<'a>>, Vec<Remark<'a>>) {
    let may_be_bound = rows.may_lack_bound(&[]);
    let gaps = rows.snapshot.gaps.iter().filter(|gap| may_be_bound || !gap.is_about_bound());
    let is_beside = rows.rows.is_empty() && !request.all_namespaces;
    let (later, first): (Vec<&Gap>, Vec<&Gap>) =
        gaps.partition(|gap| gap.is_about_namespaces() && is_beside);
    let remarks = |gaps: Vec<&'a Gap>| gaps.into_iter().map(Remark::Gap).collect();
    (remarks(first), remarks(later))
}

/// The verdicts on the ports, and what is told of those that no socket holds; nothing where there
/// is no evidence.
fn ports<'a>(rows: &Rows<'a>, facts: &'a Facts) -> (Option<PortVerdicts<'a>>, Option<Vacant<'a>>) {
    let (Some(local), Some(known)) = (&rows.filter.local, &facts.ports) else {
        return (None, None);
    };
    let evidence = evidence(rows, known, facts);
    let is_many = AskedPort::each(local).is_none();
    let elsewhere = Some(facts.elsewhere.as_ref().unwrap_or(rows.snapshot));
    let mut ports = PortVerdicts { elsewhere, ..PortVerdicts::default() };
    let shown: SocketsByPort<'_> = rows.rows.iter().map(|row| &row.socket).collect();
    let mut each = Vec::new();
    let mut free: BTreeMap<u16, bool> = BTreeMap::new();
    let first_unprivileged = first_unprivileged(local, &known.rules);
    let mut many = ManyPorts { first_unprivileged, ..ManyPorts::default() };
    for asked in AskedPort::all(local) {
        let verdicts = evidence.verdicts(asked, rows.filter.protocols);
        let is_vacant = many.count(&verdicts);
        if is_vacant && !is_many && !is_told_by(asked, shown.on(asked.port), rows.filter) {
            each.push(verdicts.clone());
        }
        for verdict in verdicts {
            let is_free = verdict.verdict() == Verdict::Free;
            ports.free_count += usize::from(is_free);
            *free.entry(asked.port).or_insert(true) &= is_free;
            if !(is_free && is_many) {
                ports.told.push(verdict);
            }
        }
    }
    let free = free.into_iter().filter(|(_, is_free)| *is_free);
    ports.free = free.map(|(port, _)| port..=port).collect();
    many.first_free = ports.free.ranges().first().map(|range| *range.start());
    let vacant = match (is_many, many.vacant) {
        (true, 1..) => Some(Vacant::Many(many)),
        _ => (!each.is_empty()).then_some(Vacant::Each(each)),
    };
    (Some(ports), vacant)
}

/// Whether the rows say enough of a port: they hold it elsewhere, or were picked by more than their
/// end and say nothing of the others.
fn is_told_by(asked: AskedPort, on_port: &[&Socket], filter: &Filter) -> bool {
    let is_narrowed = !filter.is_by_bind_alone();
    on_port.iter().any(|socket| match socket.netns {
        None => is_narrowed && asked.meets(socket),
        Some(_) => socket.holds_port() && asked.meets(socket),
    })
}

/// What the ports are judged by: every socket on them, which may be the rows.
fn evidence<'a>(rows: &Rows<'a>, known: &'a PortFacts, facts: &'a Facts) -> PortEvidence<'a> {
    let (sockets, gaps) = if let Some(table) = &known.table {
        (table.sockets.iter().collect(), &table.gaps)
    } else {
        // What is in another network namespace does not matter here.
        let here = rows.rows.iter().filter(|row| row.socket.netns.is_none());
        (here.map(|row| &row.socket).collect(), &rows.snapshot.gaps)
    };
    // Rows of other namespaces are there only where all of them were asked for.
    let elsewhere = facts.elsewhere.iter().flat_map(|snapshot| &snapshot.sockets);
    let shown = rows.rows.iter().copied().filter(|row| row.socket.netns.is_some());
    let elsewhere = elsewhere.chain(shown).collect();
    PortEvidence {
        families: rows.filter.families,
        sockets,
        narrower_blocks: rows.snapshot.capabilities.narrower_blocks_bind,
        gaps,
        rules: &known.rules,
        attempts: &facts.attempts,
        elsewhere,
    }
}

/// The ports that a socket at `[::]` holds for IPv6 only, where the question was about IPv4.
fn only_ipv6<'a>(rows: &Rows<'_>, facts: &Facts) -> Option<Remark<'a>> {
    let filter = rows.filter;
    let local = filter.local.as_ref()?;
    let is_v4 = filter.families.v4 && !filter.families.v6;
    let anywhere = local.anywhere().map(|(ports, protocol)| (ports, protocol, is_v4));
    let places = local.places.iter();
    let places =
        places.map(|place| (&place.ports, place.protocol, is_v4 || place.address.is_ipv4()));
    let asked: Vec<_> = anywhere.chain(places).filter(|(_, _, is_v4)| *is_v4).collect();
    let table = facts.ports.as_ref().and_then(|known| known.table.as_ref())?;
    let left = table.sockets.iter().filter(|socket| socket.leaves_ipv4()).filter(|socket| {
        let allowed = filter.protocols.contains(socket.protocol);
        asked.iter().any(|(ports, protocol, _)| {
            ports.contains(&socket.local.port)
                && protocol.map_or(allowed, |protocol| protocol == socket.protocol)
        })
    });
    let mut ports: BTreeSet<u16> = left.map(|socket| socket.local.port).collect();
    for held in rows.rows.iter().filter(|row| row.socket.holds_port()) {
        ports.remove(&held.socket.local.port);
    }
    (!ports.is_empty()).then_some(Remark::OnlyIpv6(ports))
}

/// What holds the ports at other addresses than those that nothing holds; without the sockets of
/// IPv6 that are told of already, and those that are among the rows.
fn beside<'a>(vacant: &Vacant<'a>, rows: &Rows<'_>, is_ipv6_told: bool) -> Option<Remark<'a>> {
    let Vacant::Each(each) = vacant else { return None };
    let at_an_address = each.iter().flatten().filter(|one| one.asked.address.is_some());
    let beside = at_an_address.flat_map(|one| one.beside.iter().copied());
    let beside = beside.filter(|it| !(is_ipv6_told && it.leaves_ipv4()));
    let is_shown = |socket: &&Socket| rows.rows.iter().any(|row| row.socket == **socket);
    let beside: Vec<_> = beside.filter(|socket| !is_shown(socket)).collect();
    (!beside.is_empty()).then_some(Remark::Beside(beside))
}

/// The first port that this process may bind, where one of `local` is below it.
fn first_unprivileged(local: &LocalSet, rules: &BTreeMap<Protocol, PortRules>) -> Option<u16> {
    let privileged_below = rules.values().find_map(|rules| rules.privileged_below);
    let ports = local.all_ports();
    let lowest = ports.ranges().iter().map(|range| *range.start()).min();
    privileged_below.filter(|&first| lowest.is_some_and(|port| port < first))
}

/// Which drivers ports of Windows' System belong to.
fn drivers<'a>(rows: &Rows<'_>) -> impl Iterator<Item = Remark<'a>> {
    let holders = rows.rows.iter().filter(|row| row.socket.holds_port());
    let drivers = holders.filter(|row| row.owner.pids().any(|pid| rows.snapshot.is_kernel(pid)));
    let ports: BTreeSet<u16> = drivers.map(|row| row.socket.local.port).collect();
    ports.into_iter().map(Remark::Driver)
}

/// Which ports a service forwards.
fn forwarded<'a>(rows: &Rows<'_>) -> impl Iterator<Item = Remark<'a>> {
    let ports = rows.snapshot.port_proxies.iter().map(|(rule, _)| rule.port);
    ports.collect::<BTreeSet<u16>>().into_iter().map(Remark::Forwarded)
}

/// What is said of the ports that were asked for, and of what nearly was.
fn beside_rows<'a>(
    rows: &Rows<'_>,
    vacant: Option<Vacant<'a>>,
    facts: &'a Facts,
) -> Vec<Remark<'a>> {
    let is_empty = rows.rows.is_empty();
    let absent = facts.absent.iter().map(Remark::Absent);
    if rows.filter.local.is_none() {
        let nothing = is_empty && facts.absent.is_empty();
        return absent.chain(nothing.then_some(Remark::NoSocket)).collect();
    }
    let left_out = facts.near_misses.left_out().map(Remark::NearMiss);
    let none = (is_empty && left_out.is_none()).then_some(Remark::NoSocket);
    let verdict = vacant.map(Remark::Vacant).or(none);
    let others = facts.near_misses.others().map(Remark::NearMiss);
    absent
        .chain(drivers(rows))
        .chain(forwarded(rows))
        .chain(left_out)
        .chain(verdict)
        .chain(others)
        .collect()
}

/// `-p 812`: a port that no socket holds may have been meant as a PID.
fn read_as_port<'a>(request: &ListRequest, rows: &Rows<'_>) -> Option<Remark<'a>> {
    let port = request.after_p?;
    let mut holders = rows.rows.iter().filter(|row| row.socket.holds_port());
    let is_held = holders.any(|row| row.socket.local.port == port);
    (!is_held).then_some(Remark::ReadAsPort(port))
}

/// Which other network namespaces have what was asked for.
fn elsewhere<'a>(request: &ListRequest, filter: &'a Filter, facts: &'a Facts) -> Vec<Remark<'a>> {
    let Some(snapshot) = &facts.elsewhere else { return Vec::new() };
    let list: Remedy = request.in_all_namespaces(snapshot.capabilities.shell).into();
    let by_namespace = by_namespace(filter, snapshot);
    let more = by_namespace.len().saturating_sub(NAMESPACES_TOLD);
    let told = by_namespace.into_iter().take(NAMESPACES_TOLD).map(|(namespace, rows)| {
        Remark::Elsewhere { namespace, rows, snapshot, list: list.clone() }
    });
    told.chain((more > 0).then(|| Remark::MoreElsewhere(more, list.clone()))).collect()
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
