use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use portwho::model::Protocol;
use portwho::platform::decode::netlink::messages;
use portwho::platform::decode::{inet_diag, proc_net};

use crate::sample::SOCKETS;

/// sock_diag's answer to a dump: a header, `struct inet_diag_msg`, the cgroup as an attribute.
#[divan::bench]
fn sock_diag(bencher: Bencher<'_, '_>) {
    let datagram: Vec<u8> = (0..SOCKETS).flat_map(message).collect();
    bencher.counter(ItemsCount::new(SOCKETS)).bench(|| {
        let decoded = messages(black_box(&datagram)).map(|message| {
            inet_diag::socket(message.unwrap().payload, Protocol::Tcp, true).unwrap()
        });
        decoded.collect::<Vec<_>>()
    });
}

/// The same from /proc/net/tcp, where netlink is refused.
#[divan::bench]
fn proc_net_tcp(bencher: Bencher<'_, '_>) {
    let mut text = "  sl  local_address rem_address   st tx_queue\n".to_owned();
    for number in 0..SOCKETS {
        text += &line(number);
    }
    bencher
        .counter(ItemsCount::new(SOCKETS))
        .bench(|| proc_net::table(black_box(&text), Protocol::Tcp).unwrap());
}

fn message(number: u32) -> Vec<u8> {
    const BY_FAMILY: u16 = 20;
    const MULTIPART: u16 = 2;
    let mut bytes = Vec::new();
    bytes.extend(100_u32.to_ne_bytes());
    bytes.extend(BY_FAMILY.to_ne_bytes());
    bytes.extend(MULTIPART.to_ne_bytes());
    bytes.extend([0; 8]);
    // AF_INET, ESTABLISHED, no timer, no retransmissions; ports.
    bytes.extend([2, 1, 0, 0]);
    bytes.extend([0x23, 0x28, 0x80, 0x00]);
    // Both addresses with room for IPv6, the interface, and the cookie.
    for address in [[127, 1, 0, 1], [127, 0, 0, 1]] {
        bytes.extend(address);
        bytes.extend([0; 12]);
    }
    bytes.extend([0; 4]);
    bytes.extend(number.to_ne_bytes());
    bytes.extend([0; 4]);
    // The timer's end, both queues, the user, the inode.
    bytes.extend([0; 16]);
    bytes.extend(number.to_ne_bytes());
    // INET_DIAG_CGROUP_ID.
    bytes.extend([12, 0, 21, 0]);
    bytes.extend(u64::from(number).to_ne_bytes());
    bytes
}

fn line(number: u32) -> String {
    let port = number & 0xffff;
    format!(
        "{number:4}: 0101007F:2328 0100007F:{port:04X} 01 00000000:00000000 00:00000000 00000000 \
         33        0 {number} 1 0000000000000000 20 4 30 10 -1\n"
    )
}
