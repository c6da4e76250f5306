//! Whether the kernel lists BOUND sockets: one of our own is bound and asked for.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::super::sock_diag::SockDiag;
use crate::model::{Family, Gap, Protocol, StateSet, TcpState};
use crate::platform::decode::inet_diag::state_mask;
use crate::platform::decode::inet_request::{Request, Wanted};
use crate::platform::reason;

/// Whether this kernel lists BOUND sockets, once it has been asked.
static LISTED: OnceLock<bool> = OnceLock::new();

/// Whether it is known not to.
pub(in crate::platform::linux) fn are_unlisted() -> bool {
    LISTED.get() == Some(&false)
}

/// Takes note that one was listed: there is nothing left to try.
pub(in crate::platform::linux) fn note_listed() {
    // Whoever was first has said the same.
    let _ = LISTED.set(true);
}

/// Why BOUND sockets may be missing from a dump without any; none where this kernel lists them.
/// One of our own is bound and asked for, once.
pub(in crate::platform::linux) fn gap(diag: &mut SockDiag) -> Option<Gap> {
    let listed = LISTED.get().copied().map_or_else(|| probe(diag), Ok);
    match listed {
        Ok(listed) => {
            let listed = *LISTED.get_or_init(|| listed);
            (!listed).then_some(Gap::BoundNotListed)
        }
        // The next attempt may succeed.
        Err(error) => Some(Gap::BoundUnknown { why: reason(&error) }),
    }
}

/// Whether a socket of our own is listed.
fn probe(diag: &mut SockDiag) -> io::Result<bool> {
    let (_probe, port) = bind_probe()?;
    let request = Request {
        family: Some(Family::V4),
        protocol: Protocol::Tcp,
        states: state_mask(StateSet::of(&[TcpState::Bound])),
        wanted: Wanted::NOTHING,
        local_ports: Some(&[port..=port]),
        foreign_ports: None,
    };
    let dump = diag.dump(&request).map_err(|error| io::Error::other(error.to_string()))?;
    Ok(!dump.sockets.is_empty())
}

/// An address of its own, so that the probe's port stays free for every server that does not
/// bind all addresses.
const PROBE_ADDRESS: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 112, 119, 1));

/// A socket of our own, bound and no more, and its port. IP_FREEBIND, because the loopback
/// interface may be down.
fn bind_probe() -> io::Result<(OwnedFd, u16)> {
    let probe = rustix::net::socket_with(
        AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )?;
    sockopt::set_ip_freebind(&probe, true)?;
    rustix::net::bind(&probe, &SocketAddr::new(PROBE_ADDRESS, 0))?;
    let bound = SocketAddr::try_from(rustix::net::getsockname(&probe)?)?;
    Ok((probe, bound.port()))
}
