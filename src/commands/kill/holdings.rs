//! Who holds the sockets, each list of holders once.
//!
//! A socket may have thousands of holders, and thousands of sockets the same ones. What is found out
//! about holders is found out once for each list, by places that stand for their PIDs.

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Pid, Uid};
use crate::query::Row;

/// Where a holder stands among all of them.
pub(super) type Place = usize;

/// The holders of some sockets.
#[derive(Debug, Default)]
pub(super) struct Holdings<'a> {
    /// The holders, ascending.
    pids: Vec<Pid>,
    places: FxHashMap<Pid, Place>,
    /// Each list of holders, ascending, once.
    lists: Vec<Vec<Place>>,
    /// The sockets, each with the number of its list.
    rows: Vec<(Row<'a>, usize)>,
}

impl<'a> Holdings<'a> {
    /// Those of `rows`, in their order.
    pub(super) fn new(rows: &[Row<'a>]) -> Self {
        let pids: FxHashSet<Pid> = rows.iter().flat_map(|row| row.owner.pids()).collect();
        let mut pids: Vec<Pid> = pids.into_iter().collect();
        pids.sort_unstable();
        let places = pids.iter().enumerate().map(|(place, pid)| (*pid, place)).collect();
        let mut holdings = Self { pids, places, lists: Vec::new(), rows: Vec::new() };
        let mut numbers: FxHashMap<Vec<Place>, usize> = FxHashMap::default();
        for row in rows {
            let list: Vec<Place> = row.owner.pids().filter_map(|pid| holdings.place(pid)).collect();
            let number = numbers.len();
            let number = *numbers.entry(list).or_insert(number);
            holdings.rows.push((row, number));
        }
        let mut lists: Vec<(usize, Vec<Place>)> =
            numbers.into_iter().map(|(list, number)| (number, list)).collect();
        lists.sort_unstable_by_key(|(number, _)| *number);
        holdings.lists = lists.into_iter().map(|(_, list)| list).collect();
        holdings
    }

    /// All holders, in the order of their places.
    pub(super) fn pids(&self) -> &[Pid] {
        &self.pids
    }

    /// Where a holder stands.
    pub(super) fn place(&self, pid: Pid) -> Option<Place> {
        self.places.get(&pid).copied()
    }

    /// The holder at a place.
    pub(super) fn pid(&self, place: Place) -> Option<Pid> {
        self.pids.get(place).copied()
    }

    /// The lists, in the order of their first sockets.
    pub(super) fn lists(&self) -> &[Vec<Place>] {
        &self.lists
    }

    /// One of the lists.
    pub(super) fn list(&self, number: usize) -> &[Place] {
        self.lists.get(number).map(Vec::as_slice).unwrap_or_default()
    }

    /// The sockets, each with the number of its list.
    pub(super) fn rows(&self) -> &[(Row<'a>, usize)] {
        &self.rows
    }

    /// One socket for each list and user: in all that concerns holders the others are like it.
    pub(super) fn kinds(&self) -> impl Iterator<Item = (Row<'a>, &[Place])> {
        let mut seen: FxHashSet<(usize, Option<Uid>)> = FxHashSet::default();
        let is_first = move |(row, list): &&(Row<'a>, usize)| seen.insert((*list, row.socket.uid));
        self.rows.iter().filter(is_first).map(|(row, list)| (*row, self.list(*list)))
    }
}
