//! The order of rows: by any column, by age, and by process.

use std::collections::BTreeMap;

use super::rows::Item;
use crate::model::{About, Pid, Snapshot};
use crate::query::{Row, SocketColumn, SortKey, order_by};
use crate::render::{self, Grid};
use crate::text::{owners, watch as text};

/// What rows are sorted by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Sort {
    /// A key of the list.
    Key(SortKey),
    /// The cells of a column that has no key.
    Cell(SocketColumn),
}

impl Sort {
    /// What rows can be sorted by on a screen with these columns.
    pub(super) fn all(columns: &[SocketColumn]) -> Vec<Self> {
        let mut all = vec![Self::Key(SortKey::Port)];
        let of_columns = columns.iter().map(|column| Self::of(*column));
        let always = [SortKey::State, SortKey::Pid, SortKey::Image, SortKey::Age].map(Self::Key);
        for sort in of_columns.chain(always) {
            if !all.contains(&sort) {
                all.push(sort);
            }
        }
        all
    }

    const fn of(column: SocketColumn) -> Self {
        Self::Key(match column {
            SocketColumn::Protocol | SocketColumn::LocalPort => SortKey::Port,
            SocketColumn::Local => SortKey::Local,
            SocketColumn::Foreign => SortKey::Foreign,
            SocketColumn::State => SortKey::State,
            SocketColumn::Pid => SortKey::Pid,
            SocketColumn::Image => SortKey::Image,
            SocketColumn::User => SortKey::User,
            SocketColumn::RecvQ => SortKey::RecvQ,
            SocketColumn::SendQ => SortKey::SendQ,
            SocketColumn::Age => SortKey::Age,
            other => return Self::Cell(other),
        })
    }

    /// How much must be known of all processes: an order by what is said of them takes those of every row,
    /// be it on the screen or not. None where the sockets alone tell.
    pub(super) fn about(self) -> Option<About> {
        match self {
            Self::Key(key @ (SortKey::Image | SortKey::User | SortKey::Age)) => Some(key.about()),
            Self::Key(_) => None,
            Self::Cell(column) => Some(Grid::needs(&[column]).about),
        }
    }

    /// What it is called.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Key(SortKey::Port) => "port",
            Self::Key(SortKey::Local) => "local",
            Self::Key(SortKey::Foreign) => "foreign",
            Self::Key(SortKey::State) => "state",
            Self::Key(SortKey::Pid) => "PID",
            Self::Key(SortKey::Image) => "image",
            Self::Key(SortKey::User) => "user",
            Self::Key(SortKey::RecvQ) => "recv-q",
            Self::Key(SortKey::SendQ) => "send-q",
            Self::Key(SortKey::Age) => "age",
            Self::Cell(column) => column.word(),
        }
    }

    /// Sorts whatever has a row and is in the table's own order.
    pub(super) fn sort<T>(self, all: &mut [T], row: impl Fn(&T) -> Row<'_>, snapshot: &Snapshot) {
        match self {
            Self::Key(key) => order_by(all, row, key, snapshot),
            Self::Cell(column) => {
                all.sort_by_cached_key(|one| render::cell(column, (row(one), snapshot)));
            }
        }
    }
}

/// The items in groups with one first owner each, in the order of PIDs, with a line before each group;
/// those without an owner last.
pub(super) fn grouped(items: Vec<(Item, Option<Pid>)>, snapshot: &Snapshot) -> Vec<Item> {
    let mut groups: BTreeMap<(bool, Option<Pid>), Vec<Item>> = BTreeMap::new();
    for (item, pid) in items {
        groups.entry((pid.is_none(), pid)).or_default().push(item);
    }
    let mut all = Vec::new();
    for ((_, pid), items) in groups {
        let name = pid.map_or_else(
            || text::NO_KNOWN_PROCESS.to_owned(),
            |pid| owners::process(pid, snapshot),
        );
        // Those that are gone are shown, and are no more.
        let count = items.iter().filter(|item| matches!(item, Item::There(_))).count();
        all.push(Item::Group(format!("{name}: {}", crate::text::counted(count, "socket"))));
        all.extend(items);
    }
    all
}
