//! BOUND sockets among the descriptors of all processes, where the kernel does not list them.

use std::io;
use std::net::IpAddr;
use std::os::linux::fs::MetadataExt;

use super::super::copied::Copied;
use super::super::owners::Inodes;
use super::super::unlisted::{Missed, TCP};
use super::super::{ffi, namespaces, unlisted};
use crate::model::{
    Detail, Families, Gap, PortRange, Protocol, Scope, Socket, StateSet, TcpState, UdpScope,
};
use crate::platform::SocketTable;
use crate::platform::decode::descriptor::PortUse;

/// Every TCP socket of this network namespace that the kernel lists; all others are unlisted.
pub(in crate::platform::linux) const LISTED_TCP: Scope = Scope {
    tcp: StateSet::ALL,
    udp: UdpScope::None,
    families: Families::BOTH,
    local_ports: None,
    local_addresses: Vec::new(),
    foreign_ports: None,
    detail: Detail::Brief,
};

/// Searches for BOUND sockets on the ports of `scope` among the descriptors of all processes, where
/// the kernel does not list them, nothing that is listed holds the ports, and this is root. The
/// gap goes when every descriptor could be examined.
pub(in crate::platform::linux) fn add_unlisted(
    scope: &Scope,
    table: &mut SocketTable,
    listed: impl FnOnce(&Scope) -> Option<SocketTable>,
) {
    let Some(ports) = scope.local_ports.as_deref() else { return };
    let is_missing = table.gaps.iter().any(Gap::is_about_bound);
    if !is_missing
        || are_held(ports, &scope.local_addresses, &table.sockets)
        || !rustix::process::geteuid().is_root()
    {
        return;
    }
    let Some(listed) =
        listed(&LISTED_TCP).filter(|table| table.gaps.iter().all(Gap::is_about_bound))
    else {
        return;
    };
    let mut inodes = inodes(&listed.sockets);
    // Most of those of containers need not be copied.
    inodes.extend(namespaces::listed(&LISTED_TCP));
    // Another portwho that runs now would take the copies for this one's own sockets.
    let Ok(Ok(found)) = ffi::with_own_descriptors(|| search(ports, &inodes)) else { return };
    table.sockets.extend(found.sockets);
    if found.missed.is_nothing() && !found.is_unclear {
        table.gaps.retain(|gap| !gap.is_about_bound());
    }
    table.gaps.extend(found.missed.beyond_budget());
}

/// The inodes of sockets that processes can hold.
pub(in crate::platform::linux) fn inodes(sockets: &[Socket]) -> Inodes {
    sockets.iter().filter_map(|socket| socket.inode).filter(|&inode| inode != 0).collect()
}

/// Whether a listed TCP socket at every address holds each of the ports, so that nothing else does as
/// a rule; and does so for each of the addresses.
fn are_held(ports: &[PortRange], addresses: &[IpAddr], sockets: &[Socket]) -> bool {
    ports.iter().cloned().flatten().all(|port| is_held(port, addresses, sockets))
}

fn is_held(port: u16, addresses: &[IpAddr], sockets: &[Socket]) -> bool {
    let on_port = sockets.iter().filter(|socket| socket.local.port == port);
    let tcp = on_port.filter(|socket| socket.protocol == Protocol::Tcp && socket.holds_port());
    let everywhere: Vec<&Socket> =
        tcp.filter(|socket| socket.local.address.is_unspecified()).collect();
    let is_covered = |address: &IpAddr| everywhere.iter().any(|one| one.covers(*address));
    !everywhere.is_empty() && addresses.iter().all(is_covered)
}

/// The BOUND sockets that were found among descriptors.
#[derive(Debug, Default)]
struct Found {
    sockets: Vec<Socket>,
    /// Whether one was found that may or may not still hold one of the ports.
    is_unclear: bool,
    missed: Missed,
}

/// The sockets bound to one of `ports` in this thread's network namespace that are not among
/// `listed`.
fn search(ports: &[PortRange], listed: &Inodes) -> io::Result<Found> {
    let own = std::fs::metadata("/proc/thread-self/ns/net")?.st_ino();
    let mut found = Found::default();
    let missed = unlisted::search(listed, TCP, |_, copied| {
        if !is_on(ports, copied)? || copied.namespace()?.1 != own {
            return Ok(());
        }
        match row(copied)? {
            Row::Holds(socket) => found.sockets.push(*socket),
            Row::Unclear => found.is_unclear = true,
            Row::None => {}
        }
        Ok(())
    })?;
    Ok(Found { missed, ..found })
}

fn is_on(ports: &[PortRange], copied: &Copied) -> rustix::io::Result<bool> {
    let port = copied.local()?.port();
    Ok(port != 0 && ports.iter().any(|range| range.contains(&port)))
}

/// What a copied TCP socket is.
pub(in crate::platform::linux) enum Row {
    /// It holds its port.
    Holds(Box<Socket>),
    /// Whether it does is unknown.
    Unclear,
    /// It is bound to nothing, or a connection of a moment ago.
    None,
}

/// The row of a TCP socket that no table has.
pub(in crate::platform::linux) fn row(copied: &Copied) -> rustix::io::Result<Row> {
    let local = copied.local()?;
    if local.port() == 0 {
        return Ok(Row::None);
    }
    let held = |state| copied.row(local, state).map(|socket| Row::Holds(Box::new(socket)));
    match copied.port_use() {
        PortUse::Bound => held(TcpState::Bound),
        // It has called listen(2) since the table was read.
        PortUse::Listening => held(TcpState::Listening),
        PortUse::Connected => Ok(Row::None),
        PortUse::Unclear => Ok(Row::Unclear),
    }
}

#[cfg(test)]
#[expect(clippy::print_stderr, reason = "a skip is printed")]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
    use std::os::fd::{AsRawFd, OwnedFd};

    use nix::sched::{CloneFlags, unshare};
    use rustix::net::{AddressFamily, SocketFlags, SocketType, sockopt};

    use super::super::super::tables;
    use super::*;
    use crate::model::Endpoint;

    fn tcp(family: AddressFamily) -> OwnedFd {
        rustix::net::socket_with(family, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap()
    }

    fn port(socket: &OwnedFd) -> u16 {
        SocketAddr::try_from(rustix::net::getsockname(socket).unwrap()).unwrap().port()
    }

    fn bind(address: &str, v6_only: bool) -> OwnedFd {
        let address: SocketAddr = address.parse().unwrap();
        let family = if address.is_ipv4() { AddressFamily::INET } else { AddressFamily::INET6 };
        let socket = tcp(family);
        if address.is_ipv6() {
            sockopt::set_ipv6_v6only(&socket, v6_only).unwrap();
        }
        rustix::net::bind(&socket, &address).unwrap();
        socket
    }

    fn inode(socket: &OwnedFd) -> u64 {
        let path = format!("/proc/self/fd/{}", socket.as_raw_fd());
        std::fs::metadata(path).unwrap().st_ino()
    }

    /// What the kernel lists of `ports` as bound, without what a descriptor does not show.
    fn kernels(ports: &[PortRange]) -> Vec<Socket> {
        let bound = StateSet::of(&[TcpState::Bound]);
        let scope = Scope { tcp: bound, local_ports: Some(ports.to_vec()), ..LISTED_TCP };
        let table = tables::listed(&scope).unwrap();
        let on_ports = |socket: &Socket| ports.contains(&(socket.local.port..=socket.local.port));
        let sockets = table.sockets.into_iter().filter(on_ports);
        sorted(sockets.map(|socket| Socket { cgroup: None, ..socket }).collect())
    }

    fn sorted(mut sockets: Vec<Socket>) -> Vec<Socket> {
        sockets.sort_by_key(|socket| socket.inode);
        sockets
    }

    /// Whether sockets can be asked for their namespace here.
    fn is_possible() -> bool {
        let possible = rustix::process::geteuid().is_root();
        if !possible {
            eprintln!("skipped: this takes root");
        }
        possible
    }

    #[test]
    fn what_is_bound_is_found_as_the_kernel_lists_it() {
        if !is_possible() {
            return;
        }
        let v4 = bind("127.0.0.1:0", false);
        let elsewhere = format!("127.0.0.1:{}", port(&v4));
        let _elsewhere = std::thread::spawn(move || {
            unshare(CloneFlags::CLONE_NEWNET).unwrap();
            bind(&elsewhere, false)
        })
        .join()
        .unwrap();
        let _duplicate = v4.try_clone().unwrap();
        let sockets = [
            v4,
            bind("0.0.0.0:0", false),
            bind("[::1]:0", true),
            bind("[::]:0", true),
            bind("[::]:0", false),
            bind("[::ffff:127.0.0.1]:0", false),
        ];
        sockopt::set_socket_reuseaddr(&sockets[0], true).unwrap();
        let ports: Vec<PortRange> = sockets.iter().map(|one| port(one)..=port(one)).collect();
        let found = search(&ports, &Inodes::default()).unwrap();
        assert!(!found.is_unclear && found.missed.refused.is_none(), "{found:?}");
        let found = sorted(found.sockets);
        let mut inodes: Vec<_> = sockets.iter().map(|socket| Some(inode(socket))).collect();
        inodes.sort_unstable();
        assert_eq!(found.iter().map(|socket| socket.inode).collect::<Vec<_>>(), inodes);
        match kernels(&ports) {
            listed if listed.is_empty() => eprintln!("skipped: Linux lists BOUND since 6.8"),
            listed => assert_eq!(found, listed),
        }
    }

    #[test]
    fn a_port_that_a_dead_connection_had_is_unclear() {
        if !is_possible() {
            return;
        }
        let refused = tcp(AddressFamily::INET);
        let nowhere = bind("127.0.0.1:0", false);
        let nowhere = SocketAddr::from((Ipv4Addr::LOCALHOST, port(&nowhere)));
        rustix::net::connect(&refused, &nowhere).unwrap_err();
        let ports = [port(&refused)..=port(&refused)];
        let found = search(&ports, &Inodes::default()).unwrap();
        assert!(found.sockets.is_empty() && found.is_unclear, "{found:?}");
        let listed = search(&ports, &[inode(&refused)].into_iter().collect()).unwrap();
        assert!(!listed.is_unclear, "{listed:?}");
    }

    #[test]
    fn only_tcp_holds_a_port_of_tcp() {
        let end = |port| Endpoint::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), port);
        let tcp =
            |port, state| Socket { state: Some(state), ..Socket::at(Protocol::Tcp, end(port)) };
        let held = |sockets: &[Socket]| are_held(&[80..=81], &[], sockets);
        assert!(held(&[tcp(80, TcpState::Listening), tcp(81, TcpState::Bound)]));
        assert!(!held(&[tcp(80, TcpState::Listening)]));
        assert!(!held(&[tcp(80, TcpState::Listening), tcp(81, TcpState::TimeWait)]));
        assert!(!held(&[tcp(80, TcpState::Listening), Socket::at(Protocol::Udp, end(81))]));
        let here = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 81);
        let at_one = Socket { local: here, ..tcp(81, TcpState::Listening) };
        assert!(!held(&[tcp(80, TcpState::Listening), at_one]));
        assert!(!held(&[]));
    }

    #[test]
    fn an_address_is_held_by_what_covers_it() {
        let everywhere = |address: IpAddr, v6_only| Socket {
            state: Some(TcpState::Listening),
            v6_only,
            ..Socket::at(Protocol::Tcp, Endpoint::new(address, 80))
        };
        let four = everywhere(Ipv4Addr::UNSPECIFIED.into(), None);
        let both = everywhere(Ipv6Addr::UNSPECIFIED.into(), Some(false));
        let six = everywhere(Ipv6Addr::UNSPECIFIED.into(), Some(true));
        let held = |addresses: &[&str], sockets: &[&Socket]| {
            let addresses: Vec<IpAddr> =
                addresses.iter().map(|address| address.parse().unwrap()).collect();
            let sockets: Vec<Socket> = sockets.iter().map(|socket| (*socket).clone()).collect();
            are_held(&[80..=80], &addresses, &sockets)
        };
        assert!(held(&["127.0.0.1"], &[&four]));
        assert!(held(&["127.0.0.1", "::1"], &[&both]));
        assert!(held(&["127.0.0.1", "::1"], &[&four, &six]));
        assert!(!held(&["127.0.0.1"], &[&six]));
        assert!(!held(&["127.0.0.1", "::1"], &[&four]));
    }
}
