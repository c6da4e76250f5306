//! What processes have in common, and which processes they descend from.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::holdings::{Holdings, Place};
use crate::model::{Pid, Process, Session, Untrusted};

/// What two holders of one socket have in common when they are workers of one server.
pub(super) type WorkerKey<'a> = (&'a Untrusted, &'a Untrusted, Membership<'a>);

/// Where a process belongs.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Membership<'a> {
    Session(u32),
    Unit(&'a Untrusted, bool),
}

/// The user, the program, and the session or the unit; nothing where one of them is unknown.
fn worker_keys(process: &Process) -> Vec<WorkerKey<'_>> {
    let (Some(user), Some(program)) = (&process.user, &process.executable) else {
        return Vec::new();
    };
    // Session 0 is that of all processes whose leader is outside this PID namespace.
    let session = match process.session {
        Session { id: Some(id), .. } if id != 0 => Some(Membership::Session(id)),
        _ => None,
    };
    let unit = process.services.first().map(|unit| Membership::Unit(&unit.name, unit.of_user));
    session.into_iter().chain(unit).map(|membership| (user, program, membership)).collect()
}

/// The worker keys of each holder, by numbers that stand for them.
pub(super) fn numbered_keys(
    holdings: &Holdings<'_>,
    processes: &BTreeMap<Pid, Process>,
) -> Vec<Vec<usize>> {
    let mut numbers: BTreeMap<WorkerKey<'_>, usize> = BTreeMap::new();
    let numbered = holdings.pids().iter().map(|pid| {
        let keys = processes.get(pid).map(worker_keys).unwrap_or_default();
        keys.into_iter().map(|key| number(key, &mut numbers)).collect()
    });
    numbered.collect()
}

/// The number of a key: the next one where it has none yet.
fn number<'a>(key: WorkerKey<'a>, numbers: &mut BTreeMap<WorkerKey<'a>, usize>) -> usize {
    let next = numbers.len();
    *numbers.entry(key).or_insert(next)
}

/// The parent of a process. One that is younger than its child only has the parent's PID.
fn parent<'a>(child: &Process, processes: &'a BTreeMap<Pid, Process>) -> Option<&'a Process> {
    let parent = processes.get(&child.parent?)?;
    let is_newcomer = parent.birth.zip(child.birth).is_some_and(|(parent, child)| parent > child);
    Some(parent).filter(|_| !is_newcomer)
}

/// The nearest ancestor of each holder that is a holder too.
#[derive(Debug)]
pub(super) struct Families {
    nearest: Vec<Option<Place>>,
}

impl Families {
    /// Those of all holders. Each process is passed once, however many descend from it.
    pub(super) fn new(holdings: &Holdings<'_>, processes: &BTreeMap<Pid, Process>) -> Self {
        let mut above: FxHashMap<Pid, Option<Place>> = FxHashMap::default();
        let nearest = holdings.pids().iter().map(|pid| {
            let mut at = processes.get(pid).and_then(|process| parent(process, processes));
            let mut passed = Vec::new();
            let found = loop {
                let Some(process) = at.filter(|process| process.pid != *pid) else { break None };
                if let Some(place) = holdings.place(process.pid) {
                    break Some(place);
                }
                if let Some(known) = above.get(&process.pid) {
                    break *known;
                }
                // Parents are read one after the other, so a reused PID may close a circle.
                above.insert(process.pid, None);
                passed.push(process.pid);
                at = parent(process, processes);
            };
            above.extend(passed.into_iter().map(|pid| (pid, found)));
            found
        });
        Self { nearest: nearest.collect() }
    }

    /// The same among a part of the holders.
    pub(super) fn among<'a>(&'a self, members: &'a Members) -> FamiliesAmong<'a> {
        FamiliesAmong { families: self, members, known: FxHashMap::default() }
    }
}

/// Some of the holders. It is filled again and again.
#[derive(Debug)]
pub(super) struct Members {
    /// In which round each was one of them last.
    rounds: Vec<usize>,
    round: usize,
    places: Vec<Place>,
}

impl Members {
    /// None of `count` holders.
    pub(super) fn none(count: usize) -> Self {
        Self { rounds: vec![0; count], round: 0, places: Vec::new() }
    }

    /// These and no others.
    pub(super) fn fill(&mut self, places: impl Iterator<Item = Place>) {
        self.round += 1;
        self.places.clear();
        for place in places {
            if let Some(round) = self.rounds.get_mut(place).filter(|round| **round != self.round) {
                *round = self.round;
                self.places.push(place);
            }
        }
        self.places.sort_unstable();
    }

    /// Whether a holder is one of them.
    pub(super) fn has(&self, place: Place) -> bool {
        self.rounds.get(place) == Some(&self.round)
    }

    /// Them, ascending.
    pub(super) fn places(&self) -> &[Place] {
        &self.places
    }
}

/// The nearest ancestors among some of the holders.
pub(super) struct FamiliesAmong<'a> {
    families: &'a Families,
    members: &'a Members,
    /// What was found for those that are passed and are none of them.
    known: FxHashMap<Place, Option<Place>>,
}

impl FamiliesAmong<'_> {
    /// The nearest ancestor of a holder that is one of them.
    pub(super) fn nearest(&mut self, place: Place) -> Option<Place> {
        let above = |place: Place| self.families.nearest.get(place).copied().flatten();
        let mut passed = Vec::new();
        let mut at = above(place);
        let found = loop {
            let Some(ancestor) = at.filter(|ancestor| *ancestor != place) else { break None };
            if self.members.has(ancestor) {
                break Some(ancestor);
            }
            if let Some(known) = self.known.get(&ancestor) {
                break *known;
            }
            self.known.insert(ancestor, None);
            passed.push(ancestor);
            at = above(ancestor);
        };
        self.known.extend(passed.into_iter().map(|ancestor| (ancestor, found)));
        found
    }
}
