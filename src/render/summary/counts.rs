//! How many sockets there are by state, by state and owner, and by state and foreign address.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::net::IpAddr;

use crate::model::{Owner, Pid, Protocol, Snapshot, Socket, TcpState};
use crate::query::{Row, Rows};
use crate::render::column::or_dash;
use crate::text::endpoints::needs_scope;
use crate::text::escape::fitted;

/// A TCP state, or UDP, which has none.
pub(super) type Kind = (Protocol, Option<TcpState>);

/// An owning process, or the reason why there is none.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::render) enum OwnerKey {
    Process(Pid),
    Reason(&'static str),
}

/// A foreign address, with the interface if it is a link-local one (RFC 4007).
pub(super) type Foreign = (IpAddr, Option<u32>);

pub(in crate::render) struct Counts {
    pub(super) states: Vec<(Kind, usize)>,
    pub(in crate::render) owners: Vec<((Kind, OwnerKey), usize)>,
    pub(super) foreign: Vec<((Kind, Foreign), usize)>,
}

impl Counts {
    /// A socket with several owners counts for each of them.
    pub(in crate::render) fn of(rows: &Rows<'_>) -> Self {
        let mut states = BTreeMap::new();
        let mut owners = BTreeMap::new();
        let mut foreign = BTreeMap::new();
        for row in &rows.rows {
            let kind = (row.socket.protocol, row.socket.state);
            *states.entry(kind).or_insert(0) += 1;
            for owner in owners_of(row) {
                *owners.entry((kind, owner)).or_insert(0) += 1;
            }
            if let Some(address) = foreign_of(&row.socket) {
                *foreign.entry((kind, address)).or_insert(0) += 1;
            }
        }
        Self {
            states: largest_first(states),
            owners: largest_first(owners),
            foreign: largest_first(foreign),
        }
    }
}

/// Sorted by count, the largest first; equal counts keep the order of their keys.
fn largest_first<K: Ord>(counts: BTreeMap<K, usize>) -> Vec<(K, usize)> {
    let mut sorted: Vec<_> = counts.into_iter().collect();
    sorted.sort_by_key(|(_, count)| Reverse(*count));
    sorted
}

fn owners_of(row: Row<'_>) -> Vec<OwnerKey> {
    match &row.owner {
        Owner::Processes(_) => row.owner.pids().map(OwnerKey::Process).collect(),
        Owner::Kernel(reason) => vec![OwnerKey::Reason(reason.word())],
        Owner::Hidden => vec![OwnerKey::Reason("hidden")],
        Owner::NotFound => vec![OwnerKey::Reason("not-found")],
        Owner::Exited(_) => vec![OwnerKey::Reason("exited")],
    }
}

fn foreign_of(socket: &Socket) -> Option<Foreign> {
    let address = socket.foreign?.address;
    Some((address, socket.interface.filter(|_| needs_scope(address))))
}

/// The PID and the image name; where no process is known, `0` or `?` and the reason.
pub(in crate::render) fn pid_and_image(owner: OwnerKey, snapshot: &Snapshot) -> (String, String) {
    match owner {
        OwnerKey::Reason(reason @ ("hidden" | "not-found" | "exited")) => {
            ("?".to_owned(), format!("({reason})"))
        }
        OwnerKey::Reason(reason) => ("0".to_owned(), format!("({reason})")),
        OwnerKey::Process(pid) => {
            let process = snapshot.processes.get(&pid);
            let image = process.map(|process| or_dash(fitted(&process.name, IMAGE)));
            (pid.to_string(), image.unwrap_or_else(|| "(exited)".to_owned()))
        }
    }
}

/// The width at which image names are cut.
const IMAGE: usize = 25;
