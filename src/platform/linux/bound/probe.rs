//! Whether the kernel lists BOUND sockets: one of our own is bound and asked for, with others where that is
//! possible.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::OnceLock;

use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

use super::super::sock_diag::SockDiag;
use crate::model::{Family, Gap, PortRange, Protocol, Scope, Socket, StateSet, TcpState};
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

/// A socket of our own that is bound and no more, to be asked for together with others: a dump of BOUND sockets
/// goes through all ports of the machine.
#[derive(Debug)]
pub(in crate::platform::linux) struct Probe {
    _socket: OwnedFd,
    inode: u64,
    port: u16,
}

impl Probe {
    /// One that shows whether BOUND sockets are listed in the dumps of `scope`, where that is not known yet.
    pub(in crate::platform::linux) fn of(scope: &Scope) -> Option<Self> {
        let is_shown = scope.tcp.contains(TcpState::Bound)
            && scope.families.v4
            && scope.foreign_ports.is_none();
        if !is_shown || LISTED.get().is_some() {
            return None;
        }
        let (socket, port) = bind_probe().ok()?;
        let inode = rustix::fs::fstat(&socket).ok()?.st_ino;
        Some(Self { _socket: socket, inode, port })
    }

    /// What is asked for, and the probe.
    pub(in crate::platform::linux) fn added_to(&self, scope: &Scope) -> Scope {
        let mut scope = scope.clone();
        if let Some(ports) = &mut scope.local_ports {
            ports.push(self.port..=self.port);
        }
        scope
    }

    /// Takes the probe out of what was listed, and what stands there because of it. Whether it was there is
    /// known for good where the dump `is_whole`.
    pub(in crate::platform::linux) fn take_from(
        self,
        sockets: &mut Vec<Socket>,
        scope: &Scope,
        is_whole: bool,
    ) {
        let is_probe = |socket: &mut Socket| socket.inode == Some(self.inode);
        let is_listed = sockets.extract_if(.., is_probe).count() > 0;
        let is_asked =
            |ports: &Vec<PortRange>| ports.iter().any(|range| range.contains(&self.port));
        if !scope.local_ports.as_ref().is_none_or(is_asked) {
            sockets.retain(|socket| socket.local.port != self.port);
        }
        if is_listed || is_whole {
            // Whoever was first has said the same.
            let _ = LISTED.set(is_listed);
        }
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
