//! The machine's sockets: each table by sock_diag, or else from /proc/net.

use std::fs;
use std::io;

use rustc_hash::{FxHashMap, FxHashSet};

use super::bound;
use super::sock_diag::{DumpError, SockDiag};
use crate::model::{Detail, Family, Gap, Protocol, Scope, Socket, StateSet, TcpState, UdpScope};
use crate::platform::decode::inet_diag::state_mask;
use crate::platform::decode::inet_request::{Request, Wanted};
use crate::platform::decode::proc_net;
use crate::platform::{PlatformError, SocketTable};

/// How often one table is dumped at most while dumps repeat sockets.
const DUMPS: usize = 3;

/// A table of the kernel.
#[derive(Clone, Copy)]
struct Table {
    protocol: Protocol,
    family: Family,
}

impl Table {
    /// Its file in /proc/net, which is also its name.
    const fn name(self) -> &'static str {
        match (self.protocol, self.family) {
            (Protocol::Tcp, Family::V4) => "tcp",
            (Protocol::Tcp, Family::V6) => "tcp6",
            (Protocol::Udp, Family::V4) => "udp",
            (Protocol::Udp, Family::V6) => "udp6",
        }
    }

    fn request(self, scope: &Scope) -> Request<'_> {
        request(self.protocol, Some(self.family), scope)
    }
}

/// The request for a table; for that of every family where none is named.
fn request(protocol: Protocol, family: Option<Family>, scope: &Scope) -> Request<'_> {
    let states = match (protocol, scope.udp) {
        (Protocol::Tcp, _) => state_mask(scope.tcp),
        (Protocol::Udp, UdpScope::Unconnected) => state_mask(StateSet::of(&[TcpState::Closed])),
        (Protocol::Udp, _) => u32::MAX,
    };
    Request {
        family,
        protocol,
        states,
        wanted: Wanted {
            info: scope.detail >= Detail::Idle && protocol == Protocol::Tcp,
            memory: scope.detail >= Detail::Drops,
        },
        local_ports: scope.local_ports.as_deref(),
        foreign_ports: scope.foreign_ports.as_deref(),
    }
}

/// The tables that `scope` needs. IPv4 connections may live on IPv6 sockets, so the IPv6
/// tables are read for either family.
fn wanted(scope: &Scope) -> Vec<Table> {
    let tcp = (!scope.tcp.is_empty()).then_some(Protocol::Tcp);
    let udp = (scope.udp != UdpScope::None).then_some(Protocol::Udp);
    let families: &[Family] =
        if scope.families.v4 { &[Family::V4, Family::V6] } else { &[Family::V6] };
    let protocols = tcp.into_iter().chain(udp);
    protocols
        .flat_map(|protocol| families.iter().map(move |&family| Table { protocol, family }))
        .collect()
}

/// The sockets in `scope` of this thread's network namespace.
pub(super) fn sockets(scope: &Scope) -> Result<SocketTable, PlatformError> {
    let mut found = listed(scope)?;
    bound::add_unlisted(scope, &mut found, |scope| listed(scope).ok());
    Ok(found)
}

/// Those that the kernel lists.
pub(super) fn listed(scope: &Scope) -> Result<SocketTable, PlatformError> {
    let mut diag = match SockDiag::open() {
        Ok(diag) => diag,
        Err(error) => return all_from_proc(scope, &error),
    };
    let probe = bound::Probe::of(scope);
    let with_probe = probe.as_ref().map(|probe| probe.added_to(scope));
    let mut found = match dumped(&mut diag, with_probe.as_ref().unwrap_or(scope))? {
        Ok(found) => found,
        Err(refusal) => return all_from_proc(scope, &refusal),
    };
    if let Some(probe) = probe {
        probe.take_from(&mut found.sockets, scope, found.gaps.is_empty());
    }
    let has_bound = found.sockets.iter().any(|socket| socket.state == Some(TcpState::Bound));
    if has_bound {
        bound::note_listed();
    } else if scope.tcp.contains(TcpState::Bound) {
        found.gaps.extend(bound::gap(&mut diag));
    }
    Ok(found)
}

/// What the kernel dumps; its refusal, where it closes netlink.
fn dumped(
    diag: &mut SockDiag,
    scope: &Scope,
) -> Result<Result<SocketTable, io::Error>, PlatformError> {
    let mut found = SocketTable::default();
    let mut tables = wanted(scope);
    if has_tcp_of_every_family(&tables) {
        match dump(diag, &request(Protocol::Tcp, None, scope)) {
            Ok(mut sockets) => {
                found.sockets.append(&mut sockets);
                tables.retain(|table| table.protocol != Protocol::Tcp);
            }
            // Each by itself, which tells what is missing.
            Err(_) => *diag = again()?,
        }
    }
    for table in tables {
        match dump(diag, &table.request(scope)) {
            Ok(mut sockets) => found.sockets.append(&mut sockets),
            Err(DumpError::Refused(error)) => return Ok(Err(error)),
            Err(DumpError::NoHandler) => read_unhandled(table, &mut found),
            Err(error) => {
                found.gaps.push(unreadable(table, &error));
                *diag = again()?;
            }
        }
    }
    Ok(Ok(found))
}

/// Whether one dump, of every family, is that of all tables of TCP: the kernel goes through them once.
fn has_tcp_of_every_family(tables: &[Table]) -> bool {
    tables.iter().filter(|table| table.protocol == Protocol::Tcp).count() > 1
}

/// Another netlink socket: the rest of an answer would stand before the next one.
fn again() -> Result<SockDiag, PlatformError> {
    SockDiag::open().map_err(|error| PlatformError::io("cannot open a netlink socket again", error))
}

/// One table, each socket once. A dump walks a table that changes, so under churn it may repeat
/// sockets, and then may have missed others: it is asked again, and the union is returned.
fn dump(diag: &mut SockDiag, request: &Request<'_>) -> Result<Vec<Socket>, DumpError> {
    let mut union = Vec::new();
    let mut seen: FxHashMap<u64, (usize, usize)> = FxHashMap::default();
    for round in 0..DUMPS {
        let dump = diag.dump(request)?;
        let mut repeated = dump.interrupted;
        seen.reserve(dump.sockets.len());
        for socket in dump.sockets {
            let cookie = socket.cookie.unwrap_or_default();
            let (place, last_round) = *seen.entry(cookie).or_insert((union.len(), usize::MAX));
            repeated |= last_round == round;
            seen.insert(cookie, (place, round));
            match union.get_mut(place) {
                Some(older) => *older = socket,
                None => union.push(socket),
            }
        }
        if !repeated {
            break;
        }
    }
    Ok(union)
}

/// A table whose protocol has no handler, from /proc.
fn read_unhandled(table: Table, found: &mut SocketTable) {
    let gap = match table.protocol {
        Protocol::Tcp => Gap::NoHandler { protocol: "TCP" },
        Protocol::Udp => Gap::NoHandler { protocol: "UDP" },
    };
    match read_proc(table) {
        Ok(mut sockets) => found.sockets.append(&mut sockets),
        Err(error) => found.gaps.push(unreadable(table, &error)),
    }
    if !found.gaps.contains(&gap) {
        found.gaps.push(gap);
    }
}

/// Every table from /proc, because `refusal` closed netlink.
fn all_from_proc(scope: &Scope, refusal: &io::Error) -> Result<SocketTable, PlatformError> {
    let mut found = SocketTable::default();
    found.gaps.push(Gap::NetlinkRefused { why: refusal.to_string() });
    let mut first_failure = None;
    let mut read_any = false;
    for table in wanted(scope) {
        match read_proc(table) {
            Ok(mut sockets) => {
                read_any = true;
                found.sockets.append(&mut sockets);
            }
            Err(error) => {
                found.gaps.push(unreadable(table, &error));
                first_failure.get_or_insert(error);
            }
        }
    }
    match first_failure {
        Some(error) if !read_any => {
            Err(PlatformError::NoSockets { netlink: refusal.to_string(), proc: error.to_string() })
        }
        _ => Ok(found),
    }
}

/// One table from /proc. thread-self: a thread may be in a network namespace of its own. A
/// kernel without IPv6 has no file for it, and then no such sockets.
fn read_proc(table: Table) -> Result<Vec<Socket>, PlatformError> {
    let path = |table: Table| format!("/proc/thread-self/net/{}", table.name());
    let text = match fs::read_to_string(path(table)) {
        Ok(text) => text,
        Err(error) if is_absent_family(table, &error, &path) => return Ok(Vec::new()),
        Err(error) => {
            return Err(PlatformError::io(format!("cannot read {}", path(table)), error));
        }
    };
    let decoded = proc_net::table(&text, table.protocol).map_err(|source| {
        PlatformError::Decode { what: format!("cannot understand {}", path(table)), source }
    })?;
    Ok(without_repeats(decoded))
}

/// The file is read in pieces of a table that changes, so it may repeat rows. Without cookies
/// they are told apart by everything that does not change.
fn without_repeats(mut sockets: Vec<Socket>) -> Vec<Socket> {
    let mut seen = FxHashSet::default();
    sockets.retain(|socket| seen.insert((socket.local, socket.foreign, socket.inode)));
    sockets
}

fn is_absent_family(table: Table, error: &io::Error, path: &impl Fn(Table) -> String) -> bool {
    let v4 = Table { family: Family::V4, ..table };
    table.family == Family::V6
        && error.kind() == io::ErrorKind::NotFound
        && fs::exists(path(v4)).unwrap_or(false)
}

fn unreadable(table: Table, why: &impl ToString) -> Gap {
    Gap::TableUnreadable { table: table.name().to_owned(), why: why.to_string() }
}
