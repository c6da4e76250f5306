//! The states of a TCP connection.

use std::fmt;

/// A TCP state, named as in Windows' netstat. RFC 9293 section 3.3.2 defines the first eleven.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum TcpState {
    /// Waiting for a connection request from any remote peer.
    Listening,
    /// A connection request was sent, its answer is awaited.
    SynSent,
    /// A connection request was received and answered, the acknowledgment is awaited.
    SynReceived,
    /// Open on both sides.
    Established,
    /// Closed here, the FIN is not yet acknowledged.
    FinWait1,
    /// Closed here and acknowledged, the peer's FIN is awaited.
    FinWait2,
    /// Closed by the peer, not yet by the local process.
    CloseWait,
    /// Closed on both sides at once, the acknowledgment of our FIN is awaited.
    Closing,
    /// Closed by the peer, then here; the acknowledgment of our FIN is awaited.
    LastAck,
    /// Both closed; waiting for stray segments to expire.
    TimeWait,
    /// No connection.
    Closed,
    /// A port is bound, but the socket neither listens nor is connected (Linux bit 13,
    /// `TCP_BOUND_INACTIVE`; Windows' `netstat -q`).
    Bound,
    /// Being deleted, which Windows alone shows (`MIB_TCP_STATE_DELETE_TCB`).
    DeleteTcb,
    /// A number that this version of portwho does not know.
    Unknown(u8),
}

impl TcpState {
    /// Every known state, in the order of a connection's life.
    pub const ALL: [Self; 12] = [
        Self::Listening,
        Self::SynSent,
        Self::SynReceived,
        Self::Established,
        Self::FinWait1,
        Self::FinWait2,
        Self::CloseWait,
        Self::Closing,
        Self::LastAck,
        Self::TimeWait,
        Self::Closed,
        Self::Bound,
    ];

    /// The place in [`TcpState::ALL`]; what is in no diagram shares the place after the last.
    pub(super) const fn place(self) -> u16 {
        match self {
            Self::Listening => 0,
            Self::SynSent => 1,
            Self::SynReceived => 2,
            Self::Established => 3,
            Self::FinWait1 => 4,
            Self::FinWait2 => 5,
            Self::CloseWait => 6,
            Self::Closing => 7,
            Self::LastAck => 8,
            Self::TimeWait => 9,
            Self::Closed => 10,
            Self::Bound => 11,
            Self::DeleteTcb | Self::Unknown(_) => 12,
        }
    }

    /// Whether the state holds a port for connections to come: LISTENING or BOUND.
    #[must_use]
    pub const fn holds_port(self) -> bool {
        matches!(self, Self::Listening | Self::Bound)
    }
}

impl fmt::Display for TcpState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Listening => "LISTENING",
            Self::SynSent => "SYN_SENT",
            Self::SynReceived => "SYN_RECEIVED",
            Self::Established => "ESTABLISHED",
            Self::FinWait1 => "FIN_WAIT_1",
            Self::FinWait2 => "FIN_WAIT_2",
            Self::CloseWait => "CLOSE_WAIT",
            Self::Closing => "CLOSING",
            Self::LastAck => "LAST_ACK",
            Self::TimeWait => "TIME_WAIT",
            Self::Closed => "CLOSED",
            Self::Bound => "BOUND",
            Self::DeleteTcb => "DELETE_TCB",
            Self::Unknown(number) => return write!(f, "UNKNOWN({number})"),
        })
    }
}
