//! The rows of the screen: those that are there and those that are just gone, in order.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::super::seen::Look;
use super::marks::{Gone, Marks, Sign};
use super::names::Names;
use super::order::{Sort, grouped};
use crate::model::{OwnedSocket, Pid, Snapshot, SocketKey};
use crate::query::{Filter, Natural, Row};
use crate::render::Named;

/// A line of the table.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Item {
    /// A socket of the last look, by its place there.
    There(usize),
    /// A socket that is gone, by its place among those.
    Gone(usize),
    /// What the sockets below have in common.
    Group(String),
}

/// How rows are chosen and ordered.
#[derive(Clone, Debug)]
pub(super) struct Arrangement {
    /// What is typed into the view's own filter.
    pub(super) filter: Filter,
    /// The order.
    pub(super) sort: Sort,
    /// The other way round.
    pub(super) reverse: bool,
    /// By process.
    pub(super) grouped: bool,
}

/// The rows.
#[derive(Debug, Default)]
pub(super) struct Table {
    /// The last look; none before the first.
    pub(super) look: Option<Arc<Look>>,
    /// What else is known of the processes on the screen.
    pub(super) names: Names,
    /// What has lately become of them.
    pub(super) marks: Marks,
    /// The lines, in order.
    pub(super) items: Vec<Item>,
    /// The order in which it was frozen, if it is.
    pub(super) frozen: Option<Vec<SocketKey>>,
}

/// A row that can be put in order.
struct Placed<'a> {
    item: Item,
    /// As it is sorted.
    natural: Natural<'a>,
}

impl Table {
    /// How many sockets of the last look have rows.
    pub(super) fn sockets_shown(&self) -> usize {
        self.items.iter().filter(|item| matches!(item, Item::There(_))).count()
    }

    /// A line's row and its sign, and what is known of one that is gone; nothing for a group.
    pub(super) fn row(&self, item: &Item) -> Option<(Row<'_>, Option<Sign>, Option<&Snapshot>)> {
        match item {
            Item::There(place) => {
                let row = self.look.as_ref()?.snapshot.sockets.get(*place)?;
                Some((row, self.marks.sign(&row.socket.key()), None))
            }
            Item::Gone(place) => {
                let Gone { row, names, .. } = self.marks.gone().get(*place)?;
                Some((row, Some(Sign::Gone), Some(names)))
            }
            Item::Group(_) => None,
        }
    }

    /// The rows of these lines that are there.
    pub(super) fn there(&self, items: &[Item]) -> Vec<Row<'_>> {
        let is_there = |item: &&Item| matches!(item, Item::There(_));
        let rows = items.iter().filter(is_there).filter_map(|item| self.row(item));
        rows.map(|(row, ..)| row).collect()
    }

    /// A line's row with what is known of it, and its sign; `names` has what is known of those that are there.
    pub(super) fn named<'a>(
        &'a self,
        item: &Item,
        names: Option<&'a Snapshot>,
    ) -> Option<(Named<'a>, Option<Sign>)> {
        let (row, sign, own) = self.row(item)?;
        Some(((row, own.or(names)?), sign))
    }

    /// The rows of these lines with what is known of them.
    pub(super) fn cells<'a>(
        &'a self,
        items: &[Item],
        names: Option<&'a Snapshot>,
    ) -> Vec<Named<'a>> {
        items.iter().filter_map(|item| Some(self.named(item, names)?.0)).collect()
    }

    /// What is known of the rows of these lines that are there.
    pub(super) fn names(&self, items: &[Item]) -> Option<Snapshot> {
        let look = self.look.as_ref()?;
        Some(self.names.of(&self.there(items), look))
    }

    /// What a line's socket is recognized by.
    pub(super) fn key(&self, item: &Item) -> Option<SocketKey> {
        self.row(item).map(|(row, ..)| row.socket.key())
    }

    /// Where the line of a socket is.
    pub(super) fn place(&self, key: &SocketKey) -> Option<usize> {
        self.items.iter().position(|item| self.key(item).as_ref() == Some(key))
    }

    /// Freezes the order, or lets it go.
    pub(super) fn freeze(&mut self) {
        self.frozen = match self.frozen {
            Some(_) => None,
            None => Some(self.items.iter().filter_map(|item| self.key(item)).collect()),
        };
    }

    /// Puts everything in order again.
    pub(super) fn arrange(&mut self, how: &Arrangement) {
        let Some(look) = self.look.clone() else { return };
        self.items = self.arranged(&look.snapshot, how);
        self.keep_order(&look.snapshot);
    }

    /// Where the order is frozen, what is new keeps its place from now on. What the view's own filter hides
    /// has its place all the same.
    fn keep_order(&mut self, snapshot: &Snapshot) {
        let Some(mut order) = self.frozen.take() else { return };
        let gone = self.marks.gone().iter().map(|gone| &gone.row);
        let all: FxHashSet<SocketKey> =
            snapshot.sockets.iter().chain(gone).map(|row| row.socket.key()).collect();
        order.retain(|key| all.contains(key));
        let known: FxHashSet<SocketKey> = order.iter().copied().collect();
        let shown = self.items.iter().filter_map(|item| self.key(item));
        order.extend(shown.filter(|key| !known.contains(key)));
        self.frozen = Some(order);
    }

    fn arranged(&self, snapshot: &Snapshot, how: &Arrangement) -> Vec<Item> {
        let there = snapshot.sockets.iter().enumerate();
        let there = there.filter(|(_, row)| how.filter.admits(row, snapshot));
        let there = there.map(|(place, row)| {
            let sorted_as = self.marks.place(&row.socket.key()).unwrap_or(row);
            Placed { item: Item::There(place), natural: Natural::of(sorted_as) }
        });
        let gone = self.marks.gone().iter().enumerate();
        let gone = gone.filter(|(_, gone)| how.filter.admits(&gone.row, &gone.names));
        let gone = gone.map(|(place, Gone { row, .. })| Placed {
            item: Item::Gone(place),
            natural: Natural::of(row),
        });
        let mut all: Vec<Placed<'_>> = there.chain(gone).collect();
        all.sort_unstable_by(|one, other| one.natural.compare(&other.natural));
        how.sort.sort(&mut all, |placed| placed.natural.row(), snapshot);
        if how.reverse {
            all.reverse();
        }
        if let Some(order) = &self.frozen {
            let places = order.iter().enumerate().map(|(place, key)| (*key, place));
            let places: FxHashMap<SocketKey, usize> = places.collect();
            all.sort_by_cached_key(|placed| {
                let key = placed.natural.row().socket.key();
                places.get(&key).copied().unwrap_or(usize::MAX)
            });
        } else if how.grouped {
            let first = |row: &OwnedSocket| -> Option<Pid> { row.owner.pids().next() };
            let items = all.into_iter().map(|placed| (placed.item, first(placed.natural.row())));
            return grouped(items.collect(), snapshot);
        }
        all.into_iter().map(|placed| placed.item).collect()
    }
}
