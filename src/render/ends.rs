//! The two ends of a socket, written as netstat does.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use super::escape::Escaped;
use crate::model::{Endpoint, Protocol, Snapshot, Socket, Untrusted};

/// The local end: `0.0.0.0:80`, `[::]:80`, `[fe80::1%eth0]:80`.
#[must_use]
pub fn local_end(socket: &Socket, snapshot: &Snapshot) -> String {
    end(&socket.local, socket.interface, interfaces_of(socket, snapshot))
}

/// The foreign end; a listener's is the wildcard of its family, unconnected UDP's `*:*`.
#[must_use]
pub fn foreign_end(socket: &Socket, snapshot: &Snapshot) -> String {
    match (&socket.foreign, socket.protocol) {
        (Some(foreign), _) => {
            let scope = socket.interface.filter(|_| needs_scope(foreign.address));
            end(foreign, scope, interfaces_of(socket, snapshot))
        }
        (None, Protocol::Udp) => "*:*".to_owned(),
        (None, Protocol::Tcp) => {
            end(&Endpoint::wildcard(socket.family(), 0), None, interfaces_of(socket, snapshot))
        }
    }
}

/// The names of interfaces, as far as they are the socket's: another namespace numbers its own.
pub(super) fn interfaces_of<'a>(
    socket: &Socket,
    snapshot: &'a Snapshot,
) -> &'a BTreeMap<u32, Untrusted> {
    const UNKNOWN: &BTreeMap<u32, Untrusted> = &BTreeMap::new();
    if socket.netns.is_none() { &snapshot.interfaces } else { UNKNOWN }
}

/// Whether an address means something else on each interface (RFC 4007).
pub(super) const fn needs_scope(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if Ipv6Addr::is_unicast_link_local(&v6))
}

/// An address without a port: `10.0.0.5`, `fe80::1%eth0`.
pub(super) fn address(
    address: IpAddr,
    interface: Option<u32>,
    names: &BTreeMap<u32, Untrusted>,
) -> String {
    format!("{address}{}", scope(interface, names))
}

/// `%eth0`, or nothing.
fn scope(interface: Option<u32>, names: &BTreeMap<u32, Untrusted>) -> String {
    let scope = interface.map(|index| match names.get(&index) {
        Some(name) => format!("%{}", Escaped(name)),
        None => format!("%{index}"),
    });
    scope.unwrap_or_default()
}

fn end(end: &Endpoint, interface: Option<u32>, names: &BTreeMap<u32, Untrusted>) -> String {
    let mut text = String::with_capacity(24);
    let scope = scope(interface, names);
    // Writing to a String cannot fail.
    let _ = match end.address {
        IpAddr::V4(address) => write!(text, "{address}{scope}:{}", end.port),
        IpAddr::V6(address) => write!(text, "[{address}{scope}]:{}", end.port),
    };
    text
}
