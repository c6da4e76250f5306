//! Which service created a socket, in a process that hosts services: what `netstat -b` shows. A process of
//! a service alone has a name of its own, which these calls give instead.

use std::collections::{BTreeMap, BTreeSet};

use super::ffi;
use crate::model::{Family, OwnedSocket, Pid, Protocol, Socket, Untrusted};
use crate::platform::decode::mib::{self, MibRow};

/// So many sockets are asked for: a host of services has a few dozen.
const MOST: usize = 512;

/// Names the services of the sockets whose process hosts any. The system's answer counts only where
/// the Service Control Manager says that this process hosts such a service.
pub(super) fn name(sockets: &mut [OwnedSocket]) {
    let hosts = hosts();
    let host = |row: &OwnedSocket| row.owner.pids().next().filter(|pid| hosts.contains_key(pid));
    let hosted = sockets.iter_mut().filter(|row| host(row).is_some()).take(MOST);
    let hosted: Vec<&mut OwnedSocket> = hosted.collect();
    let tables: BTreeSet<(Protocol, Family)> =
        hosted.iter().map(|row| (row.socket.protocol, family(&row.socket))).collect();
    let tables: BTreeMap<_, Vec<u8>> = tables
        .into_iter()
        .map(|(protocol, family)| {
            let bytes = ffi::owner_module_table(protocol, family).unwrap_or_default();
            ((protocol, family), bytes)
        })
        .collect();
    for row in hosted {
        let (protocol, family) = (row.socket.protocol, family(&row.socket));
        let rows = tables.get(&(protocol, family));
        let rows = rows.and_then(|bytes| mib::module_rows(bytes, protocol, family).ok());
        let own = rows.into_iter().flatten().find(|(own, _)| is_of(own, &row.socket));
        let module = own.and_then(|(_, bytes)| ffi::owner_module(protocol, family, bytes));
        let services = host(row).and_then(|pid| hosts.get(&pid));
        row.socket.service = module.zip(services).and_then(|(name, all)| same(&name, all));
    }
}

/// The processes that host services, and these.
fn hosts() -> BTreeMap<Pid, Vec<Untrusted>> {
    let mut hosts: BTreeMap<Pid, Vec<Untrusted>> = BTreeMap::new();
    for (pid, name) in ffi::services().unwrap_or_default() {
        hosts.entry(pid).or_default().push(Untrusted::from_wide(&name));
    }
    hosts
}

/// The service of that name, as the Service Control Manager writes it.
fn same(name: &[u16], services: &[Untrusted]) -> Option<Untrusted> {
    let name = Untrusted::from_wide(name);
    let is_same = |service: &&Untrusted| service.as_bytes().eq_ignore_ascii_case(name.as_bytes());
    services.iter().find(is_same).cloned()
}

/// The table that a socket stands in; one of IPv4 on an IPv6 socket in that of IPv6.
fn family(socket: &Socket) -> Family {
    if socket.mapped { Family::V6 } else { socket.family() }
}

fn is_of(row: &MibRow, socket: &Socket) -> bool {
    let end = |(address, port): mib::RawEnd| (address.to_canonical(), port);
    let foreign = row.foreign.map(end).filter(|(_, port)| *port != 0);
    let named = socket.table_owner.map(|named| (named.pid, named.created));
    end(row.local) == (socket.local.address, socket.local.port)
        && foreign == socket.foreign.map(|end| (end.address, end.port))
        && named == Some((row.pid, row.created))
}
