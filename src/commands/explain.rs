//! `portwho explain [STATE]`: what a TCP state means, and how many sockets are in it.
//!
//! The text needs nothing of the system. Where its sockets cannot be read, their numbers are left
//! out, which is said, and is no failure.

use std::collections::BTreeMap;

use super::shared::color::wants_color;
use super::shared::survey::survey;
use super::{Outcome, Output};
use crate::cli::{ExplainRequest, Topic};
use crate::model::{About, Depth, Detail, Gap, Scope, Snapshot, StateSet, TcpState, UdpScope};
use crate::platform::{PlatformError, SocketTable, System};
use crate::query::{Filter, Protocols, SortKey, select};
use crate::render::{ExplainJson, Explained, ExplainedUdp, Overview};
use crate::text::states::{Explanation, UNCONN};
use crate::text::{errors, gaps};

/// Explains.
pub(super) fn run(
    request: ExplainRequest,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let explanations = explanations(request.topic);
    if request.json {
        return json(&explanations, request.topic == Some(Topic::Udp), system, output);
    }
    let color = wants_color(request.color, system, output);
    match request.topic {
        None => return all(color, system, output),
        Some(Topic::Udp) => output.result(|out| ExplainedUdp { color }.write(out))?,
        Some(Topic::Unconnected) => output.result(|out| writeln!(out, "{UNCONN}"))?,
        Some(Topic::State(_)) => {}
    }
    for (index, explanation) in explanations.iter().enumerate() {
        if index > 0 {
            output.result(|out| writeln!(out))?;
        }
        one(explanation, color, system, output)?;
    }
    Ok(Outcome::Success)
}

/// Every explanation that a topic stands for.
fn explanations(topic: Option<Topic>) -> Vec<Explanation> {
    let of = |states: &[TcpState]| states.iter().copied().filter_map(Explanation::of).collect();
    match topic {
        None => Explanation::ALL.into(),
        Some(Topic::State(state)) => of(&[state]),
        Some(Topic::Unconnected) => of(&[TcpState::Closed, TcpState::Bound]),
        Some(Topic::Udp) => Vec::new(),
    }
}

/// One state, with the processes that have most of it.
fn one(
    explanation: &Explanation,
    color: bool,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<()> {
    let filter = Filter {
        states: StateSet::of(&[explanation.state]),
        protocols: Protocols { tcp: true, udp: false },
        ..Filter::everything()
    };
    let depth = Depth { detail: Detail::Brief, about: About::Table };
    let snapshot = survey(system, &filter, depth);
    let seen = snapshot.as_ref().ok().filter(|found| !may_lack(explanation.state, found));
    let rows = seen.map(|snapshot| select(snapshot, &filter, SortKey::Port));
    let view = Explained { explanation, here: rows.as_ref(), color };
    let written = output.result(|out| view.write(out));
    tell(snapshot.as_ref().map(|snapshot| snapshot.gaps.as_slice()), output);
    written
}

/// Whether there may be sockets in `state` that `snapshot` does not have.
fn may_lack(state: TcpState, snapshot: &Snapshot) -> bool {
    state == TcpState::Bound && snapshot.gaps.iter().any(Gap::may_hide_bound)
}

/// All states, with the number of each.
fn all(color: bool, system: &impl System, output: &mut Output) -> anyhow::Result<Outcome> {
    let table = table(StateSet::ALL, system);
    let counts = table.as_ref().map(counts).unwrap_or_default();
    let written = output.result(|out| Overview { counts: &counts, color }.write(out));
    tell(table.as_ref().map(|table| table.gaps.as_slice()), output);
    written.map(|()| Outcome::Success)
}

/// The same for programs, of these states.
fn json(
    explanations: &[Explanation],
    udp: bool,
    system: &impl System,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let states: Vec<TcpState> = explanations.iter().map(|one| one.state).collect();
    let table = table(StateSet::of(&states), system);
    let counts = table.as_ref().map(counts).unwrap_or_default();
    let gaps = table.as_ref().map(|table| table.gaps.as_slice());
    let view = ExplainJson {
        os: system.capabilities().os,
        states: explanations,
        udp,
        counts: &counts,
        gaps: gaps.unwrap_or_default(),
    };
    let written = output.result(|out| view.write(out));
    tell(gaps, output);
    written.map(|()| Outcome::Success)
}

/// The sockets in these states; nothing is read where none is asked for.
fn table(states: StateSet, system: &impl System) -> Result<SocketTable, PlatformError> {
    if states.is_empty() {
        return Ok(SocketTable::default());
    }
    let scope = Scope { tcp: states, udp: UdpScope::None, ..Scope::everything() };
    system.sockets(&scope)
}

/// Says what could not be counted.
fn tell(seen: Result<&[Gap], &PlatformError>, output: &mut Output) {
    match seen {
        Ok(gaps) => gaps.iter().for_each(|gap| output.remark(gaps::line(gap))),
        Err(error) => output.remark(errors::not_counted(error)),
    }
}

/// How many sockets are in each state; what could not be counted is missing.
fn counts(table: &SocketTable) -> BTreeMap<TcpState, usize> {
    let mut counts = BTreeMap::from(TcpState::ALL.map(|state| (state, 0)));
    for state in table.sockets.iter().filter_map(|socket| socket.state) {
        *counts.entry(state).or_default() += 1;
    }
    if table.gaps.iter().any(Gap::may_hide_bound) {
        counts.remove(&TcpState::Bound);
    }
    counts
}
