use super::*;
use crate::model::Family;

#[test]
fn every_state_has_a_number_and_comes_back() {
    for state in TcpState::ALL {
        assert_ne!(state_mask(StateSet::of(&[state])), 0, "{state}");
    }
    assert_eq!(state_mask(StateSet::of(&[TcpState::SynReceived])), 1 << 3 | 1 << 12);
    assert_eq!(state_mask(StateSet::ALL), u32::MAX);
    assert_eq!(state_mask(StateSet::HOLDING), 1 << 10 | BOUND_BIT);
    assert_eq!(tcp_state(12), TcpState::SynReceived);
    assert_eq!(tcp_state(14), TcpState::Unknown(14));
}

pub(in super::super) fn answer(family: u8, state: u8) -> Vec<u8> {
    let mut bytes = vec![0; MESSAGE];
    bytes[0] = family;
    bytes[1] = state;
    bytes[4..6].copy_from_slice(&80_u16.to_be_bytes());
    bytes[6..8].copy_from_slice(&443_u16.to_be_bytes());
    bytes[44..48].copy_from_slice(&7_u32.to_ne_bytes());
    bytes[48..52].copy_from_slice(&1_u32.to_ne_bytes());
    bytes[64..68].copy_from_slice(&33_u32.to_ne_bytes());
    bytes[68..72].copy_from_slice(&4711_u32.to_ne_bytes());
    bytes
}

#[test]
fn an_answer_is_decoded_field_by_field() {
    let mut bytes = answer(AF_INET, 1);
    bytes[8..12].copy_from_slice(&[127, 0, 0, 1]);
    bytes[24..28].copy_from_slice(&[10, 0, 0, 5]);
    bytes[2] = 2;
    bytes[52..56].copy_from_slice(&7_200_000_u32.to_ne_bytes());
    bytes.extend([12, 0, 21, 0]);
    bytes.extend(99_u64.to_ne_bytes());
    let socket = socket(&bytes, Protocol::Tcp, true).unwrap();
    assert_eq!(socket.local, Endpoint::new([127, 0, 0, 1].into(), 80));
    assert_eq!(socket.foreign, Some(Endpoint::new([10, 0, 0, 5].into(), 443)));
    assert_eq!(socket.cookie, Some(1 << 32 | 7));
    assert_eq!((socket.uid, socket.inode), (Some(Uid(33)), Some(4711)));
    assert_eq!(socket.cgroup, Some(99));
    let timer = socket.timer.unwrap();
    assert_eq!((timer.kind, timer.expires_ms), (TimerKind::Keepalive, 7_200_000));
}

#[test]
fn the_ages_are_at_their_places_in_tcp_info() {
    let mut info = vec![0; 60];
    for (offset, value) in [(44, 5_u32), (52, 7_200_000), (56, 3_600_000)] {
        info[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
    }
    let mut bytes = answer(AF_INET, 8);
    bytes.extend(64_u16.to_ne_bytes());
    bytes.extend(INFO.to_ne_bytes());
    bytes.extend(&info);
    let found = socket(&bytes, Protocol::Tcp, false).unwrap();
    let ages = TcpInfo {
        last_ack_received_ms: 3_600_000,
        last_data_received_ms: 7_200_000,
        last_data_sent_ms: 5,
        is_unanswered: false,
    };
    assert_eq!((found.tcp_info, found.idle_ms), (Some(ages), Some(5)));
    let short = answer(AF_INET, 8).into_iter().chain([8, 0, 2, 0, 1, 2, 3, 4]);
    let found = socket(&short.collect::<Vec<_>>(), Protocol::Tcp, false).unwrap();
    assert_eq!(found.tcp_info, None);
}

/// The clock has ticked while the connection was established.
#[test]
fn what_never_sent_did_not_send_after_it_received() {
    let sent = |data_segments: u32| {
        let mut info = vec![0; 160];
        for (offset, value) in [(44, 5_000_u32), (52, 5_004), (56, 1_000), (156, data_segments)] {
            info[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        let mut bytes = answer(AF_INET, 8);
        bytes.extend(164_u16.to_ne_bytes());
        bytes.extend(INFO.to_ne_bytes());
        bytes.extend(&info);
        let found = socket(&bytes, Protocol::Tcp, false).unwrap();
        found.tcp_info.unwrap().last_data_sent_ms
    };
    assert_eq!((sent(0), sent(1)), (5_004, 5_000));
}

/// By their ages, and by the segments where these are the same.
#[test]
fn what_has_not_been_answered() {
    let is_unanswered = |sent: u32, received: u32, segments: [u32; 2]| {
        let mut info = vec![0; 160];
        let [segments_in, segments_out] = segments;
        for (offset, value) in [(44, sent), (52, received), (152, segments_in), (156, segments_out)]
        {
            info[offset..offset + 4].copy_from_slice(&value.to_ne_bytes());
        }
        tcp_info(&info).unwrap().is_unanswered
    };
    // Nothing came in, and nothing was sent.
    assert!(!is_unanswered(5_000, 5_000, [0, 0]) && !is_unanswered(5_000, 5_004, [0, 0]));
    assert!(is_unanswered(5_000, 5_000, [1, 0]) && is_unanswered(5_000, 4_000, [2, 1]));
    assert!(!is_unanswered(4_000, 5_000, [1, 1]) && !is_unanswered(5_000, 5_000, [1, 1]));
}

#[test]
fn the_drops_are_the_last_of_nine_numbers() {
    let drops = |numbers| socket(&with_memory(numbers), Protocol::Udp, false).unwrap().drops;
    assert_eq!((drops(9), drops(8)), (Some(9), None));
}

/// An answer with an attribute of this many numbers.
fn with_memory(numbers: u16) -> Vec<u8> {
    let mut bytes = answer(AF_INET, 7);
    bytes.extend((4 + 4 * numbers).to_ne_bytes());
    bytes.extend(MEMORY.to_ne_bytes());
    bytes.extend((1..=u32::from(numbers)).flat_map(u32::to_ne_bytes));
    bytes
}

#[test]
fn a_mapped_connection_is_shown_as_ipv4() {
    let mut bytes = answer(AF_INET6, 1);
    bytes[18..20].copy_from_slice(&[0xff, 0xff]);
    bytes[20..24].copy_from_slice(&[10, 0, 0, 5]);
    let socket = socket(&bytes, Protocol::Tcp, false).unwrap();
    assert!(socket.mapped);
    assert_eq!(socket.local, Endpoint::new([10, 0, 0, 5].into(), 80));
    assert_eq!(socket.family(), Family::V4);
}

#[test]
fn closed_is_bound_only_where_bound_was_asked_for() {
    let state = |asked| socket(&answer(AF_INET, 7), Protocol::Tcp, asked).unwrap().state;
    assert_eq!(state(true), Some(TcpState::Bound));
    assert_eq!(state(false), Some(TcpState::Closed));
    assert_eq!(socket(&answer(AF_INET, 7), Protocol::Udp, true).unwrap().state, None);
}

#[test]
fn an_unknown_state_keeps_its_row() {
    let socket = socket(&answer(AF_INET, 14), Protocol::Tcp, true).unwrap();
    assert_eq!(socket.state, Some(TcpState::Unknown(14)));
}

#[test]
fn short_and_foreign_answers_are_errors() {
    let whole = answer(AF_INET, 1);
    for end in 0..MESSAGE {
        assert_eq!(socket(&whole[..end], Protocol::Tcp, true), Err(DecodeError::Truncated));
    }
    let foreign = socket(&answer(99, 1), Protocol::Tcp, true);
    assert_eq!(foreign, Err(DecodeError::UnknownFamily(99)));
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_the_decoders_panic(bytes: Vec<u8>, family in 0_u8..12) {
        let mut bytes = bytes;
        let _ = socket(&bytes, Protocol::Tcp, true);
        if let Some(first) = bytes.first_mut() {
            *first = family;
        }
        let _ = socket(&bytes, Protocol::Udp, false);
        for message in super::super::netlink::messages(&bytes).flatten() {
            let _ = super::super::netlink::error_number(&message);
        }
    }

    #[test]
    fn long_random_answers_never_panic(tail in proptest::collection::vec(0_u8.., 0..400)) {
        let mut bytes = answer(AF_INET6, 1);
        bytes.extend(tail);
        proptest::prop_assert!(socket(&bytes, Protocol::Tcp, true).is_ok());
    }
}
