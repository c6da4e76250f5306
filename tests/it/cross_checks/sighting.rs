//! What another tool reports of a socket, and the comparison of two.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use crate::support::wait_until;

/// The two ends of a socket, by which other tools identify it; v4-mapped addresses as IPv4.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ends {
    pub tcp: bool,
    pub local: SocketAddr,
    pub foreign: Option<SocketAddr>,
}

/// What is reported of a socket; `None` in a field that the other tool does not have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sighting {
    /// netstat's word; none for UDP.
    pub state: Option<String>,
    pub pids: BTreeSet<u64>,
    pub inode: Option<u64>,
    pub uid: Option<u64>,
    pub queues: Option<(Option<u64>, Option<u64>)>,
    pub has_timer: Option<bool>,
}

/// Compares the two when the other tool says the same before and after ours: a full buffer may
/// still take a little, and a timer may start. Returns what the other tool said.
#[track_caller]
pub fn agree(
    ours: impl Fn() -> BTreeMap<Ends, Sighting>,
    theirs: impl Fn() -> BTreeMap<Ends, Sighting>,
) -> BTreeMap<Ends, Sighting> {
    let (our, their) = wait_until("the other tool to say the same twice", || {
        let before = theirs();
        let our = ours();
        (theirs() == before).then_some((our, before))
    });
    compare(&our, &their);
    their
}

/// The same sockets, and in each the same in all fields that the other one speaks of.
#[track_caller]
pub fn compare(ours: &BTreeMap<Ends, Sighting>, theirs: &BTreeMap<Ends, Sighting>) {
    let missed: Vec<_> = theirs.iter().filter(|(ends, _)| !ours.contains_key(ends)).collect();
    assert!(missed.is_empty(), "missed: {missed:#?}");
    let surplus: Vec<_> = ours.iter().filter(|(ends, _)| !theirs.contains_key(ends)).collect();
    assert!(surplus.is_empty(), "not seen by the other tool: {surplus:#?}");
    for (ends, their) in theirs {
        let our = &ours[ends];
        assert_eq!(our.state, their.state, "{ends:?}");
        assert_eq!(our.pids, their.pids, "{ends:?}");
        same("inode", ends, our.inode.as_ref(), their.inode.as_ref());
        if our.inode != Some(0) {
            // Of a socket without a file the kernel has forgotten the user, and says 0.
            if our.inode != Some(0) {
                // Of a socket without a file the kernel has forgotten the user, and says 0.
                same("uid", ends, our.uid.as_ref(), their.uid.as_ref());
            }
        }
        same("queues", ends, our.queues.as_ref(), their.queues.as_ref());
        same("timer", ends, our.has_timer.as_ref(), their.has_timer.as_ref());
    }
}

#[track_caller]
fn same<T: PartialEq + std::fmt::Debug>(
    field: &str,
    ends: &Ends,
    our: Option<&T>,
    their: Option<&T>,
) {
    if their.is_some() {
        assert_eq!(our, their, "{field} of {ends:?}");
    }
}
