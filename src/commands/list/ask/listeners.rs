//! The listeners in whose queues connections wait that no process has accepted.

use crate::commands::shared::survey::name_all;
use crate::model::{
    About, KernelReason, Owner, Reach, Scope, Snapshot, Socket, StateSet, TcpState, UdpScope,
};
use crate::platform::{PlatformError, System};
use crate::query::PortSet;

/// Adds those listeners of `snapshot` that are not among its sockets.
///
/// # Errors
/// When their owners cannot be searched as was asked.
pub(super) fn add(system: &impl System, snapshot: &mut Snapshot) -> Result<(), PlatformError> {
    let listening: Vec<&Socket> = snapshot
        .sockets
        .iter()
        .map(|row| &row.socket)
        .filter(|socket| is_listener(socket))
        .collect();
    let is_known = |socket: &Socket| listening.iter().any(|known| is_of(known, socket));
    let waiting = snapshot.sockets.iter().filter(|row| waits(&row.owner)).map(|row| &row.socket);
    let waiting: Vec<Socket> = waiting.filter(|socket| !is_known(socket)).cloned().collect();
    if waiting.is_empty() {
        return Ok(());
    }
    let ports = waiting.iter().map(|socket| socket.local.port..=socket.local.port);
    let scope = Scope {
        tcp: StateSet::of(&[TcpState::Listening]),
        udp: UdpScope::None,
        local_ports: Some(ports.collect::<PortSet>().ranges().to_vec()),
        ..Scope::everything()
    };
    let mut sockets = system.sockets(&scope).unwrap_or_default().sockets;
    if waiting.iter().any(|socket| socket.netns.is_some()) {
        sockets.extend(
            system.sockets_elsewhere(&scope, Reach::Processes).unwrap_or_default().table.sockets,
        );
    }
    sockets.retain(|found| is_listener(found) && waiting.iter().any(|socket| is_of(found, socket)));
    snapshot.listeners = system.owners(sockets)?.sockets;
    name_all(system, About::Table, snapshot);
    Ok(())
}

const fn waits(owner: &Owner) -> bool {
    matches!(owner, Owner::Kernel(KernelReason::NotAccepted | KernelReason::SynReceived))
}

fn is_listener(socket: &Socket) -> bool {
    socket.state == Some(TcpState::Listening)
}

/// Whether a connection came in through a listener.
fn is_of(listener: &Socket, connection: &Socket) -> bool {
    listener.local.port == connection.local.port
        && listener.netns == connection.netns
        && listener.covers(connection.local.address)
}
