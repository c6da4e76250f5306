//! The kernel's own socket tables, read and decoded without the program's help: what the makers
//! wait for, and a cross-check of what the program shows.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use super::wait_until;

/// A TCP state, by the number that the kernel prints.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct State(pub u8);

impl State {
    pub const ESTABLISHED: Self = Self(1);
    pub const SYN_SENT: Self = Self(2);
    pub const SYN_RECEIVED: Self = Self(3);
    pub const FIN_WAIT_1: Self = Self(4);
    pub const FIN_WAIT_2: Self = Self(5);
    pub const TIME_WAIT: Self = Self(6);
    pub const CLOSE_WAIT: Self = Self(8);
    pub const LAST_ACK: Self = Self(9);
    pub const LISTENING: Self = Self(10);
    pub const CLOSING: Self = Self(11);
}

/// A row of /proc/net/tcp and its like.
#[derive(Clone, Debug)]
pub struct Row {
    pub local: SocketAddr,
    pub foreign: SocketAddr,
    pub state: State,
    pub send_queue: u32,
    pub receive_queue: u32,
    pub inode: u64,
}

/// All rows of a table, of `tcp`, `tcp6`, `udp` or `udp6`, in the calling thread's namespace.
pub fn rows(table: &str) -> Vec<Row> {
    let text = fs::read_to_string(format!("/proc/thread-self/net/{table}")).unwrap_or_default();
    text.lines().skip(1).map(|line| row(line).unwrap_or_else(|| panic!("{line:?}"))).collect()
}

/// The TCP row with these two ends.
pub fn find(local: SocketAddr, foreign: SocketAddr) -> Option<Row> {
    let table = if local.is_ipv4() { "tcp" } else { "tcp6" };
    rows(table).into_iter().find(|row| row.local == local && row.foreign == foreign)
}

/// Waits until the socket with these two ends is in this state.
#[track_caller]
pub fn await_state(local: SocketAddr, foreign: SocketAddr, state: State) -> Row {
    wait_until(format!("{local} -> {foreign} to reach {state:?}"), || {
        find(local, foreign).filter(|row| row.state == state)
    })
}

fn row(line: &str) -> Option<Row> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let (send_queue, receive_queue) = words.get(4)?.split_once(':')?;
    Some(Row {
        local: address(words.get(1)?)?,
        foreign: address(words.get(2)?)?,
        state: State(u8::from_str_radix(words.get(3)?, 16).ok()?),
        send_queue: u32::from_str_radix(send_queue, 16).ok()?,
        receive_queue: u32::from_str_radix(receive_queue, 16).ok()?,
        inode: words.get(9)?.parse().ok()?,
    })
}

/// `0100007F:0050` is 127.0.0.1:80: words of 32 bits, each printed in the machine's byte order.
fn address(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let bytes: Vec<u8> = digits
        .as_bytes()
        .chunks(8)
        .map(|word| u32::from_str_radix(std::str::from_utf8(word).ok()?, 16).ok())
        .collect::<Option<Vec<u32>>>()?
        .into_iter()
        .flat_map(u32::to_ne_bytes)
        .collect();
    let ip = if let Ok(bytes) = <[u8; 4]>::try_from(bytes.as_slice()) {
        IpAddr::from(Ipv4Addr::from(bytes))
    } else {
        IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?))
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}
