//! A search in a few processes that are likely to hold the sockets.

use rustc_hash::FxHashSet;

use super::budgets::Budgets;
use super::search::Inodes;
use super::walk::Processes;
use crate::model::{OwnedSocket, Owner, Pid, Socket};

/// Which of `sockets` the processes `likely` hold; the others are returned as they are. Of one that is
/// found, holders among other processes are not searched for.
pub(in crate::platform::linux) fn among(
    sockets: Vec<Socket>,
    likely: &[Pid],
) -> (Vec<OwnedSocket>, Vec<Socket>) {
    let inodes = sockets.iter().filter_map(|socket| socket.inode);
    let wanted: Inodes = inodes.filter(|&inode| inode != 0).collect();
    let Ok(processes) = Processes::these(likely) else { return (Vec::new(), sockets) };
    let mut findings = processes.search_these(likely, &wanted, &Budgets::default());
    let holders = findings.holders();
    let found: FxHashSet<u64> =
        wanted.into_iter().filter(|&inode| holders.get(inode).is_some()).collect();
    let is_found = |socket: &Socket| socket.inode.is_some_and(|inode| found.contains(&inode));
    let (found, rest): (Vec<Socket>, Vec<Socket>) = sockets.into_iter().partition(is_found);
    let owned = |socket: Socket| {
        let held = holders.get(socket.inode.unwrap_or_default()).unwrap_or_default();
        OwnedSocket { owner: Owner::Processes(held.into()), socket }
    };
    (found.into_iter().map(owned).collect(), rest)
}

#[cfg(test)]
mod tests {
    use std::os::linux::fs::MetadataExt;

    use super::*;
    use crate::model::{Endpoint, Protocol};

    #[test]
    fn what_likely_processes_hold_is_found_and_the_rest_is_left() {
        use std::os::fd::AsRawFd;
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let path = format!("/proc/self/fd/{}", listener.as_raw_fd());
        let inode = std::fs::metadata(path).unwrap().st_ino();
        let end = Endpoint::new([127, 0, 0, 1].into(), 80);
        let of = |inode| Socket { inode: Some(inode), ..Socket::at(Protocol::Tcp, end) };
        let sockets = || vec![of(inode), of(inode + 1_000_000)];
        let own = Pid(std::process::id());
        let (found, rest) = among(sockets(), &[own]);
        let pids = |row: &OwnedSocket| row.owner.pids().collect::<Vec<_>>();
        assert_eq!(found.iter().map(pids).collect::<Vec<_>>(), [vec![own]]);
        assert_eq!(rest.len(), 1);
        let (found, rest) = among(sockets(), &[]);
        assert_eq!((found.len(), rest.len()), (0, 2));
    }
}
