//! The machine's sockets: netstat2's rows, and what the IP helper's own tables know beyond them.

use std::io;

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, iterate_sockets_info,
};
use rustc_hash::FxHashMap;

use super::ffi;
use crate::model::Pid;
use crate::model::{
    Endpoint, Family, Gap, Protocol, Scope, Socket, TableOwner, TcpState, UdpScope,
};
use crate::platform::decode::mib::{self, MibRow, RawEnd};
use crate::platform::{PlatformError, SocketTable, reason};

/// The sockets in `scope`, and more: Windows filters nothing itself.
pub(super) fn sockets(scope: &Scope) -> Result<SocketTable, PlatformError> {
    let mut found = SocketTable::default();
    let mut first_failure = None;
    let mut read_any = false;
    for (protocol, family) in wanted(scope) {
        match table(protocol, family) {
            Ok(mut sockets) => {
                read_any = true;
                found.sockets.append(&mut sockets);
            }
            Err(error) => {
                let table = mib::table_name(protocol, family);
                let why = reason(&error);
                found.gaps.push(Gap::TableUnreadable { table: table.to_owned(), why });
                let what = format!("cannot read the table {table}");
                first_failure.get_or_insert_with(|| PlatformError::io(what, error));
            }
        }
    }
    if let (Some(error), false) = (first_failure, read_any) {
        return Err(error);
    }
    if scope.tcp.contains(TcpState::Bound) {
        add_bound(&mut found);
    }
    Ok(found)
}

/// The tables that `scope` needs. What is bound is told from what is connected by both families'
/// connections: a socket for both may be bound in one table and connected in the other.
fn wanted(scope: &Scope) -> Vec<(Protocol, Family)> {
    let both = scope.tcp.contains(TcpState::Bound);
    let is_wanted = |family| match family {
        Family::V4 => scope.families.v4,
        Family::V6 => scope.families.v6,
    };
    let mut tables = Vec::new();
    for family in [Family::V4, Family::V6] {
        if !scope.tcp.is_empty() && (both || is_wanted(family)) {
            tables.push((Protocol::Tcp, family));
        }
        if scope.udp != UdpScope::None && is_wanted(family) {
            tables.push((Protocol::Udp, family));
        }
    }
    tables
}

/// One table. netstat2 is asked for one at a time, because the first failure fails its call.
fn table(protocol: Protocol, family: Family) -> io::Result<Vec<Socket>> {
    let families = match family {
        Family::V4 => AddressFamilyFlags::IPV4,
        Family::V6 => AddressFamilyFlags::IPV6,
    };
    let protocols = match protocol {
        Protocol::Tcp => ProtocolFlags::TCP,
        Protocol::Udp => ProtocolFlags::UDP,
    };
    let failed = |error: netstat2::error::Error| match error {
        netstat2::error::Error::OsError(error) => error,
        netstat2::error::Error::FailedToGetTcpTable(code)
        | netstat2::error::Error::FailedToGetUdpTable(code) => io::Error::from_raw_os_error(code),
        other => io::Error::other(other),
    };
    let rows = iterate_sockets_info(families, protocols).map_err(failed)?;
    let mut details = details(protocol, family);
    rows.map(|row| Ok(socket(&row.map_err(failed)?, &mut details))).collect()
}

/// Rows by what both tables tell of a socket.
type Details = FxHashMap<(RawEnd, Option<RawEnd>, Pid), Vec<MibRow>>;

/// The same table with creation times, scopes and state numbers. Where it cannot be had, the
/// sockets lack these and nothing else.
fn details(protocol: Protocol, family: Family) -> Details {
    let bytes = ffi::owner_module_table(protocol, family).unwrap_or_default();
    let rows = mib::owner_module_table(&bytes, protocol, family).unwrap_or_default();
    let mut details = Details::default();
    // Taken from the end, so that equal rows are told apart in the order of both tables.
    for row in rows.into_iter().rev() {
        details.entry((row.local, row.foreign, row.pid)).or_default().push(row);
    }
    details
}

fn socket(info: &SocketInfo, details: &mut Details) -> Socket {
    let pid = Pid(info.associated_pids.first().copied().unwrap_or_default());
    let (protocol, local, foreign) = match &info.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => (
            Protocol::Tcp,
            (tcp.local_addr, tcp.local_port),
            Some((tcp.remote_addr, tcp.remote_port)),
        ),
        ProtocolSocketInfo::Udp(udp) => (Protocol::Udp, (udp.local_addr, udp.local_port), None),
    };
    let detail = details.get_mut(&(local, foreign, pid)).and_then(Vec::pop);
    let detail = detail.as_ref();
    let state = match &info.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => Some(state(tcp.state, detail)),
        ProtocolSocketInfo::Udp(_) => None,
    };
    Socket {
        foreign: foreign
            .filter(|(_, port)| *port != 0)
            .map(|(address, port)| Endpoint::new(address, port)),
        mapped: local.0.to_canonical() != local.0,
        // A socket for both families stands in both tables, so each row speaks for one.
        v6_only: local.0.is_ipv6().then_some(true),
        interface: detail.and_then(MibRow::interface),
        state,
        table_owner: Some(TableOwner { pid, created: detail.and_then(|row| row.created) }),
        ..Socket::at(protocol, Endpoint::new(local.0, local.1))
    }
}

fn state(state: netstat2::TcpState, detail: Option<&MibRow>) -> TcpState {
    match state {
        netstat2::TcpState::Closed => TcpState::Closed,
        netstat2::TcpState::Listen => TcpState::Listening,
        netstat2::TcpState::SynSent => TcpState::SynSent,
        netstat2::TcpState::SynReceived => TcpState::SynReceived,
        netstat2::TcpState::Established => TcpState::Established,
        netstat2::TcpState::FinWait1 => TcpState::FinWait1,
        netstat2::TcpState::FinWait2 => TcpState::FinWait2,
        netstat2::TcpState::CloseWait => TcpState::CloseWait,
        netstat2::TcpState::Closing => TcpState::Closing,
        netstat2::TcpState::LastAck => TcpState::LastAck,
        netstat2::TcpState::TimeWait => TcpState::TimeWait,
        netstat2::TcpState::DeleteTcb => TcpState::DeleteTcb,
        netstat2::TcpState::Unknown => {
            detail.and_then(|row| row.state).unwrap_or(TcpState::Unknown(0))
        }
    }
}

/// Adds the bound endpoints of each family, where the system has the call for them, and where all
/// connections are known: the local endpoint of one must not be taken for a port that a process holds.
fn add_bound(found: &mut SocketTable) {
    let unread = found.gaps.iter().find_map(|gap| match gap {
        Gap::TableUnreadable { table, .. } if table.starts_with("tcp") => Some(table.clone()),
        _ => None,
    });
    if let Some(table) = unread {
        let why = format!("the table {table} cannot be read");
        found.gaps.push(Gap::BoundUnknown { why });
        return;
    }
    let mut rows = Vec::new();
    for family in [Family::V4, Family::V6] {
        match bound(family) {
            Ok(mut more) => rows.append(&mut more),
            Err(gap) if found.gaps.contains(&gap) => {}
            Err(gap) => found.gaps.push(gap),
        }
    }
    let rows = mib::bound_only(rows, &found.sockets);
    found.sockets.extend(rows.iter().map(MibRow::bound_socket));
}

fn bound(family: Family) -> Result<Vec<MibRow>, Gap> {
    let unknown = |why: String| Gap::BoundUnknown {
        why: format!("{}: {why}", mib::table_name(Protocol::Tcp, family)),
    };
    let bytes = ffi::bound_table(family).map_err(|error| unknown(reason(&error)))?;
    let bytes = bytes.ok_or(Gap::BoundNotListed)?;
    if bytes.is_empty() {
        // There is no table where there is nothing to tell.
        return Ok(Vec::new());
    }
    mib::bound_table(&bytes, family).map_err(|error| unknown(error.to_string()))
}
