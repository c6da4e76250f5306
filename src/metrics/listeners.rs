//! The listeners: where they are, how full their accept queues are, and what they drop.

use std::collections::{BTreeMap, BTreeSet};

use super::account::{Account, Charged};
use super::budget::{Admitted, Wanted};
use super::drops::Dropping;
use super::family::count;
use super::owners::Owners;
use super::processes::{Fill, keep_worst, pair};
use super::remembered::{Kind, Remembered};
use super::{Bind, Drops, Family, LabelSet, LabelValue, Look, PortLabel};
use crate::findings::{Machine, backlogs};
use crate::model::{OwnedSocket, Protocol};
use crate::text::metrics as text;

/// Where sockets listen, as far as labels tell it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Place {
    pub(super) protocol: Protocol,
    pub(super) bind: Bind,
    pub(super) port: PortLabel,
}

impl Place {
    pub(super) fn labels(self) -> LabelSet {
        vec![
            ("protocol", LabelValue::word(self.protocol.word())),
            ("bind", LabelValue::word(self.bind.word())),
            ("port", self.port.value()),
        ]
    }

    /// Whether listeners share it that come and go by themselves.
    pub(super) const fn is_merged(self) -> bool {
        !matches!(self.port, PortLabel::Number(_))
    }
}

/// A listener.
struct Listener<'a> {
    machine: &'a Machine<'a>,
    row: &'a OwnedSocket,
    place: Place,
    owner: std::rc::Rc<Charged>,
}

/// The listeners of a look.
pub(super) struct Listeners<'a> {
    listeners: Vec<Listener<'a>>,
    /// How many places were merged.
    pub(super) merged: usize,
}

impl<'a> Listeners<'a> {
    pub(super) fn new(
        look: &'a Look<'a>,
        owners: &Owners<'_>,
        remembered: &mut Remembered,
    ) -> Self {
        let rows = look.rows().filter(|(_, row)| row.socket.is_listening());
        let mut listeners: Vec<Listener<'a>> = rows
            .map(|(machine, row)| {
                let port = look.ports.label(row.socket.local.port);
                let place =
                    Place { protocol: row.socket.protocol, bind: Bind::of(&row.socket), port };
                Listener { machine, row, place, owner: owners.of_row(machine, row) }
            })
            .collect();
        let mut wanted = Wanted::new(Kind::Listener);
        for listener in listeners.iter().filter(|listener| is_bounded(listener, look)) {
            let charged = &listener.owner;
            wanted.add(charged.account.clone(), listener.place, charged.is_systems);
        }
        let admitted: Admitted<Account, Place> =
            wanted.admit(remembered, look.taken, Account::most_listeners);
        for listener in &mut listeners {
            let account = &listener.owner.account;
            if is_bounded(listener, look) && !admitted.contains(account, &listener.place) {
                listener.place.port = PortLabel::Other;
            }
        }
        Self { listeners, merged: admitted.merged }
    }

    /// A sample for each place and owner.
    pub(super) fn info(&self, owners: &Owners<'_>) -> Family {
        let mut family = Family::gauge(text::LISTENER_INFO);
        for listener in &self.listeners {
            let mut labels = listener.place.labels();
            owners.extend(&mut labels, &listener.owner);
            family.set(labels, 1.0);
        }
        family
    }

    /// The accept queue and the backlog of the fullest socket of each place, where they are reported.
    pub(super) fn queues(&self) -> [Family; 2] {
        let mut worst: BTreeMap<LabelSet, Fill> = BTreeMap::new();
        for listener in &self.listeners {
            let queues = listener.row.socket.queues;
            let is_reported =
                listener.place.protocol == Protocol::Tcp && backlogs(listener.machine).is_none();
            let Some((used, limit)) = queues.receive.zip(queues.send).filter(|_| is_reported)
            else {
                continue;
            };
            let fill = Fill { used: used.into(), limit: limit.into() };
            keep_worst(&mut worst, listener.place.labels(), fill);
        }
        let [used, limit] =
            [text::ACCEPT_QUEUE_LENGTH, text::ACCEPT_QUEUE_LIMIT].map(Family::gauge);
        pair(used, limit, worst)
    }

    /// What was dropped at each place. `drops` are those that a resident has counted since it runs; without
    /// them only the kernel's numbers are known, which fall when one of several sockets is closed.
    pub(super) fn drops(&self, drops: Option<&mut Drops>) -> Family {
        let rows = self.listeners.iter().filter_map(|listener| {
            let socket = &listener.row.socket;
            Some(Dropping { place: listener.place, socket, dropped: socket.drops? })
        });
        let totals = match drops {
            Some(drops) => drops.counted(rows),
            None => unshared(&rows.collect::<Vec<_>>()),
        };
        let mut family = Family::counter(text::LISTENER_DROPS);
        for (place, total) in totals {
            family.set(place.labels(), count(total));
        }
        family
    }
}

/// Whether its place counts. Root may listen where it likes, and a port that was named is wanted.
fn is_bounded(listener: &Listener<'_>, look: &Look<'_>) -> bool {
    let PortLabel::Number(port) = listener.place.port else { return false };
    !listener.owner.account.is_root() && !look.ports.is_named(port)
}

/// The drops at places where each socket has an end of its own.
fn unshared(rows: &[Dropping<'_>]) -> BTreeMap<Place, u64> {
    let mut totals: BTreeMap<Place, u64> = BTreeMap::new();
    let mut ends = BTreeSet::new();
    let mut shared: BTreeSet<Place> = BTreeSet::new();
    for row in rows {
        let end = (row.socket.protocol, row.socket.local, row.socket.interface, row.socket.netns);
        if row.place.is_merged() || !ends.insert(end) {
            shared.insert(row.place);
        }
        *totals.entry(row.place).or_default() += u64::from(row.dropped);
    }
    totals.retain(|place, _| !shared.contains(place));
    totals
}
