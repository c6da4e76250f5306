//! The local and foreign address of a socket with their ports, in the format of netstat.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::net::{IpAddr, Ipv6Addr};

use super::escape::{Escaped, shortened_in_the_middle};
use crate::model::{Endpoint, Protocol, Snapshot, Socket, Untrusted};

/// The local address and port: `0.0.0.0:80`, `[::]:80`, `[fe80::1%eth0]:80`.
#[must_use]
pub fn local_endpoint(socket: &Socket, snapshot: &Snapshot) -> String {
    endpoint(&socket.local, socket.interface, interfaces_of(socket, snapshot))
}

/// The foreign address and port: the wildcard of the family for a listener, `*:*` for UDP that is
/// not connected.
#[must_use]
pub fn foreign_endpoint(socket: &Socket, snapshot: &Snapshot) -> String {
    match (&socket.foreign, socket.protocol) {
        (Some(foreign), _) => {
            let scope = socket.interface.filter(|_| needs_scope(foreign.address));
            endpoint(foreign, scope, interfaces_of(socket, snapshot))
        }
        (None, Protocol::Udp) => "*:*".to_owned(),
        (None, Protocol::Tcp) => {
            endpoint(&Endpoint::wildcard(socket.family(), 0), None, interfaces_of(socket, snapshot))
        }
    }
}

/// An address and port as above, in `width` columns: the address is cut in its middle, the port
/// never.
#[must_use]
pub fn shortened_endpoint(endpoint: &str, width: usize) -> String {
    let Some((address, port)) = endpoint.rsplit_once(':') else { return endpoint.to_owned() };
    let inside = address.strip_prefix('[').and_then(|inside| inside.strip_suffix(']'));
    let brackets = if inside.is_some() { ("[", "]") } else { ("", "") };
    let others = brackets.0.len() + brackets.1.len() + ":".len() + port.len();
    let room = width.saturating_sub(others).max(1);
    let address = shortened_in_the_middle(inside.unwrap_or(address), room);
    format!("{}{address}{}:{port}", brackets.0, brackets.1)
}

/// The names of the interfaces that a socket can mean. Each network namespace numbers its own, and
/// only those of this one are known.
#[must_use]
pub fn interfaces_of<'a>(socket: &Socket, snapshot: &'a Snapshot) -> &'a BTreeMap<u32, Untrusted> {
    const UNKNOWN: &BTreeMap<u32, Untrusted> = &BTreeMap::new();
    if socket.netns.is_none() { &snapshot.interfaces } else { UNKNOWN }
}

/// Whether an address is link-local and needs an interface to be unique (RFC 4007).
#[must_use]
pub const fn needs_scope(address: IpAddr) -> bool {
    matches!(address, IpAddr::V6(v6) if Ipv6Addr::is_unicast_link_local(&v6))
}

/// An address without a port: `10.0.0.5`, `fe80::1%eth0`.
#[must_use]
pub fn address(
    address: IpAddr,
    interface: Option<u32>,
    names: &BTreeMap<u32, Untrusted>,
) -> String {
    format!("{address}{}", scope(interface, names))
}

/// `%eth0`; empty without an interface.
fn scope(interface: Option<u32>, names: &BTreeMap<u32, Untrusted>) -> String {
    let scope = interface.map(|index| match names.get(&index) {
        Some(name) => format!("%{}", Escaped(name)),
        None => format!("%{index}"),
    });
    scope.unwrap_or_default()
}

fn endpoint(
    endpoint: &Endpoint,
    interface: Option<u32>,
    names: &BTreeMap<u32, Untrusted>,
) -> String {
    let mut text = String::with_capacity(24);
    let scope = scope(interface, names);
    // Writing to a String cannot fail.
    let _ = match endpoint.address {
        IpAddr::V4(address) => write!(text, "{address}{scope}:{}", endpoint.port),
        IpAddr::V6(address) => write!(text, "[{address}{scope}]:{}", endpoint.port),
    };
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_never_cut() {
        let cases = [
            ("127.0.0.1:8080", 14, "127.0.0.1:8080"),
            ("127.0.0.1:8080", 10, "127…1:8080"),
            ("127.0.0.1:8080", 0, "…:8080"),
            ("[2001:db8:1:2:3:4:5:6]:443", 16, "[2001:d…5:6]:443"),
            ("[fe80::1%eth0]:65535", 0, "[…]:65535"),
            ("[::]:0", 0, "[…]:0"),
            ("*:*", 0, "*:*"),
        ];
        for (endpoint, width, expected) in cases {
            assert_eq!(shortened_endpoint(endpoint, width), expected, "{endpoint} in {width}");
        }
    }
}
