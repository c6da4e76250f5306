use super::*;

/// A table with one row of `length` bytes after `start`, with these fields set.
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
    let bytes =
        table(4, 28, &[(4, &[127, 0, 0, 1]), (8, &[0, 80, 0, 0]), (20, &812_u32.to_ne_bytes())]);
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
