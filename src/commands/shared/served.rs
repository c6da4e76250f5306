//! What the system's own web server serves on ports that it holds.

use crate::model::{OwnedSocket, Protocol, Snapshot};
use crate::platform::System;

/// The ports of drivers that are known: NetBIOS and the file server.
const OTHER_DRIVERS: [u16; 4] = [137, 138, 139, 445];

/// Adds the URLs that are served on ports which a driver holds, where `wanted` asks for such a port.
pub(in crate::commands) fn add(
    system: &impl System,
    snapshot: &mut Snapshot,
    wanted: impl Fn(&OwnedSocket) -> bool,
) {
    let is_served = |row: &&OwnedSocket| {
        row.socket.protocol == Protocol::Tcp
            && row.socket.holds_port()
            && !OTHER_DRIVERS.contains(&row.socket.local.port)
            && row.owner.pids().any(|pid| snapshot.is_kernel(pid))
            && wanted(row)
    };
    if snapshot.sockets.iter().any(|row| is_served(&row)) {
        match system.served_urls() {
            Ok(urls) => snapshot.served_urls = urls,
            Err(gap) => snapshot.gaps.push(gap),
        }
    }
}
