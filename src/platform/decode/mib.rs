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

/// Decodes a table of bound endpoints; one that is missing is empty.
///
/// # Errors
/// As [`owner_module_table`].
pub fn bound_table(bytes: &[u8], family: Family) -> Result<Vec<MibRow>, DecodeError> {
    if bytes.is_empty() {
        return Ok(Vec::new());
    }
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
mod tests {
    use super::*;

    /// A table with one row of `length` bytes behind `start`, with these fields set.
    fn table(start: usize, length: usize, fields: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = vec![0; start + length];
        bytes[0] = 1;
        for (offset, field) in fields {
            bytes[start + offset..start + offset + field.len()].copy_from_slice(field);
        }
        bytes
    }

    #[test]
    fn a_tcp_row_is_decoded_field_by_field() {
        let created = 133_000_000_000_000_000_u64.to_ne_bytes();
        let bytes = table(
            8,
            160,
            &[
                (0, &5_u32.to_ne_bytes()),
                (4, &[127, 0, 0, 1]),
                // The upper half of a port's field is noise.
                (8, &[0x1f, 0x90, 0xde, 0xad]),
                (12, &[10, 0, 0, 5]),
                (16, &[0x01, 0xbb, 0, 0]),
                (20, &812_u32.to_ne_bytes()),
                (24, &created),
            ],
        );
        let rows = owner_module_table(&bytes, Protocol::Tcp, Family::V4).unwrap();
        assert_eq!(
            rows,
            [MibRow {
                local: ([127, 0, 0, 1].into(), 8080),
                scope: 0,
                foreign: Some(([10, 0, 0, 5].into(), 443)),
                state: Some(TcpState::Established),
                pid: Pid(812),
                created: Some(133_000_000_000_000_000),
            }]
        );
    }

    #[test]
    fn ipv6_rows_have_scopes_where_they_mean_something() {
        let link_local: Ipv6Addr = "fe80::1".parse().unwrap();
        let row = |address: Ipv6Addr| {
            let bytes = table(
                8,
                176,
                &[(0, &address.octets()), (16, &12_u32.to_ne_bytes()), (20, &[0, 53, 0, 0])],
            );
            owner_module_table(&bytes, Protocol::Udp, Family::V6).unwrap()[0]
        };
        assert_eq!(row(link_local).interface(), Some(12));
        assert_eq!(row(link_local).local.1, 53);
        assert_eq!(row(Ipv6Addr::LOCALHOST).interface(), None);
        assert_eq!(row(link_local).created, None);
    }

    #[test]
    fn bound_endpoints_become_bound_sockets() {
        let bytes = table(
            4,
            28,
            &[(4, &[127, 0, 0, 1]), (8, &[0, 80, 0, 0]), (20, &812_u32.to_ne_bytes())],
        );
        let socket = bound_table(&bytes, Family::V4).unwrap()[0].bound_socket();
        assert_eq!(socket.state, Some(TcpState::Bound));
        assert_eq!(socket.local, Endpoint::new([127, 0, 0, 1].into(), 80));
        assert_eq!(socket.table_owner.map(|owner| owner.pid), Some(Pid(812)));
    }

    #[test]
    fn the_second_row_of_a_table_is_where_the_first_one_ends() {
        let local: Ipv6Addr = "fd00::1".parse().unwrap();
        let mut bytes = table(4, 60, &[]);
        bytes[0] = 2;
        let mut second = vec![0; 60];
        second[..16].copy_from_slice(&local.octets());
        second[20..22].copy_from_slice(&[0, 80]);
        second[52..56].copy_from_slice(&812_u32.to_ne_bytes());
        bytes.extend(second);
        let row = bound_table(&bytes, Family::V6).unwrap()[1];
        assert_eq!((row.local, row.pid), ((local.into(), 80), Pid(812)));
        for (protocol, family, length, pid) in [
            (Protocol::Tcp, Family::V4, 160, 20),
            (Protocol::Tcp, Family::V6, 192, 52),
            (Protocol::Udp, Family::V4, 160, 8),
            (Protocol::Udp, Family::V6, 176, 24),
        ] {
            let mut bytes = table(8, 2 * length, &[(length + pid, &812_u32.to_ne_bytes())]);
            bytes[0] = 2;
            let rows = owner_module_table(&bytes, protocol, family).unwrap();
            assert_eq!(rows[1].pid, Pid(812));
        }
    }

    #[test]
    fn the_local_endpoint_of_a_connection_is_not_bound() {
        let row = |port, pid| MibRow {
            local: ([0, 0, 0, 0].into(), port),
            scope: 0,
            foreign: None,
            state: Some(TcpState::Bound),
            pid: Pid(pid),
            created: None,
        };
        let socket = |port, pid, state| Socket {
            state: Some(state),
            table_owner: Some(TableOwner { pid: Pid(pid), created: None }),
            ..Socket::at(Protocol::Tcp, Endpoint::new([127, 0, 0, 1].into(), port))
        };
        let tcp = [
            socket(50_123, 900, TcpState::Established),
            socket(80, 900, TcpState::Listening),
            socket(81, 0, TcpState::TimeWait),
        ];
        let rows =
            vec![row(50_123, 900), row(50_124, 900), row(50_123, 901), row(80, 900), row(81, 900)];
        let left = bound_only(rows, &tcp);
        assert_eq!(left, [row(50_124, 900), row(50_123, 901), row(81, 900)]);
    }

    #[test]
    fn a_table_that_is_cut_is_an_error() {
        let whole = table(8, 160, &[]);
        for end in 0..whole.len() {
            let cut = owner_module_table(&whole[..end], Protocol::Tcp, Family::V4);
            assert_eq!(cut, Err(DecodeError::Truncated), "{end} bytes");
        }
        let mut endless = whole;
        endless[..4].copy_from_slice(&u32::MAX.to_ne_bytes());
        assert!(owner_module_table(&endless, Protocol::Tcp, Family::V4).is_err());
    }

    #[test]
    fn an_unknown_state_keeps_its_number() {
        assert_eq!(tcp_state(13), TcpState::Unknown(13));
        assert_eq!(tcp_state(70_000), TcpState::Unknown(255));
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_the_decoder_panic(bytes: Vec<u8>) {
            for family in [Family::V4, Family::V6] {
                let _ = bound_table(&bytes, family);
                for protocol in [Protocol::Tcp, Protocol::Udp] {
                    let _ = owner_module_table(&bytes, protocol, family);
                }
            }
        }
    }
}
