//! Netlink replies: messages lie one behind the other in the datagram, and a socket has the numbers
//! that stand in its message; asked for again, it is asked for by the same ones.

use std::net::IpAddr;

use portwho::model::{Protocol, Socket, TcpState};
use portwho::platform::decode::inet_request::encode_exact;
use portwho::platform::decode::netlink::{HEADER, Message, attributes, error_number, messages};
use portwho::platform::decode::{DecodeError, inet_diag};

use super::input::lies_within;

/// `struct inet_diag_sockid` in an answer and in a request.
const ID_IN_ANSWER: std::ops::Range<usize> = 4..52;
const ID_IN_REQUEST: std::ops::Range<usize> = 8..56;

pub fn check(data: &[u8]) {
    the_messages_are_the_datagram(data);
    the_attributes_lie_in_order(data);
    a_socket_has_the_numbers_of_its_message(data);
}

fn the_messages_are_the_datagram(data: &[u8]) {
    let mut place = 0;
    let mut ended = false;
    for message in messages(data) {
        assert!(!ended, "a message behind an error");
        match message {
            Ok(message) => place = the_message_stands_at(data, place, &message),
            Err(error) => {
                ended = true;
                assert!(matches!(error, DecodeError::Truncated | DecodeError::BadLength));
            }
        }
    }
    assert!(ended || place >= data.len(), "{place} of {} bytes", data.len());
}

/// Where the next one begins.
fn the_message_stands_at(data: &[u8], place: usize, message: &Message<'_>) -> usize {
    let length = HEADER + message.payload.len();
    let expected = [
        &u32::try_from(length).unwrap().to_ne_bytes()[..],
        &message.kind.to_ne_bytes(),
        &message.flags.to_ne_bytes(),
        &message.sequence.to_ne_bytes(),
    ];
    assert_eq!(expected.concat(), data[place..place + 12]);
    assert_eq!(message.payload, &data[place + HEADER..place + length]);
    if let Ok(number) = error_number(message)
        && !message.payload.is_empty()
    {
        let raw = i32::from_ne_bytes(message.payload[..4].try_into().unwrap());
        assert_eq!(i64::from(number), (-i64::from(raw)).min(i64::from(i32::MAX)));
    }
    the_attributes_lie_in_order(message.payload);
    a_socket_has_the_numbers_of_its_message(message.payload);
    place + length.next_multiple_of(4)
}

fn the_attributes_lie_in_order(bytes: &[u8]) {
    let mut place = 0;
    for (kind, value) in attributes(bytes) {
        assert!(lies_within(value, bytes) && kind < 1 << 14);
        assert_eq!(value, &bytes[place + 4..place + 4 + value.len()]);
        place += (4 + value.len()).next_multiple_of(4);
    }
}

fn a_socket_has_the_numbers_of_its_message(payload: &[u8]) {
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        for bound_asked in [true, false] {
            match inet_diag::socket(payload, protocol, bound_asked) {
                Ok(socket) => check_socket(&socket, payload, bound_asked),
                Err(error) => {
                    let short = payload.len() < 72;
                    assert!(short || matches!(error, DecodeError::UnknownFamily(_)), "{error}");
                }
            }
        }
    }
}

fn check_socket(socket: &Socket, payload: &[u8], bound_asked: bool) {
    let number = |place: usize| u32::from_ne_bytes(payload[place..place + 4].try_into().unwrap());
    assert_eq!(socket.inode, Some(u64::from(number(68))));
    assert!(socket.uid.is_none_or(|uid| uid.0 == number(64)));
    assert_eq!((socket.queues.receive, socket.queues.send), (Some(number(56)), Some(number(60))));
    assert_eq!(socket.state.is_some(), socket.protocol == Protocol::Tcp);
    assert!(bound_asked || socket.state != Some(TcpState::Bound));
    assert!(socket.timer.is_none_or(|timer| timer.expires_ms == number(52)));
    assert!(!matches!(socket.local.address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some()));
    check_request(socket, payload);
}

/// The same socket is asked for, with zeros where a far end is not shown.
fn check_request(socket: &Socket, payload: &[u8]) {
    let request = encode_exact(socket).expect("an answer has a cookie");
    assert_eq!(request[0], payload[0], "the family");
    let mut expected = payload[ID_IN_ANSWER].to_vec();
    let width = if payload[0] == 2 { 4 } else { 16 };
    expected[4 + width..20].fill(0);
    expected[20 + width..36].fill(0);
    if socket.foreign.is_none() {
        expected[2..4].fill(0);
        expected[20..36].fill(0);
    }
    assert_eq!(request[ID_IN_REQUEST], expected);
}
