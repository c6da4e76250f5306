//! /proc/net: a row for each line, with the numbers of that line.

use std::net::{IpAddr, Ipv4Addr};

use portwho::model::{Endpoint, Protocol, Socket};
use portwho::platform::decode::proc_net::table;

use super::input::strict;

pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for protocol in [Protocol::Tcp, Protocol::Udp] {
        let Ok(sockets) = table(text, protocol) else { continue };
        assert_eq!(sockets.len(), text.lines().count().saturating_sub(1), "no line is skipped");
        for (line, socket) in text.lines().skip(1).zip(&sockets) {
            check_line(line, socket);
        }
    }
}

fn check_line(line: &str, socket: &Socket) {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    check_end(fields[1], &socket.local);
    if let Some(foreign) = &socket.foreign {
        check_end(fields[2], foreign);
    }
    assert_eq!(socket.inode, strict(fields[9], 10), "{line}");
    assert!(socket.uid.is_none_or(|uid| strict(fields[7], 10) == Some(uid.0.into())), "{line}");
    let (send, receive) = fields[4].split_once(':').expect("two queues");
    assert_eq!(socket.queues.receive.map(u64::from), strict(receive, 16), "{line}");
    assert!(socket.queues.send.is_none_or(|size| strict(send, 16) == Some(size.into())), "{line}");
    assert_eq!(socket.state.is_some(), socket.protocol == Protocol::Tcp);
}

/// The digits are the address's own, of the width that a v4-mapped one has or had.
fn check_end(field: &str, end: &Endpoint) {
    let (digits, port) = field.split_once(':').expect("an address and a port");
    assert_eq!(strict(port, 16), Some(end.port.into()), "{field}");
    let address = match (end.address, digits.len()) {
        (IpAddr::V4(address), 8) => words(&address.octets()),
        (IpAddr::V4(address), _) => words(&Ipv4Addr::to_ipv6_mapped(&address).octets()),
        (IpAddr::V6(address), _) => words(&address.octets()),
    };
    assert!(address.eq_ignore_ascii_case(digits), "{address} is {digits}");
}

/// 32-bit words in the machine's byte order, as the kernel prints them.
fn words(octets: &[u8]) -> String {
    let word = |bytes: &[u8]| u32::from_ne_bytes(bytes.try_into().expect("four bytes"));
    octets.chunks_exact(4).map(|bytes| format!("{:08X}", word(bytes))).collect()
}
