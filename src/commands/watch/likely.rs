//! Which processes are likely to hold sockets that are new: those that hold others like them.

use std::collections::BTreeSet;

use rustc_hash::{FxHashMap, FxHashSet};

use crate::model::{Endpoint, OwnedSocket, Pid, Socket, Uid};

/// Searching more processes than this takes as long as searching all of them.
const MOST: usize = 256;

/// What two sockets of one process have in common, the most telling first: a server's connections are at
/// the end on which it listens, a client's go to one far end; a listener at every address has the port; the
/// processes of a service have a user and a cgroup.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
enum Trait {
    Local(Endpoint),
    Foreign(Endpoint),
    Port(u16),
    Service(Option<Uid>, u64),
}

fn traits(socket: &Socket) -> impl Iterator<Item = Trait> {
    let local = [Some(Trait::Local(socket.local)), socket.foreign.map(Trait::Foreign)];
    let service = socket.cgroup.map(|cgroup| Trait::Service(socket.uid, cgroup));
    local.into_iter().chain([Some(Trait::Port(socket.local.port)), service]).flatten()
}

/// The processes that are likely to hold `new`, as `known` suggest.
pub(super) fn likely(new: &[Socket], known: &[OwnedSocket]) -> Vec<Pid> {
    let wanted: FxHashSet<Trait> = new.iter().flat_map(traits).collect();
    let mut holders: FxHashMap<Trait, BTreeSet<Pid>> = FxHashMap::default();
    for row in known {
        for it in traits(&row.socket).filter(|it| wanted.contains(it)) {
            holders.entry(it).or_default().extend(row.owner.pids());
        }
    }
    let mut likely = BTreeSet::new();
    for socket in new {
        // The most telling that anybody has.
        let found = traits(socket).find_map(|it| holders.get(&it).filter(|all| !all.is_empty()));
        likely.extend(found.into_iter().flatten().copied());
    }
    if likely.len() > MOST { Vec::new() } else { likely.into_iter().collect() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Owner, Protocol};

    fn socket(local: [u8; 4], port: u16, foreign: Option<(u8, u16)>) -> Socket {
        let foreign = foreign.map(|(last, port)| Endpoint::new([10, 0, 0, last].into(), port));
        Socket { foreign, ..Socket::at(Protocol::Tcp, Endpoint::new(local.into(), port)) }
    }

    #[test]
    fn the_most_telling_counts() {
        let row = |pid, socket| OwnedSocket { socket, owner: Owner::of_process(Pid(pid)) };
        let of_service = Socket { cgroup: Some(7), ..socket([127, 0, 0, 1], 90, None) };
        let known = [
            row(1, socket([127, 0, 0, 1], 80, None)),
            row(2, socket([127, 0, 0, 2], 80, None)),
            row(3, socket([0, 0, 0, 0], 81, None)),
            row(4, socket([10, 0, 0, 1], 40_000, Some((9, 5432)))),
            row(5, of_service),
        ];
        let pids = |socket: Socket| -> Vec<u32> {
            likely(&[socket], &known).into_iter().map(|pid| pid.0).collect()
        };
        assert_eq!(pids(socket([127, 0, 0, 2], 80, Some((3, 50_000)))), [2]);
        assert_eq!(pids(socket([10, 0, 0, 1], 81, Some((3, 50_000)))), [3]);
        assert_eq!(pids(socket([10, 0, 0, 1], 40_001, Some((9, 5432)))), [4]);
        assert_eq!(pids(socket([10, 0, 0, 1], 80, None)), [1, 2]);
        let new = socket([127, 0, 0, 1], 91, None);
        assert_eq!(pids(Socket { cgroup: Some(7), ..new.clone() }), [5]);
        assert_eq!(pids(new), [0; 0]);
    }

    #[test]
    fn too_many_are_not_likely() {
        let end = Endpoint::new([127, 0, 0, 1].into(), 80);
        let new = Socket { cgroup: Some(7), ..Socket::at(Protocol::Tcp, end) };
        let row = |pid| {
            let end = Endpoint::new([127, 0, 0, 1].into(), 90);
            let socket = Socket { cgroup: Some(7), ..Socket::at(Protocol::Tcp, end) };
            OwnedSocket { socket, owner: Owner::of_process(Pid(pid)) }
        };
        let known: Vec<OwnedSocket> = (0..300).map(row).collect();
        assert_eq!(likely(std::slice::from_ref(&new), &known), []);
        assert_eq!(likely(&[new], &known[..100]).len(), 100);
    }
}
