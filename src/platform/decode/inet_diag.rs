//! sock_diag's answers for internet sockets: sock_diag(7), `linux/inet_diag.h`.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::DecodeError;
use super::bytes::{array_at, be16_at, u8_at, u32_at, u64_at};
use super::netlink::attributes;
use crate::model::{
    Endpoint, Protocol, Queues, Socket, StateSet, TcpInfo, TcpState, Timer, TimerKind, Uid,
};

/// `AF_INET`.
pub(super) const AF_INET: u8 = 2;
/// `AF_INET6`.
pub(super) const AF_INET6: u8 = 10;
/// The length of `struct inet_diag_msg`.
const MESSAGE: usize = 72;
/// `INET_DIAG_INFO`: `struct tcp_info`.
pub(super) const INFO: u16 = 2;
/// `INET_DIAG_SKMEMINFO`: the socket's use of memory, and its drops.
pub(super) const MEMORY: u16 = 7;
/// `SK_MEMINFO_DROPS` (`linux/sock_diag.h`, Linux 4.7) in that array of 32-bit numbers.
const DROPS: usize = 8 * 4;
/// `INET_DIAG_SKV6ONLY`: IPV6_V6ONLY, of sockets that listen or are bound.
const V6_ONLY: u16 = 11;
/// `INET_DIAG_CGROUP_ID`.
const CGROUP_ID: u16 = 21;
/// Linux' number for CLOSED; also what comes back for a bound socket.
const CLOSED: u8 = 7;
/// The bit that asks for bound sockets: `TCPF_BOUND_INACTIVE`, Linux 6.8.
pub(super) const BOUND_BIT: u32 = 1 << 13;

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
    let bit = |number: u8| 1 << number;
    let known = STATE_NUMBERS.iter().fold(BOUND_BIT, |mask, (_, number)| mask | bit(*number));
    let named = STATE_NUMBERS.iter().filter(|(state, _)| set.contains(*state));
    let mask = named.fold(0, |mask, (_, number)| mask | bit(*number));
    let bound = if set.contains(TcpState::Bound) { BOUND_BIT } else { 0 };
    // Unknown numbers only where they were asked for: the kernel goes through all its
    // connections for any state but LISTENING and BOUND.
    let unknown = if set.contains(TcpState::Unknown(0)) { !known } else { 0 };
    mask | bound | unknown
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
        foreign: has_foreign_end(state, foreign.port).then(|| foreign.shown()),
        mapped: local.is_mapped(),
        interface: Some(u32_at(payload, 40)?).filter(|&index| index != 0),
        state,
        inode: Some(inode),
        cookie: Some(cookie(payload)?),
        uid: owning_user(inode, uid),
        queues: Queues { receive: Some(u32_at(payload, 56)?), send: Some(u32_at(payload, 60)?) },
        timer: timer(u8_at(payload, 2)?, u8_at(payload, 3)?, u32_at(payload, 52)?),
        ..Socket::at(protocol, local.shown())
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
            V6_ONLY => socket.v6_only = value.first().map(|flag| *flag != 0),
            MEMORY => socket.drops = u32_at(value, DROPS).ok(),
            CGROUP_ID => socket.cgroup = u64_at(value, 0).ok(),
            INFO if socket.foreign.is_some() => {
                socket.idle_ms = idle_ms(value);
                socket.tcp_info = tcp_info(value);
            }
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

/// `tcpi_last_ack_recv`, `tcpi_last_data_recv` and `tcpi_last_data_sent` of `struct tcp_info`. The kernel
/// sets the last when the connection is established too, after the others: the clock may tick in between,
/// and the connection would seem to have sent data after the last that came in. `tcpi_data_segs_out` tells
/// that it never has, and `tcpi_data_segs_in` whether data came in at all, perhaps in the same tick.
fn tcp_info(bytes: &[u8]) -> Option<TcpInfo> {
    let (sent, received) = (u32_at(bytes, 44).ok()?, u32_at(bytes, 52).ok()?);
    // Before Linux 4.6 it is not reported.
    let has_never_sent = u32_at(bytes, 156) == Ok(0);
    let has_received = u32_at(bytes, 152).is_ok_and(|segments| segments > 0);
    let sent = if has_never_sent { sent.max(received) } else { sent };
    Some(TcpInfo {
        last_ack_received_ms: u32_at(bytes, 56).ok()?,
        last_data_received_ms: received,
        last_data_sent_ms: sent,
        is_unanswered: received < sent || (has_never_sent && has_received),
    })
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

#[cfg(test)]
pub(super) mod tests;
