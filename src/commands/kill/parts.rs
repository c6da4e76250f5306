//! The holders in parts: those that are ended together, and as many parts as can be reported.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashMap;

use super::group::Group;
use super::holdings::{Holdings, Place};
use super::refusal::Refusal;
use super::relations::{Relations, is_foreign};
use super::sets::Sets;
use crate::model::{OwnedSocket, Owner, Pid, Snapshot, Socket, Uid};
use crate::query::{Filter, Row};

/// How many groups are reported and asked about one by one. Whoever passes a socket to hundreds of
/// processes that have nothing in common makes hundreds of groups.
pub(super) const GROUPS_TOLD: usize = 16;

/// Which holders were asked for. Found out once for each holder and user of a socket.
pub(super) struct Picked<'a> {
    filter: &'a Filter,
    snapshot: &'a Snapshot,
    known: FxHashMap<(Pid, Option<Uid>), bool>,
}

impl<'a> Picked<'a> {
    /// By this filter.
    pub(super) fn new(filter: &'a Filter, snapshot: &'a Snapshot) -> Self {
        Self { filter, snapshot, known: FxHashMap::default() }
    }

    /// Whether a holder was asked for. A socket's user names those that hold it, but not those that
    /// the user may have passed it to.
    pub(super) fn is_picked(&mut self, row: Row<'_>, pid: Pid) -> bool {
        let Self { filter, snapshot, known } = self;
        *known.entry((pid, row.socket.uid)).or_insert_with(|| {
            let is_foreign = is_foreign(&row.socket, snapshot.processes.get(&pid));
            if !filter.picks(row, pid, snapshot) || !is_foreign {
                return filter.picks(row, pid, snapshot);
            }
            let socket = Socket { uid: None, ..row.socket.clone() };
            filter.picks(&OwnedSocket { socket, owner: Owner::NotFound }, pid, snapshot)
        })
    }

    /// Whether each of the holders was asked for.
    pub(super) fn holders(mut self, holdings: &Holdings<'_>) -> Vec<bool> {
        let mut picked = vec![false; holdings.pids().len()];
        for (row, holders) in holdings.kinds() {
            for &place in holders {
                let (Some(pid), Some(picked)) = (holdings.pid(place), picked.get_mut(place)) else {
                    continue;
                };
                *picked = *picked || self.is_picked(row, pid);
            }
        }
        picked
    }
}

/// Holders that are ended together, or not at all.
#[derive(Debug)]
struct Part {
    /// Those that were asked for.
    holders: Vec<Place>,
    /// Whose sockets are the part's: of a part that is not divided also those of other holders.
    holding: Vec<Place>,
    refusal: Option<(Pid, Refusal)>,
    is_crowd: bool,
}

/// All parts.
#[derive(Debug)]
pub(super) struct Parts(Vec<Part>);

impl Parts {
    /// Divides the holders: into those that have no socket in common, and these into related ones.
    /// One refused holder saves all.
    pub(super) fn new(
        holdings: &Holdings<'_>,
        relations: &Relations,
        picked: &[bool],
        refuse: impl Fn(&[Pid]) -> Option<(Pid, Refusal)>,
    ) -> Self {
        let is_picked = |place: &Place| picked.get(*place).copied().unwrap_or_default();
        let mut parts = Vec::new();
        for holding in sharing(holdings) {
            let pids: Vec<Pid> = holding.iter().filter_map(|place| holdings.pid(*place)).collect();
            let holders: Vec<Place> = holding.iter().copied().filter(is_picked).collect();
            let refusal = refuse(&pids);
            let related = relations.divide(&holders);
            if refusal.is_some() || related.len() < 2 {
                parts.push(Part { holders, holding, refusal, is_crowd: false });
                continue;
            }
            parts.extend(related.into_iter().map(|holders| Part {
                holding: holders.clone(),
                holders,
                refusal: None,
                is_crowd: false,
            }));
        }
        Self(bounded(parts))
    }

    /// The groups that they are.
    pub(super) fn groups<'a>(&self, holdings: &Holdings<'a>, picked: &[bool]) -> Vec<Group<'a>> {
        let touched = self.touched(holdings);
        let count = holdings.pids().len();
        let mut groups: Vec<Group<'a>> = self
            .0
            .iter()
            .map(|part| Group {
                holders: part.holders.iter().filter_map(|place| holdings.pid(*place)).collect(),
                refusal: part.refusal,
                is_crowd: part.is_crowd,
                ..Group::default()
            })
            .collect();
        for (row, list) in holdings.rows() {
            for number in touched.get(*list).into_iter().flatten() {
                if let Some(group) = groups.get_mut(*number) {
                    group.sockets.push(row);
                    group.ports.insert(row.socket.local.port);
                }
            }
        }
        for (number, group) in groups.iter_mut().enumerate() {
            let lists = touched.iter().zip(holdings.lists());
            let mut holds = vec![false; count];
            for (_, list) in lists.filter(|(touched, _)| touched.contains(&number)) {
                for place in list {
                    holds.get_mut(*place).into_iter().for_each(|holds| *holds = true);
                }
            }
            let all = holds.iter().zip(holdings.pids()).zip(picked);
            let all =
                all.filter(|((holds, _), _)| **holds).map(|((_, pid), picked)| (*pid, *picked));
            group.all_holders = all.clone().map(|(pid, _)| pid).collect();
            let others = all.filter(|(pid, picked)| *picked && !group.holders.contains(pid));
            group.unrelated = others.map(|(pid, _)| pid).collect();
        }
        groups
    }

    /// For each list of holders the parts that have one of them.
    fn touched(&self, holdings: &Holdings<'_>) -> Vec<Vec<usize>> {
        let mut part_of: Vec<Option<usize>> = vec![None; holdings.pids().len()];
        for (number, part) in self.0.iter().enumerate() {
            for place in &part.holding {
                part_of.get_mut(*place).into_iter().for_each(|part| *part = Some(number));
            }
        }
        let parts = holdings.lists().iter().map(|list| {
            let parts = list.iter().filter_map(|place| part_of.get(*place).copied().flatten());
            parts.collect::<BTreeSet<usize>>().into_iter().collect()
        });
        parts.collect()
    }
}

/// The holders in sets that have no socket in common, in the order of their first sockets.
fn sharing(holdings: &Holdings<'_>) -> Vec<Vec<Place>> {
    let mut sets = Sets::of(holdings.pids().len());
    for list in holdings.lists() {
        list.windows(2).for_each(|pair| {
            if let [one, other] = pair {
                sets.unite(*one, *other);
            }
        });
    }
    let mut order: BTreeMap<Place, usize> = BTreeMap::new();
    for place in holdings.lists().iter().filter_map(|list| list.first()) {
        let next = order.len();
        order.entry(sets.find(*place)).or_insert(next);
    }
    let mut sharing = vec![Vec::new(); order.len()];
    for place in 0..holdings.pids().len() {
        let number = order.get(&sets.find(place));
        if let Some(places) = number.and_then(|number| sharing.get_mut(*number)) {
            places.push(place);
        }
    }
    sharing
}

/// At most as many parts as are reported one by one: the rest is one part more, and one more has those of
/// them that are refused.
fn bounded(mut parts: Vec<Part>) -> Vec<Part> {
    if parts.len() <= GROUPS_TOLD + 1 {
        return parts;
    }
    let rest = parts.split_off(GROUPS_TOLD);
    let (refused, others): (Vec<Part>, Vec<Part>) =
        rest.into_iter().partition(|part| part.refusal.is_some());
    parts.extend([others, refused].into_iter().filter_map(merged));
    parts
}

fn merged(parts: Vec<Part>) -> Option<Part> {
    let is_crowd = parts.len() > 1;
    let refusal = parts.first()?.refusal;
    let (mut holders, mut holding) = (BTreeSet::new(), BTreeSet::new());
    for part in parts {
        holders.extend(part.holders);
        holding.extend(part.holding);
    }
    let (holders, holding) = (holders.into_iter().collect(), holding.into_iter().collect());
    Some(Part { holders, holding, refusal, is_crowd })
}
