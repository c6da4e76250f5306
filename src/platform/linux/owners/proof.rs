//! The proof that these owners are all: each descriptor that the kernel counted is there still.

use std::collections::BTreeSet;

use super::super::bounds;
use super::super::core_time::Deadline;
use super::super::proc_dir::{open_dir, open_proc};
use super::whole::is_socket;
use crate::model::{Holder, OwnedSocket, Owner};

/// Those of `counted` whose owners in `rows` are proven to be all, for as long as that may take.
///
/// A socket with a single descriptor needs no look: the kernel counted its references while it looked at this
/// descriptor. Where there are several, one that was counted may have gone before another one was.
pub(in crate::platform::linux) fn all_there(
    rows: &[OwnedSocket],
    mut counted: BTreeSet<u64>,
) -> BTreeSet<u64> {
    let deadline = Deadline::after(bounds::PROOF);
    let Ok(proc) = open_proc() else { return BTreeSet::new() };
    let is_there = |inode: u64, holder: &Holder| {
        let Holder { pid, descriptor } = holder;
        // Nothing is proven of what is not in the table of the process itself.
        let Some(descriptor) = *descriptor else { return false };
        !deadline.is_over()
            && open_dir(&proc, pid.to_string())
                .is_ok_and(|directory| is_socket(directory, descriptor, inode))
    };
    for row in rows {
        if let (Some(inode), Owner::Processes(holders)) = (row.socket.inode, &row.owner)
            && holders.len() > 1
            && counted.contains(&inode)
            && !holders.iter().all(|holder| is_there(inode, holder))
        {
            counted.remove(&inode);
        }
    }
    counted
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
        assert_eq!(all_there(&[row], counted.clone()), counted);
        let other = listener.try_clone().unwrap();
        let row = held(&listener, &[number, other.as_raw_fd().cast_unsigned()]);
        assert_eq!(all_there(std::slice::from_ref(&row), counted.clone()), counted);
        assert_eq!(all_there(std::slice::from_ref(&row), BTreeSet::new()), BTreeSet::new());
        drop(other);
        assert_eq!(all_there(&[row], counted), BTreeSet::new());
    }
}
