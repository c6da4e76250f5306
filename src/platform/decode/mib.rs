//! Windows' tables of sockets: `MIB_*TABLE_OWNER_MODULE`, `MIB_TCPTABLE2` and `MIB_TCP6TABLE2`
//! of iprtrmib.h, as their documentation lays them out.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rustc_hash::FxHashSet;

use super::DecodeError;
use super::bytes::{array_at, be16_at, u32_at, u64_at};
use crate::model::{Endpoint, Family, Pid, Protocol, Socket, TableOwner, TcpState};

/// An address and a port.
pub type RawEnd = (IpAddr, u16);

/// Decodes one row.
type RowDecoder = fn(&[u8]) -> Result<MibRow, DecodeError>;

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
    // Rows hold 64-bit times, so they begin at a multiple of 8.
    let (length, decode): (usize, RowDecoder) = match (protocol, family) {
        (Protocol::Tcp, Family::V4) => (160, tcp4_module_row),
        (Protocol::Tcp, Family::V6) => (192, tcp6_module_row),
        (Protocol::Udp, Family::V4) => (160, udp4_module_row),
        (Protocol::Udp, Family::V6) => (176, udp6_module_row),
    };
    rows(bytes, 8, length, decode)
}

/// Decodes a table of bound endpoints.
///
/// # Errors
/// As [`owner_module_table`].
pub fn bound_table(bytes: &[u8], family: Family) -> Result<Vec<MibRow>, DecodeError> {
    match family {
        Family::V4 => rows(bytes, 4, 28, |row| {
            let local = (ipv4(row, 4)?, be16_at(row, 8)?);
            Ok(bound(local, 0, u32_at(row, 20)?))
        }),
        Family::V6 => rows(bytes, 4, 60, |row| {
            let local = (ipv6(row, 0)?, be16_at(row, 20)?);
            Ok(bound(local, u32_at(row, 16)?, u32_at(row, 52)?))
        }),
    }
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

fn bound(local: RawEnd, scope: u32, pid: u32) -> MibRow {
    let state = Some(TcpState::Bound);
    MibRow { local, scope, foreign: None, state, pid: Pid(pid), created: None }
}

fn rows(
    bytes: &[u8],
    start: usize,
    length: usize,
    decode: RowDecoder,
) -> Result<Vec<MibRow>, DecodeError> {
    let count = usize::try_from(u32_at(bytes, 0)?).map_err(|_| DecodeError::BadLength)?;
    let end = count.checked_mul(length).and_then(|size| size.checked_add(start));
    let body = bytes.get(start..end.ok_or(DecodeError::BadLength)?);
    body.ok_or(DecodeError::Truncated)?.chunks_exact(length).map(decode).collect()
}

fn tcp4_module_row(row: &[u8]) -> Result<MibRow, DecodeError> {
    Ok(MibRow {
        state: Some(tcp_state(u32_at(row, 0)?)),
        local: (ipv4(row, 4)?, be16_at(row, 8)?),
        scope: 0,
        foreign: Some((ipv4(row, 12)?, be16_at(row, 16)?)),
        pid: Pid(u32_at(row, 20)?),
        created: time(row, 24)?,
    })
}

fn tcp6_module_row(row: &[u8]) -> Result<MibRow, DecodeError> {
    Ok(MibRow {
        local: (ipv6(row, 0)?, be16_at(row, 20)?),
        scope: u32_at(row, 16)?,
        foreign: Some((ipv6(row, 24)?, be16_at(row, 44)?)),
        state: Some(tcp_state(u32_at(row, 48)?)),
        pid: Pid(u32_at(row, 52)?),
        created: time(row, 56)?,
    })
}

fn udp4_module_row(row: &[u8]) -> Result<MibRow, DecodeError> {
    Ok(MibRow {
        local: (ipv4(row, 0)?, be16_at(row, 4)?),
        scope: 0,
        foreign: None,
        state: None,
        pid: Pid(u32_at(row, 8)?),
        created: time(row, 16)?,
    })
}

fn udp6_module_row(row: &[u8]) -> Result<MibRow, DecodeError> {
    Ok(MibRow {
        local: (ipv6(row, 0)?, be16_at(row, 20)?),
        scope: u32_at(row, 16)?,
        foreign: None,
        state: None,
        pid: Pid(u32_at(row, 24)?),
        created: time(row, 32)?,
    })
}

/// Addresses stand in the network's byte order. So do ports, in the first two bytes of their
/// field; the upper two may hold anything.
fn ipv4(row: &[u8], offset: usize) -> Result<IpAddr, DecodeError> {
    array_at::<4>(row, offset).map(|bytes| IpAddr::V4(Ipv4Addr::from(bytes)))
}

fn ipv6(row: &[u8], offset: usize) -> Result<IpAddr, DecodeError> {
    array_at::<16>(row, offset).map(|bytes| IpAddr::V6(Ipv6Addr::from(bytes)))
}

/// A time of 0 means that it is unknown.
fn time(row: &[u8], offset: usize) -> Result<Option<u64>, DecodeError> {
    Ok(Some(u64_at(row, offset)?).filter(|&ticks| ticks != 0))
}

#[cfg(test)]
mod tests;
