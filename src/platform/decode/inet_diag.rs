//! sock_diag's answers and requests for internet sockets: sock_diag(7), `linux/inet_diag.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::DecodeError;
use super::bytes::{array_at, be16_at, u8_at, u32_at, u64_at};
use super::netlink::attributes;
use crate::model::{
    Endpoint, Family, PortRange, Protocol, Queues, Socket, StateSet, TcpState, Timer, TimerKind,
    Uid,
};

/// `AF_INET`.
pub const AF_INET: u8 = 2;
/// `AF_INET6`.
pub const AF_INET6: u8 = 10;
/// The length of `struct inet_diag_msg`.
const MESSAGE: usize = 72;
/// `INET_DIAG_INFO`: `struct tcp_info`.
const INFO: u16 = 2;
/// `INET_DIAG_CGROUP_ID`.
const CGROUP_ID: u16 = 21;
/// Linux' number for CLOSED; also what comes back for a bound socket.
const CLOSED: u8 = 7;
/// The bit that asks for bound sockets: `TCPF_BOUND_INACTIVE`, Linux 6.8.
const BOUND_BIT: u32 = 1 << 13;

/// Linux' state numbers (`net/tcp_states.h`) for each state that has any.
const STATE_NUMBERS: [(TcpState, u8); 12] = [
    (TcpState::Established, 1),
    (TcpState::SynSent, 2),
    (TcpState::SynReceived, 3),
    (TcpState::FinWait1, 4),
    (TcpState::FinWait2, 5),
    (TcpState::TimeWait, 6),
    (TcpState::Closed, CLOSED),
    (TcpState::CloseWait, 8),
    (TcpState::LastAck, 9),
    (TcpState::Listening, 10),
    (TcpState::Closing, 11),
    // TCP_NEW_SYN_RECV: a request that has no socket of its own yet.
    (TcpState::SynReceived, 12),
];

/// The state of Linux' `number`.
#[must_use]
pub fn tcp_state(number: u8) -> TcpState {
    let known = STATE_NUMBERS.iter().find(|(_, candidate)| *candidate == number);
    known.map_or(TcpState::Unknown(number), |(state, _)| *state)
}

/// The mask that asks the kernel for the states of `set`.
#[must_use]
pub fn state_mask(set: StateSet) -> u32 {
    if set == StateSet::ALL {
        return u32::MAX;
    }
    let asked = STATE_NUMBERS.iter().filter(|(state, _)| set.contains(*state));
    let mask = asked.fold(0, |mask, (_, number)| mask | 1 << number);
    if set.contains(TcpState::Bound) { mask | BOUND_BIT } else { mask }
}

/// Decodes one answer (`struct inet_diag_msg` and its attributes).
///
/// `bound_asked` tells that bound sockets were asked for: they come back as CLOSED.
///
/// # Errors
/// When the message is short or of another family. Never panics.
pub fn socket(
    payload: &[u8],
    protocol: Protocol,
    bound_asked: bool,
) -> Result<Socket, DecodeError> {
    let family = u8_at(payload, 0)?;
    let local = endpoint(payload, family, 8, be16_at(payload, 4)?)?;
    let foreign = endpoint(payload, family, 24, be16_at(payload, 6)?)?;
    let rest = payload.get(MESSAGE..).ok_or(DecodeError::Truncated)?;
    let state = match (protocol, tcp_state(u8_at(payload, 1)?)) {
        (Protocol::Udp, _) => None,
        (Protocol::Tcp, TcpState::Closed) if bound_asked && local.port != 0 => {
            Some(TcpState::Bound)
        }
        (Protocol::Tcp, state) => Some(state),
    };
    let inode = u64::from(u32_at(payload, 68)?);
    let uid = u32_at(payload, 64)?;
    let mut socket = Socket {
        protocol,
        local: local.shown(),
        foreign: has_foreign_end(state, foreign.port).then(|| foreign.shown()),
        mapped: local.is_mapped(),
        interface: Some(u32_at(payload, 40)?).filter(|&index| index != 0),
        state,
        inode: Some(inode),
        cookie: Some(cookie(payload)?),
        uid: owning_user(inode, uid),
        queues: Queues { receive: Some(u32_at(payload, 56)?), send: Some(u32_at(payload, 60)?) },
        timer: timer(u8_at(payload, 2)?, u8_at(payload, 3)?, u32_at(payload, 52)?),
        idle_ms: None,
        cgroup: None,
    };
    read_attributes(&mut socket, rest);
    Ok(socket)
}

/// The socket's cookie, two 32-bit halves with the lower first.
fn cookie(payload: &[u8]) -> Result<u64, DecodeError> {
    let (low, high) = (u32_at(payload, 44)?, u32_at(payload, 48)?);
    Ok(u64::from(high) << 32 | u64::from(low))
}

/// The user of a socket. Once no file refers to it the kernel may report 0 for "forgotten",
/// which must not read as root.
pub(super) fn owning_user(inode: u64, uid: u32) -> Option<Uid> {
    (inode != 0 || uid != 0).then_some(Uid(uid))
}

/// Whether a socket in `state` has a far end. UDP has one when it is connected.
pub(super) fn has_foreign_end(state: Option<TcpState>, foreign_port: u16) -> bool {
    match state {
        Some(TcpState::Listening | TcpState::Bound) => false,
        Some(TcpState::Closed) | None => foreign_port != 0,
        Some(_) => true,
    }
}

fn read_attributes(socket: &mut Socket, bytes: &[u8]) {
    for (kind, value) in attributes(bytes) {
        match kind {
            CGROUP_ID => socket.cgroup = u64_at(value, 0).ok(),
            INFO if socket.foreign.is_some() => socket.idle_ms = idle_ms(value),
            _ => {}
        }
    }
}

/// Milliseconds since data went either way: `tcpi_last_data_sent` and `tcpi_last_data_recv`
/// of `struct tcp_info` (`linux/tcp.h`).
fn idle_ms(tcp_info: &[u8]) -> Option<u32> {
    let sent = u32_at(tcp_info, 44).ok()?;
    let received = u32_at(tcp_info, 52).ok()?;
    Some(sent.min(received))
}

/// The timer by `idiag_timer`, `idiag_retrans` and `idiag_expires`; 0 is none.
pub(super) fn timer(kind: u8, retransmits: u8, expires_ms: u32) -> Option<Timer> {
    let kind = match kind {
        1 => TimerKind::Retransmit,
        2 => TimerKind::Keepalive,
        3 => TimerKind::TimeWait,
        4 => TimerKind::Probe,
        _ => return None,
    };
    Some(Timer { kind, expires_ms, retransmits })
}

/// An end as it was read: before v4-mapped addresses become IPv4.
struct RawEndpoint {
    address: IpAddr,
    port: u16,
}

impl RawEndpoint {
    fn is_mapped(&self) -> bool {
        matches!(self.address, IpAddr::V6(address) if address.to_ipv4_mapped().is_some())
    }

    fn shown(&self) -> Endpoint {
        Endpoint::new(self.address, self.port)
    }
}

fn endpoint(
    payload: &[u8],
    family: u8,
    offset: usize,
    port: u16,
) -> Result<RawEndpoint, DecodeError> {
    let address = match family {
        AF_INET => IpAddr::V4(Ipv4Addr::from(array_at::<4>(payload, offset)?)),
        AF_INET6 => IpAddr::V6(Ipv6Addr::from(array_at::<16>(payload, offset)?)),
        other => return Err(DecodeError::UnknownFamily(other)),
    };
    Ok(RawEndpoint { address, port })
}

/// A request for the one socket that `socket` was, by its ends and its cookie: the same
/// structure as a dump's, with its `struct inet_diag_sockid` filled in.
#[must_use]
pub fn encode_exact(socket: &Socket) -> Option<Vec<u8>> {
    let foreign = socket.foreign?;
    let as_v6 = socket.mapped || socket.family() == Family::V6;
    let mut bytes = header(
        if as_v6 { Family::V6 } else { Family::V4 },
        socket.protocol,
        u32::MAX,
        socket.idle_ms.is_some(),
    );
    bytes.extend(socket.local.port.to_be_bytes());
    bytes.extend(foreign.port.to_be_bytes());
    for end in [socket.local, foreign] {
        bytes.extend(match end.address {
            IpAddr::V4(address) if as_v6 => address.to_ipv6_mapped().octets(),
            IpAddr::V6(address) => address.octets(),
            IpAddr::V4(address) => {
                let mut field = [0; 16];
                field.iter_mut().zip(address.octets()).for_each(|(to, from)| *to = from);
                field
            }
        });
    }
    bytes.extend(socket.interface.unwrap_or_default().to_ne_bytes());
    let cookie = socket.cookie?;
    bytes.extend(low_half(cookie).to_ne_bytes());
    bytes.extend(low_half(cookie >> 32).to_ne_bytes());
    Some(bytes)
}

const fn low_half(number: u64) -> u32 {
    let [a, b, c, d, ..] = number.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

/// The fields of `struct inet_diag_req_v2` before its `id`.
fn header(family: Family, protocol: Protocol, states: u32, info: bool) -> Vec<u8> {
    let family = match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    };
    let protocol = match protocol {
        Protocol::Tcp => 6,
        Protocol::Udp => 17,
    };
    let extensions = if info { 1 << (INFO - 1) } else { 0 };
    let mut bytes = vec![family, protocol, extensions, 0];
    bytes.extend(states.to_ne_bytes());
    bytes
}

/// A dump request: `struct inet_diag_req_v2` and the port filter, without the netlink header.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request<'a> {
    /// The family of the sockets, as they were created.
    pub family: Family,
    /// The protocol.
    pub protocol: Protocol,
    /// The states, as in [`state_mask`].
    pub states: u32,
    /// Whether `tcp_info` is wanted.
    pub info: bool,
    /// Only these local ports.
    pub local_ports: Option<&'a [PortRange]>,
    /// Only these foreign ports.
    pub foreign_ports: Option<&'a [PortRange]>,
}

impl Request<'_> {
    /// Decodes an answer to this request.
    ///
    /// # Errors
    /// As [`socket`].
    pub fn decode(&self, payload: &[u8]) -> Result<Socket, DecodeError> {
        socket(payload, self.protocol, self.states & BOUND_BIT != 0)
    }

    /// The request's bytes.
    #[must_use]
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = header(self.family, self.protocol, self.states, self.info);
        // struct inet_diag_sockid: its port fields are not applied to bound sockets, so it
        // stays empty and the bytecode filters.
        bytes.extend([0; 48]);
        bytes.extend(self.filter_attribute());
        bytes
    }

    /// `INET_DIAG_REQ_BYTECODE`, attribute 1; nothing when nothing is to be filtered or the
    /// program would be too long for its 16-bit jumps.
    fn filter_attribute(&self) -> Vec<u8> {
        let program = port_program(
            self.local_ports.unwrap_or_default(),
            self.foreign_ports.unwrap_or_default(),
        );
        let Ok(length) = u16::try_from(4 + program.len()) else {
            return Vec::new();
        };
        if program.is_empty() || length > LONGEST_PROGRAM {
            return Vec::new();
        }
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(1_u16.to_ne_bytes());
        bytes.extend(program);
        bytes
    }
}

/// Room is left for the jump behind the end, which refuses a socket.
const LONGEST_PROGRAM: u16 = 60_000;

const JUMP: u8 = 1;
const SOURCE_GE: u8 = 2;
const SOURCE_LE: u8 = 3;
const DESTINATION_GE: u8 = 4;
const DESTINATION_LE: u8 = 5;
/// Two comparisons of two words each, and a jump.
const RANGE_LENGTH: usize = 20;

/// A program that accepts a socket whose local port is in one of `local` and whose foreign
/// port is in one of `foreign`; an empty list accepts every port.
///
/// An instruction is `struct inet_diag_bc_op {code, yes, no}`: how many bytes to go on when it
/// holds, and when not. Running to the end accepts; jumping four bytes behind it refuses.
fn port_program(local: &[PortRange], foreign: &[PortRange]) -> Vec<u8> {
    let local_length = list_length(local);
    let total = local_length + list_length(foreign);
    let mut program = Vec::with_capacity(total);
    push_ranges(&mut program, local, [SOURCE_GE, SOURCE_LE], total);
    push_ranges(&mut program, foreign, [DESTINATION_GE, DESTINATION_LE], total);
    program
}

/// The last range needs no jump over the others.
const fn list_length(ranges: &[PortRange]) -> usize {
    (ranges.len() * RANGE_LENGTH).saturating_sub(4)
}

fn push_ranges(program: &mut Vec<u8>, ranges: &[PortRange], codes: [u8; 2], total: usize) {
    let start = program.len();
    let accepted = start + list_length(ranges);
    for (index, range) in ranges.iter().enumerate() {
        let is_last = index + 1 == ranges.len();
        let next = if is_last { total + 4 } else { start + (index + 1) * RANGE_LENGTH };
        for (code, port) in codes.into_iter().zip([*range.start(), *range.end()]) {
            let here = program.len();
            push_instruction(program, code, 8, next - here);
            push_instruction(program, 0, 0, usize::from(port));
        }
        if !is_last {
            let here = program.len();
            push_instruction(program, JUMP, 4, accepted - here);
        }
    }
}

/// The cast cannot cut: longer programs than [`LONGEST_PROGRAM`] are thrown away.
fn push_instruction(program: &mut Vec<u8>, code: u8, yes: u8, no: usize) {
    program.extend([code, yes]);
    program.extend(u16::try_from(no).unwrap_or(u16::MAX).to_ne_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs a program as the kernel does (`inet_diag_bc_run` in net/ipv4/inet_diag.c).
    fn accepts(program: &[u8], local: u16, foreign: u16) -> bool {
        let mut place = 0;
        while place < program.len() {
            let word = |at: usize| u16::from_ne_bytes([program[at + 2], program[at + 3]]);
            let holds = match program[place] {
                JUMP => false,
                SOURCE_GE => local >= word(place + 4),
                SOURCE_LE => local <= word(place + 4),
                DESTINATION_GE => foreign >= word(place + 4),
                DESTINATION_LE => foreign <= word(place + 4),
                code => panic!("instruction {code}"),
            };
            place += if holds { usize::from(program[place + 1]) } else { usize::from(word(place)) };
        }
        place == program.len()
    }

    #[test]
    fn the_port_program_accepts_exactly_its_ports() {
        let local = [80..=80, 8000..=8010, 9000..=9000];
        let foreign = [443..=443, 1000..=2000];
        for port in [0, 79, 80, 81, 7999, 8000, 8005, 8010, 8011, 9000, u16::MAX] {
            let wanted = local.iter().any(|range| range.contains(&port));
            assert_eq!(accepts(&port_program(&local, &[]), port, 0), wanted, "{port}");
            for far in [0, 443, 999, 1500, 2001] {
                let both = wanted && foreign.iter().any(|range| range.contains(&far));
                assert_eq!(accepts(&port_program(&local, &foreign), port, far), both);
            }
        }
        assert!(port_program(&[], &[]).is_empty());
    }

    #[test]
    fn a_request_for_one_socket_repeats_what_the_kernel_said_of_it() {
        let mut bytes = answer(AF_INET6, 1);
        bytes[18..20].copy_from_slice(&[0xff, 0xff]);
        bytes[20..24].copy_from_slice(&[10, 0, 0, 5]);
        bytes[34..36].copy_from_slice(&[0xff, 0xff]);
        bytes[40..44].copy_from_slice(&3_u32.to_ne_bytes());
        let found = socket(&bytes, Protocol::Tcp, false).unwrap();
        let request = encode_exact(&found).unwrap();
        assert_eq!(request[..2], [AF_INET6, 6]);
        assert_eq!(request[8..], bytes[4..52]);
    }

    #[test]
    fn a_filter_too_long_for_the_kernel_is_left_out() {
        let ranges: Vec<PortRange> = (0..5000).map(|n| n * 2 + 1..=n * 2 + 1).collect();
        let request = Request {
            family: Family::V4,
            protocol: Protocol::Tcp,
            states: 1,
            info: false,
            local_ports: Some(&ranges),
            foreign_ports: None,
        };
        assert_eq!(request.encode().len(), 56);
    }

    #[test]
    fn every_state_has_a_number_and_comes_back() {
        for state in TcpState::ALL {
            assert_ne!(state_mask(StateSet::of(&[state])), 0, "{state}");
        }
        assert_eq!(state_mask(StateSet::of(&[TcpState::SynReceived])), 1 << 3 | 1 << 12);
        assert_eq!(tcp_state(12), TcpState::SynReceived);
        assert_eq!(tcp_state(14), TcpState::Unknown(14));
    }

    fn answer(family: u8, state: u8) -> Vec<u8> {
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
}
