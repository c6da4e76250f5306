//! The listeners in whose queues connections wait that nobody has accepted.

use std::collections::BTreeSet;

use super::survey::name_all;
use crate::model::{
    About, KernelReason, Owner, Scope, Snapshot, Socket, StateSet, TcpState, UdpScope,
};
use crate::platform::System;
use crate::query::PortSet;

/// Adds those listeners of `snapshot` that are not among its sockets.
pub(super) fn add_listeners(system: &impl System, snapshot: &mut Snapshot) {
    let waits = |owner: &Owner| {
        matches!(owner, Owner::Kernel(KernelReason::NotAccepted | KernelReason::SynReceived))
    };
    let waiting = snapshot.sockets.iter().filter(|row| waits(&row.owner));
    let waiting = waiting.filter(|row| row.socket.netns.is_none());
    let mut ports: BTreeSet<u16> = waiting.map(|row| row.socket.local.port).collect();
    for row in &snapshot.sockets {
        if row.socket.state == Some(TcpState::Listening) && row.socket.netns.is_none() {
            ports.remove(&row.socket.local.port);
        }
    }
    if ports.is_empty() {
        return;
    }
    let ranges: PortSet = ports.iter().map(|&port| port..=port).collect();
    let scope = Scope {
        tcp: StateSet::of(&[TcpState::Listening]),
        udp: UdpScope::None,
        local_ports: Some(ranges.ranges().to_vec()),
        ..Scope::everything()
    };
    let Ok(table) = system.sockets(&scope) else { return };
    let is_one = |socket: &Socket| {
        socket.state == Some(TcpState::Listening) && ports.contains(&socket.local.port)
    };
    let listeners = table.sockets.into_iter().filter(is_one).collect();
    snapshot.listeners = system.owners(listeners).sockets;
    name_all(system, About::Table, snapshot);
}
