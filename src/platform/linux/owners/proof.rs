//! The proof that these owners are all: each descriptor that the kernel counted is there still.

use std::collections::BTreeSet;

use rustc_hash::FxHashSet;

use super::super::proc_dir::open_proc;
use super::budgets::Budgets;
use super::confirm::{Link, confirmed};
use super::search::{Inodes, Search};
use crate::model::{Holder, OwnedSocket, Owner};

/// The inodes among `counted` whose owners in `rows` have each descriptor still. A table of a thread's own is
/// not looked at: nothing is proven of what is there.
pub(in crate::platform::linux) fn all_there(
    rows: &[OwnedSocket],
    counted: &BTreeSet<u64>,
) -> BTreeSet<u64> {
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    let inode = |row: &OwnedSocket| row.socket.inode.filter(|inode| counted.contains(inode));
    let held: Vec<(u64, &[Holder])> =
        rows.iter().filter_map(|row| Some((inode(row)?, holders(row)?))).collect();
    let mut links: Vec<Link> =
        held.iter().flat_map(|(_, of_one)| *of_one).filter_map(link).collect();
    links.sort_unstable();
    links.dedup();
    let wanted: Inodes = held.iter().map(|(inode, _)| *inode).collect();
    let budgets = Budgets::default();
    let found = confirmed(&links, &Search::new(&wanted, &budgets, false), &proc);
    let found: FxHashSet<(u64, Holder)> = found.held.into_iter().collect();
    let is_there = |(inode, of_one): &(u64, &[Holder])| {
        of_one.iter().all(|holder| found.contains(&(*inode, *holder)))
    };
    held.into_iter().filter(is_there).map(|(inode, _)| inode).collect()
}

fn holders(row: &OwnedSocket) -> Option<&[Holder]> {
    match &row.owner {
        Owner::Processes(holders) => Some(holders),
        _ => None,
    }
}

fn link(holder: &Holder) -> Option<Link> {
    let Holder { pid, descriptor } = *holder;
    Some(Link { pid, thread: pid.0, descriptor: descriptor? })
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;
    use crate::model::{Endpoint, Pid, Protocol, Socket};

    /// A listener of this process, as it was found with these descriptors.
    fn held(listener: &TcpListener, descriptors: &[u32]) -> OwnedSocket {
        let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
        let inode = Some(std::fs::metadata(path).unwrap().st_ino());
        let end = Endpoint::new(listener.local_addr().unwrap().ip(), 0);
        let holder = |descriptor: &u32| Holder {
            pid: Pid(std::process::id()),
            descriptor: Some(*descriptor),
        };
        let owner = Owner::Processes(descriptors.iter().map(holder).collect());
        OwnedSocket { socket: Socket { inode, ..Socket::at(Protocol::Tcp, end) }, owner }
    }

    #[test]
    fn what_is_there_is_proven_and_what_has_gone_is_not() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let number = listener.as_raw_fd().cast_unsigned();
        let row = held(&listener, &[number]);
        let counted = BTreeSet::from_iter(row.socket.inode);
        assert_eq!(all_there(std::slice::from_ref(&row), &counted), counted);
        assert_eq!(all_there(&[row], &BTreeSet::new()), BTreeSet::new());
        // The standard input of a test is no such socket.
        let gone = held(&listener, &[number, 0]);
        assert_eq!(all_there(&[gone], &counted), BTreeSet::new());
    }
}
