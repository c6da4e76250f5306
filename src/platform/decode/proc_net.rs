//! The lines of /proc/net/{tcp,tcp6,udp,udp6}: proc_net(5), `net/ipv4/tcp_ipv4.c`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::DecodeError;
use super::inet_diag::{has_foreign_end, owning_user, tcp_state, timer};
use crate::model::{Endpoint, Protocol, Queues, Socket, TcpState, Timer};

/// Milliseconds in a tick of the unit that /proc counts in (`USER_HZ` is 100).
const MS_PER_TICK: u32 = 10;

/// Decodes a whole table, its heading included.
///
/// # Errors
/// When a line is malformed: a table that cannot be read must not look like a shorter one.
pub fn table(text: &str, protocol: Protocol) -> Result<Vec<Socket>, DecodeError> {
    text.lines().skip(1).map(|line| socket(line, protocol)).collect()
}

/// Decodes one line.
///
/// # Errors
/// [`DecodeError::Malformed`], never a panic.
pub fn socket(line: &str, protocol: Protocol) -> Result<Socket, DecodeError> {
    let fields: Vec<&str> = line.split_ascii_whitespace().collect();
    let [_, local, foreign, state, queues, tr_when, retransmits, uid, _, inode, ..] = fields[..]
    else {
        return Err(DecodeError::Malformed);
    };
    let (local, mapped) = endpoint(local)?;
    let (foreign, _) = endpoint(foreign)?;
    let number = u8::from_str_radix(unsigned(state)?, 16).map_err(|_| DecodeError::Malformed)?;
    let state = (protocol == Protocol::Tcp).then(|| tcp_state(number));
    let inode = decimal(inode)?;
    Ok(Socket {
        foreign: has_foreign_end(state, foreign.port).then_some(foreign),
        mapped,
        state,
        inode: Some(inode),
        uid: owning_user(inode, u32::try_from(decimal(uid)?).map_err(|_| DecodeError::Malformed)?),
        queues: read_queues(queues, state)?,
        timer: read_timer(tr_when, retransmits)?,
        drops: if protocol == Protocol::Udp { read_drops(&fields) } else { None },
        ..Socket::at(protocol, local)
    })
}

/// `tx:rx`. A listener's backlog is not among them.
fn read_queues(field: &str, state: Option<TcpState>) -> Result<Queues, DecodeError> {
    let (send, receive) = hex_pair(field)?;
    let listening = state == Some(TcpState::Listening);
    Ok(Queues { receive: Some(receive), send: (!listening).then_some(send) })
}

/// The last field of a line of UDP.
fn read_drops(fields: &[&str]) -> Option<u32> {
    const DROPS: usize = 12;
    let drops = decimal(fields.get(DROPS)?).ok()?;
    Some(u32::try_from(drops).unwrap_or(u32::MAX))
}

fn read_timer(tr_when: &str, retransmits: &str) -> Result<Option<Timer>, DecodeError> {
    let (kind, ticks) = hex_pair(tr_when)?;
    let retransmits = u8::try_from(hex(retransmits)?).unwrap_or(u8::MAX);
    let kind = u8::try_from(kind).map_err(|_| DecodeError::Malformed)?;
    Ok(timer(kind, retransmits, ticks.saturating_mul(MS_PER_TICK)))
}

/// An end such as `0100007F:0050`, and whether its address is v4-mapped. The address is printed
/// as 32-bit words in the machine's byte order.
fn endpoint(field: &str) -> Result<(Endpoint, bool), DecodeError> {
    let (address, port) = field.split_once(':').ok_or(DecodeError::Malformed)?;
    let port = u16::from_str_radix(unsigned(port)?, 16).map_err(|_| DecodeError::Malformed)?;
    let address = match address.len() {
        8 => IpAddr::V4(Ipv4Addr::from(hex(address)?.to_ne_bytes())),
        32 => IpAddr::V6(ipv6(address)?),
        _ => return Err(DecodeError::Malformed),
    };
    let mapped = matches!(address, IpAddr::V6(v6) if v6.to_ipv4_mapped().is_some());
    Ok((Endpoint::new(address, port), mapped))
}

fn ipv6(digits: &str) -> Result<Ipv6Addr, DecodeError> {
    let mut bytes = [0; 16];
    for (word, place) in bytes.chunks_exact_mut(4).zip([0, 8, 16, 24]) {
        let part = digits.get(place..place + 8).ok_or(DecodeError::Malformed)?;
        word.copy_from_slice(&hex(part)?.to_ne_bytes());
    }
    Ok(Ipv6Addr::from(bytes))
}

fn hex_pair(field: &str) -> Result<(u32, u32), DecodeError> {
    let (left, right) = field.split_once(':').ok_or(DecodeError::Malformed)?;
    Ok((hex(left)?, hex(right)?))
}

fn hex(digits: &str) -> Result<u32, DecodeError> {
    u32::from_str_radix(unsigned(digits)?, 16).map_err(|_| DecodeError::Malformed)
}

fn decimal(digits: &str) -> Result<u64, DecodeError> {
    unsigned(digits)?.parse().map_err(|_| DecodeError::Malformed)
}

/// The standard library takes a `+` for a part of a number.
fn unsigned(digits: &str) -> Result<&str, DecodeError> {
    if digits.starts_with('+') { Err(DecodeError::Malformed) } else { Ok(digits) }
}

#[cfg(all(test, target_endian = "little"))]
mod tests {
    use super::*;
    use crate::model::{TimerKind, Uid};

    const LISTENER: &str = "   0: 0100007F:1F90 00000000:0000 0A 00000000:00000003 00:00000000 \
                            00000000  1000        0 4711 1 0000000000000000 100 0 0 10 0";
    const TIME_WAIT: &str = "   5: 0000000000000000FFFF00000500000A:0050 \
                             0000000000000000FFFF00000100007F:D431 06 00000000:00000000 \
                             03:0000176F 00000000     0        0 0 3 0000000000000000";

    #[test]
    fn a_listener_has_its_queue_and_no_backlog() {
        let socket = socket(LISTENER, Protocol::Tcp).unwrap();
        assert_eq!(socket.local, Endpoint::new([127, 0, 0, 1].into(), 8080));
        assert_eq!((socket.foreign, socket.state), (None, Some(TcpState::Listening)));
        assert_eq!(socket.queues, Queues { receive: Some(3), send: None });
        assert_eq!((socket.uid, socket.inode), (Some(Uid(1000)), Some(4711)));
    }

    #[test]
    fn a_mapped_time_wait_is_ipv4_and_has_no_owner() {
        let socket = socket(TIME_WAIT, Protocol::Tcp).unwrap();
        assert!(socket.mapped);
        assert_eq!(socket.local, Endpoint::new([10, 0, 0, 5].into(), 80));
        assert_eq!((socket.uid, socket.inode), (None, Some(0)));
        let timer = socket.timer.unwrap();
        assert_eq!((timer.kind, timer.expires_ms), (TimerKind::TimeWait, 59_990));
    }

    #[test]
    fn udp_has_drops_and_tcp_has_none() {
        let line = "  66: 0100007F:0035 00000000:0000 07 00000000:00000900 00:00000000 00000000 \
                    0 0 4711 2 00000000c4ab3f2a 2994";
        assert_eq!(socket(line, Protocol::Udp).unwrap().drops, Some(2994));
        let cut = line.strip_suffix(" 2994").unwrap();
        assert_eq!(socket(cut, Protocol::Udp).unwrap().drops, None);
        assert_eq!(socket(LISTENER, Protocol::Tcp).unwrap().drops, None);
    }

    #[test]
    fn a_malformed_line_is_an_error_for_the_table() {
        assert_eq!(table(&format!("sl local\n{LISTENER}\n 1: x"), Protocol::Tcp), {
            Err(DecodeError::Malformed)
        });
        assert_eq!(table("sl local\n", Protocol::Tcp), Ok(Vec::new()));
    }

    proptest::proptest! {
        #[test]
        fn no_line_makes_the_decoder_panic(line: String) {
            let _ = socket(&line, Protocol::Tcp);
        }

        #[test]
        fn no_cut_makes_the_decoder_panic(end in 0..TIME_WAIT.len(), byte in 0..TIME_WAIT.len()) {
            let mut line = TIME_WAIT[..end].to_owned();
            let _ = socket(&line, Protocol::Udp);
            if byte < end {
                line.replace_range(byte..=byte, "é");
                let _ = socket(&line, Protocol::Tcp);
            }
        }
    }
}
