//! Asking the system whether a port can be bound, by binding it.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Socket, Type};

use crate::model::{Endpoint, Protocol};

/// Binds as a server would, without listening, and closes the socket immediately.
///
/// `reuse` is whether it sets SO_REUSEADDR. On Linux servers do, so that connections of an earlier run
/// in TIME_WAIT do not stand in their way; against a listener it does not help (socket(7)). On Windows
/// it would take a port from under another's hands, and TIME_WAIT is no obstacle without it.
pub(super) fn attempt(
    protocol: Protocol,
    end: Endpoint,
    interface: Option<u32>,
    reuse: bool,
) -> io::Result<()> {
    let mut address = SocketAddr::new(end.address, end.port);
    if let SocketAddr::V6(address) = &mut address {
        address.set_scope_id(interface.unwrap_or_default());
    }
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new(Domain::for_address(address), kind, None)?;
    if reuse {
        socket.set_reuse_address(true)?;
    }
    socket.bind(&address.into())
}
