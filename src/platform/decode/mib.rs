//! Windows' tables of sockets: `MIB_*TABLE_OWNER_MODULE`, `MIB_TCPTABLE2` and `MIB_TCP6TABLE2`
//! of iprtrmib.h, as their documentation lays them out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustc_hash::FxHashSet;

use super::DecodeError;
use super::bytes::{array_at, be16_at, u32_at, u64_at};
use crate::model::{Endpoint, Family, Pid, Protocol, Socket, TableOwner, TcpState};

/// An address and a port.
pub type RawEnd = (IpAddr, u16);

/// Where the fields of a row stand, in bytes. The Windows build compares all of these with the structures
/// of its headers.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// The length of a row.
    pub length: usize,
    /// Whether addresses are those of IPv6, which have scopes behind them.
    pub is_v6: bool,
    /// The TCP state.
    pub state: Option<usize>,
    /// The near address.
    pub local: usize,
    /// The port of the near end.
    pub local_port: usize,
    /// The far address, and its port.
    pub foreign: Option<(usize, usize)>,
    /// The process.
    pub pid: usize,
    /// The time of creation.
    pub created: Option<usize>,
}

/// `MIB_TCPROW_OWNER_MODULE`.
pub const TCP4_MODULE: Layout = Layout {
    length: 160,
    is_v6: false,
    state: Some(0),
    local: 4,
    local_port: 8,
    foreign: Some((12, 16)),
    pid: 20,
    created: Some(24),
};

/// `MIB_TCP6ROW_OWNER_MODULE`.
pub const TCP6_MODULE: Layout = Layout {
    length: 192,
    is_v6: true,
    state: Some(48),
    local: 0,
    local_port: 20,
    foreign: Some((24, 44)),
    pid: 52,
    created: Some(56),
};

/// `MIB_UDPROW_OWNER_MODULE`.
pub const UDP4_MODULE: Layout = Layout {
    length: 160,
    is_v6: false,
    state: None,
    local: 0,
    local_port: 4,
    foreign: None,
    pid: 8,
    created: Some(16),
};

/// `MIB_UDP6ROW_OWNER_MODULE`.
pub const UDP6_MODULE: Layout = Layout {
    length: 176,
    is_v6: true,
    state: None,
    local: 0,
    local_port: 20,
    foreign: None,
    pid: 24,
    created: Some(32),
};

/// `MIB_TCPROW2`. Of what is bound only the near end says anything.
pub const TCP4_BOUND: Layout = Layout {
    length: 28,
    is_v6: false,
    state: None,
    local: 4,
    local_port: 8,
    foreign: None,
    pid: 20,
    created: None,
};

/// `MIB_TCP6ROW2`.
pub const TCP6_BOUND: Layout = Layout {
    length: 60,
    is_v6: true,
    state: None,
    local: 0,
    local_port: 20,
    foreign: None,
    pid: 52,
    created: None,
};

/// Where the first row of a table stands whose rows have times of 64 bits.
pub const MODULE_ROWS: usize = 8;

/// Where the first row of a table of bound endpoints stands.
pub const BOUND_ROWS: usize = 4;

/// The scope of an address of IPv6 follows it.
pub const SCOPE: usize = 16;

/// A row of one of the tables.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct MibRow {
    /// The near end.
    pub local: RawEnd,
    /// The scope of an IPv6 address.
    pub scope: u32,
    /// The far end; none for UDP.
    pub foreign: Option<RawEnd>,
    /// The TCP state.
    pub state: Option<TcpState>,
    /// The process that the table names.
    pub pid: Pid,
    /// When the socket was created, in 100 ns since 1601; none where the system writes 0.
    pub created: Option<u64>,
}

impl MibRow {
    /// The interface of a link-local address. For others the field holds whatever it holds.
    #[must_use]
    pub fn interface(&self) -> Option<u32> {
        match self.local.0 {
            IpAddr::V6(address) if address.is_unicast_link_local() => {
                Some(self.scope).filter(|&scope| scope != 0)
            }
            _ => None,
        }
    }

    /// The row as a socket that is bound, and neither listens nor is connected.
    #[must_use]
    pub fn bound_socket(&self) -> Socket {
        Socket {
            mapped: self.local.0.to_canonical() != self.local.0,
            v6_only: self.local.0.is_ipv6().then_some(true),
            interface: self.interface(),
            state: Some(TcpState::Bound),
            table_owner: Some(TableOwner { pid: self.pid, created: self.created }),
            ..Socket::at(Protocol::Tcp, Endpoint::new(self.local.0, self.local.1))
        }
    }
}

/// The name of a table, as its messages give it.
#[must_use]
pub const fn table_name(protocol: Protocol, family: Family) -> &'static str {
    match (protocol, family) {
        (Protocol::Tcp, Family::V4) => "tcp",
        (Protocol::Tcp, Family::V6) => "tcp6",
        (Protocol::Udp, Family::V4) => "udp",
        (Protocol::Udp, Family::V6) => "udp6",
    }
}

/// The state of MIB's `number` (`MIB_TCP_STATE`).
#[must_use]
pub fn tcp_state(number: u32) -> TcpState {
    match number {
        1 => TcpState::Closed,
        2 => TcpState::Listening,
        3 => TcpState::SynSent,
        4 => TcpState::SynReceived,
        5 => TcpState::Established,
        6 => TcpState::FinWait1,
        7 => TcpState::FinWait2,
        8 => TcpState::CloseWait,
        9 => TcpState::Closing,
        10 => TcpState::LastAck,
        11 => TcpState::TimeWait,
        12 => TcpState::DeleteTcb,
        other => TcpState::Unknown(u8::try_from(other).unwrap_or(u8::MAX)),
    }
}

/// Decodes a table with owner and creation time.
///
/// # Errors
/// [`DecodeError::Truncated`] when there are fewer rows than the table says. Never panics.
pub fn owner_module_table(
    bytes: &[u8],
    protocol: Protocol,
    family: Family,
) -> Result<Vec<MibRow>, DecodeError> {
    Ok(module_rows(bytes, protocol, family)?.into_iter().map(|(row, _)| row).collect())
}

/// The same, each row with its own bytes.
///
/// # Errors
/// As [`owner_module_table`].
pub fn module_rows(
    bytes: &[u8],
    protocol: Protocol,
    family: Family,
) -> Result<Vec<(MibRow, &[u8])>, DecodeError> {
    let layout = match (protocol, family) {
        (Protocol::Tcp, Family::V4) => TCP4_MODULE,
        (Protocol::Tcp, Family::V6) => TCP6_MODULE,
        (Protocol::Udp, Family::V4) => UDP4_MODULE,
        (Protocol::Udp, Family::V6) => UDP6_MODULE,
    };
    rows(bytes, MODULE_ROWS, layout)
}

/// Decodes a table of bound endpoints.
///
/// # Errors
/// As [`owner_module_table`].
pub fn bound_table(bytes: &[u8], family: Family) -> Result<Vec<MibRow>, DecodeError> {
    let layout = match family {
        Family::V4 => TCP4_BOUND,
        Family::V6 => TCP6_BOUND,
    };
    let bound = |(row, _)| MibRow { state: Some(TcpState::Bound), ..row };
    Ok(rows(bytes, BOUND_ROWS, layout)?.into_iter().map(bound).collect())
}

/// Leaves out the bound endpoints that belong to a connection or a listener of `tcp`: Windows
/// may list those too, and as BOUND they would be taken for holders of a port of their own.
#[must_use]
pub fn bound_only(bound: Vec<MibRow>, tcp: &[Socket]) -> Vec<MibRow> {
    let used: FxHashSet<(u16, Pid)> = tcp
        .iter()
        .filter_map(|socket| Some((socket.local.port, socket.table_owner?.pid)))
        .collect();
    bound.into_iter().filter(|row| !used.contains(&(row.local.1, row.pid))).collect()
}

fn rows(bytes: &[u8], start: usize, layout: Layout) -> Result<Vec<(MibRow, &[u8])>, DecodeError> {
    let count = usize::try_from(u32_at(bytes, 0)?).map_err(|_| DecodeError::BadLength)?;
    let end = count.checked_mul(layout.length).and_then(|size| size.checked_add(start));
    let body = bytes.get(start..end.ok_or(DecodeError::BadLength)?);
    let rows = body.ok_or(DecodeError::Truncated)?.chunks_exact(layout.length);
    rows.map(|bytes| Ok((row(bytes, layout)?, bytes))).collect()
}

fn row(row: &[u8], layout: Layout) -> Result<MibRow, DecodeError> {
    let end = |address, port| Ok((ip(row, address, layout.is_v6)?, be16_at(row, port)?));
    let scope = if layout.is_v6 { u32_at(row, layout.local + SCOPE)? } else { 0 };
    let state = layout.state.map(|offset| u32_at(row, offset)).transpose()?;
    let created = layout.created.map(|offset| u64_at(row, offset)).transpose()?;
    Ok(MibRow {
        local: end(layout.local, layout.local_port)?,
        scope,
        foreign: layout.foreign.map(|(address, port)| end(address, port)).transpose()?,
        state: state.map(tcp_state),
        pid: Pid(u32_at(row, layout.pid)?),
        // A time of 0 means that it is unknown.
        created: created.filter(|&ticks| ticks != 0),
    })
}

/// Addresses stand in the network's byte order. So do ports, in the first two bytes of their
/// field; the upper two may hold anything.
fn ip(row: &[u8], offset: usize, is_v6: bool) -> Result<IpAddr, DecodeError> {
    if is_v6 {
        array_at::<16>(row, offset).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
    } else {
        array_at::<4>(row, offset).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)))
    }
}

#[cfg(test)]
mod tests;
