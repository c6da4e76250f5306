//! Windows' tables of sockets: as many rows as the table says, each made of its own bytes.

use std::net::IpAddr;

use portwho::model::{Family, Protocol, TcpState};
use portwho::platform::decode::mib::{MibRow, RawEnd, bound_only, bound_table, owner_module_table};

use super::input::contains;

pub fn check(data: &[u8]) {
    for (family, length) in [(Family::V4, 28), (Family::V6, 60)] {
        if let Ok(rows) = bound_table(data, family) {
            each_row_is_made_of_its_bytes(&rows, data, 4, length);
            what_is_left_was_there_and_is_not_used(&rows);
        }
    }
    for (protocol, family, length) in [
        (Protocol::Tcp, Family::V4, 160),
        (Protocol::Tcp, Family::V6, 192),
        (Protocol::Udp, Family::V4, 160),
        (Protocol::Udp, Family::V6, 176),
    ] {
        if let Ok(rows) = owner_module_table(data, protocol, family) {
            each_row_is_made_of_its_bytes(&rows, data, 8, length);
            assert!(rows.iter().all(|row| row.state.is_some() == (protocol == Protocol::Tcp)));
        }
    }
}

fn each_row_is_made_of_its_bytes(rows: &[MibRow], data: &[u8], start: usize, length: usize) {
    let claimed = u32::from_ne_bytes(data[..4].try_into().unwrap());
    assert_eq!(u32::try_from(rows.len()), Ok(claimed));
    for (row, bytes) in rows.iter().zip(data[start..].chunks_exact(length)) {
        let (local, foreign) = (Some(row.local), row.foreign);
        assert!(local.into_iter().chain(foreign).all(|end| holds_end(bytes, end)), "{row:?}");
        assert!(contains(bytes, &row.pid.0.to_ne_bytes()));
        assert!(row.created.is_none_or(|time| time != 0 && contains(bytes, &time.to_ne_bytes())));
        let link_local = |v6: std::net::Ipv6Addr| v6.is_unicast_link_local();
        assert!(
            row.interface().is_none()
                || matches!(row.local.0, IpAddr::V6(address) if link_local(address))
        );
    }
}

fn holds_end(bytes: &[u8], (address, port): RawEnd) -> bool {
    let holds_address = match address {
        IpAddr::V4(address) => contains(bytes, &address.octets()),
        IpAddr::V6(address) => contains(bytes, &address.octets()),
    };
    holds_address && contains(bytes, &port.to_be_bytes())
}

fn what_is_left_was_there_and_is_not_used(rows: &[MibRow]) {
    let sockets: Vec<_> = rows.iter().step_by(2).map(MibRow::bound_socket).collect();
    assert!(sockets.iter().all(|socket| socket.state == Some(TcpState::Bound)));
    let key = |row: &MibRow| (row.local.1, row.pid);
    let used: Vec<_> = rows.iter().step_by(2).map(key).collect();
    let expected: Vec<_> = rows.iter().filter(|row| !used.contains(&key(row))).copied().collect();
    assert_eq!(bound_only(rows.to_vec(), &sockets), expected);
}
