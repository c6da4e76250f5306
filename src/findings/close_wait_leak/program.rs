//! The processes of one program: those of a server that has one for each connection, or several workers.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::leak::Program;
use super::{CommonEnd, Culprit, Group, Machine};
use crate::model::{OwnedSocket, Pid, Uid, Untrusted};

/// The parent of what has lost its own, and of every service.
const INIT: Pid = Pid(1);

/// What processes of one program have in common.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Tie<'a> {
    /// One is this process, or has it as its parent.
    Family(Pid),
    /// Their name and their user.
    Alike(&'a Untrusted, Option<Uid>),
}

/// The CLOSE_WAIT that a process has at a port.
pub(super) type Member<'a> = (Culprit, Group<'a>);

/// What the processes of one program have at a port together.
pub(super) struct Family<'a> {
    pub(super) program: Program,
    pub(super) culprit: Culprit,
    pub(super) group: Group<'a>,
    /// Its processes.
    pub(super) members: Vec<Culprit>,
    /// Whether all that have too few of their own there are among them.
    pub(super) is_whole: bool,
}

impl<'a> Family<'a> {
    /// Adds a process that has enough of its own, and shares them with the others.
    pub(super) fn join(&mut self, (culprit, group): Member<'a>) {
        self.program.processes += 1;
        self.group.add(&group);
        self.members.push(culprit);
    }
}

/// The families among those that have CLOSE_WAIT at the same port, of two processes or more.
pub(super) fn families<'a>(
    port: u16,
    members: &[Member<'a>],
    is_alone: bool,
    machine: &Machine<'a>,
) -> Vec<Family<'a>> {
    let mut families: BTreeMap<usize, Vec<&Member<'a>>> = BTreeMap::new();
    for (member, family) in members.iter().zip(numbers(members, machine)) {
        families.entry(family).or_default().push(member);
    }
    let is_whole = families.len() == 1;
    let families = families.into_values().filter(|members| members.len() > 1);
    let family = |members: Vec<&Member<'a>>| {
        let mut group = Group::default();
        for (_, own) in &members {
            group.add(own);
        }
        Family {
            program: Program { port, processes: members.len(), is_alone: is_whole && is_alone },
            culprit: culprit(&members, machine),
            group,
            members: members.iter().map(|(culprit, _)| *culprit).collect(),
            is_whole,
        }
    };
    families.map(family).collect()
}

/// The number of the family of each member.
fn numbers<'a>(members: &[Member<'a>], machine: &Machine<'a>) -> Vec<usize> {
    let mut above: Vec<usize> = (0..members.len()).collect();
    let mut first: FxHashMap<Tie<'a>, usize> = FxHashMap::default();
    for (number, (culprit, _)) in members.iter().enumerate() {
        for tie in ties(*culprit, machine) {
            let other = *first.entry(tie).or_insert(number);
            let (here, there) = (top(&mut above, number), top(&mut above, other));
            if let Some(place) = above.get_mut(here.max(there)) {
                *place = here.min(there);
            }
        }
    }
    (0..members.len()).map(|number| top(&mut above, number)).collect()
}

/// The first member of the family of this one. The way there is halved for the next time.
fn top(above: &mut [usize], mut number: usize) -> usize {
    while let Some(next) = above.get(number).copied().filter(|next| *next != number) {
        let after = above.get(next).copied().unwrap_or(next);
        if let Some(place) = above.get_mut(number) {
            *place = after;
        }
        number = after;
    }
    number
}

fn ties<'a>(culprit: Culprit, machine: &Machine<'a>) -> impl Iterator<Item = Tie<'a>> {
    let process = culprit.process(machine);
    let parent = parent(culprit, machine);
    let alike = process.map(|process| Tie::Alike(&process.name, process.uid));
    let family = culprit.pid().into_iter().chain(parent).map(Tie::Family);
    family.chain(alike)
}

fn parent(culprit: Culprit, machine: &Machine<'_>) -> Option<Pid> {
    culprit.process(machine)?.parent.filter(|parent| *parent > INIT)
}

/// Who is named for them: the process that listens, their parent, or the one with most of them.
fn culprit(members: &[&Member<'_>], machine: &Machine<'_>) -> Culprit {
    let rows = members.iter().flat_map(|(_, group)| group.rows());
    let listener = rows.map(|row| machine.listener(&row.socket)).next().flatten();
    let listener = listener.map(|row| machine.culprit(row));
    let listener = listener.filter(|culprit| culprit.pid().is_some_and(|pid| pid > INIT));
    let mut parents = members.iter().map(|(culprit, _)| parent(*culprit, machine));
    let parent = parents.next().flatten().filter(|first| parents.all(|it| it == Some(*first)));
    let most = members.iter().max_by_key(|(_, group)| group.rows().count());
    let most = most.map(|(culprit, _)| *culprit);
    listener.or_else(|| parent.map(Culprit::Process)).or(most).unwrap_or(Culprit::Unknown)
}

/// The port of a server.
pub(super) const fn port(end: CommonEnd) -> Option<u16> {
    match end {
        CommonEnd::Port(port) => Some(port),
        CommonEnd::Foreign(_) => None,
    }
}

impl<'a> Group<'a> {
    /// Those that are not young and not in use.
    pub(super) fn rows(&self) -> impl Iterator<Item = &'a OwnedSocket> {
        self.lasting.iter().chain(&self.doubtful).copied()
    }
}
