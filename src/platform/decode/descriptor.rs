//! What a descriptor shows about the socket it refers to, without a table of the kernel.

use super::bytes::{u8_at, u32_at};
use super::inet_diag::tcp_state;
use crate::model::{Protocol, TcpState};

/// `tcpi_rcv_mss` in `struct tcp_info` (linux/tcp.h).
const RECEIVE_MSS: usize = 20;

/// The protocol of a socket by its `system.sockprotoname` attribute: the kernel's `struct proto`
/// name, ended by a NUL. None for other protocols. (MPTCP's first subflow is in TCP's tables with
/// the descriptor's inode.)
#[must_use]
pub fn protocol(name: &[u8]) -> Option<Protocol> {
    match name.strip_suffix(b"\0").unwrap_or(name) {
        b"TCP" | b"TCPv6" | b"MPTCP" | b"MPTCPv6" => Some(Protocol::Tcp),
        b"UDP" | b"UDPv6" => Some(Protocol::Udp),
        _ => None,
    }
}

/// Whether that attribute is of TCP itself. (MPTCP's own socket is in no table of TCP.)
#[must_use]
pub fn is_plain_tcp(name: &[u8]) -> bool {
    matches!(name.strip_suffix(b"\0").unwrap_or(name), b"TCP" | b"TCPv6")
}

/// How a TCP socket uses the port that getsockname(2) returns.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PortUse {
    /// bind(2) took it, and nothing else has happened.
    Bound,
    /// It listens there.
    Listening,
    /// A connection is there, or in one of its states.
    Connected,
    /// It has listened or been connected before. The kernel keeps telling the port then, whether
    /// the socket still holds it (bind(2) was called) or not (the kernel had chosen it).
    Unclear,
}

/// The use of a port by the socket's `struct tcp_info`. `rcv_mss` is 0 until the first
/// connection, refused ones included, and after each disconnection `TCP_MIN_MSS`
/// (`tcp_disconnect` in net/ipv4/tcp.c).
#[must_use]
pub fn port_use(info: &[u8]) -> PortUse {
    let (Ok(state), Ok(receive_mss)) = (u8_at(info, 0), u32_at(info, RECEIVE_MSS)) else {
        return PortUse::Unclear;
    };
    match (tcp_state(state), receive_mss) {
        (TcpState::Closed, 0) => PortUse::Bound,
        (TcpState::Closed | TcpState::DeleteTcb | TcpState::Unknown(_), _) => PortUse::Unclear,
        (TcpState::Listening, _) => PortUse::Listening,
        _ => PortUse::Connected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tcp_and_udp_have_a_protocol() {
        for name in [&b"TCP\0"[..], b"TCPv6\0", b"TCP", b"MPTCP\0", b"MPTCPv6\0"] {
            assert_eq!(protocol(name), Some(Protocol::Tcp), "{}", name.escape_ascii());
        }
        for name in [&b"UDP\0"[..], b"UDPv6\0"] {
            assert_eq!(protocol(name), Some(Protocol::Udp), "{}", name.escape_ascii());
        }
        for name in [&b"UNIX-STREAM\0"[..], b"NETLINK\0", b"\0", b"", b"TCP\0\0", b"UDP-Lite\0"] {
            assert_eq!(protocol(name), None, "{}", name.escape_ascii());
        }
        assert!(is_plain_tcp(b"TCP\0") && is_plain_tcp(b"TCPv6\0") && is_plain_tcp(b"TCP"));
        assert!(!is_plain_tcp(b"MPTCP\0") && !is_plain_tcp(b"UDP\0") && !is_plain_tcp(b""));
    }

    fn info(state: u8, receive_mss: u32) -> Vec<u8> {
        let mut info = vec![0; 104];
        info[0] = state;
        info[RECEIVE_MSS..RECEIVE_MSS + 4].copy_from_slice(&receive_mss.to_ne_bytes());
        info
    }

    #[test]
    fn a_port_is_bound_for_sure_before_the_first_connection() {
        assert_eq!(port_use(&info(7, 0)), PortUse::Bound);
        // A refused connection, and a listener that was shut down.
        assert_eq!(port_use(&info(7, 88)), PortUse::Unclear);
        assert_eq!(port_use(&info(10, 0)), PortUse::Listening);
        assert_eq!(port_use(&info(1, 536)), PortUse::Connected);
        assert_eq!(port_use(&info(77, 0)), PortUse::Unclear);
        assert_eq!(port_use(&info(7, 0)[..23]), PortUse::Unclear);
        assert_eq!(port_use(&[]), PortUse::Unclear);
    }
}
