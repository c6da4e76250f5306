//! Who holds each socket: the PID in the table, if it is still the process that it was.

use std::collections::BTreeMap;

use windows_sys::Win32::System::Threading::PROCESS_QUERY_LIMITED_INFORMATION;

use super::ffi;
use crate::model::{Gap, OwnedSocket, Owner, Pid, Presence, Socket};
use crate::platform::{OwnerTable, reason};

/// Finds the owners of `sockets`.
pub(super) fn find(sockets: Vec<Socket>) -> OwnerTable {
    let listed = match ffi::list_processes() {
        Ok(listed) => listed.into_iter().map(|process| process.pid).collect(),
        Err(error) => {
            let gaps = vec![Gap::ProcessesUnreadable { why: reason(&error) }];
            return OwnerTable { sockets: sockets.into_iter().map(as_told).collect(), gaps };
        }
    };
    let mut known = Known { listed, presences: BTreeMap::new() };
    let sockets: Vec<OwnedSocket> = sockets
        .into_iter()
        .map(|socket| OwnedSocket { owner: known.owner(&socket), socket })
        .collect();
    let count = sockets.iter().filter(|row| matches!(row.owner, Owner::Exited(_))).count();
    let gaps = if count > 0 { vec![Gap::OwnersExited { count }] } else { Vec::new() };
    OwnerTable { sockets, gaps }
}

/// Without a list of processes the table's word has to do.
fn as_told(socket: Socket) -> OwnedSocket {
    let owner = match socket.table_owner {
        Some(owner) => Owner::of_process(owner.pid),
        None => Owner::NotFound,
    };
    OwnedSocket { socket, owner }
}

struct Known {
    listed: Vec<Pid>,
    presences: BTreeMap<Pid, Presence>,
}

impl Known {
    fn owner(&mut self, socket: &Socket) -> Owner {
        if let Some(reason) = socket.kernel_reason() {
            return Owner::Kernel(reason);
        }
        match socket.table_owner {
            Some(named) => Owner::by_table(named, self.presence(named.pid)),
            None => Owner::NotFound,
        }
    }

    fn presence(&mut self, pid: Pid) -> Presence {
        let listed = &self.listed;
        *self.presences.entry(pid).or_insert_with(|| {
            if !listed.contains(&pid) {
                return Presence::Absent;
            }
            let process = ffi::Process::open(pid, PROCESS_QUERY_LIMITED_INFORMATION).ok();
            Presence::Present(process.and_then(|process| process.created()))
        })
    }
}
