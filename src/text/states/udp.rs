//! What there is to know of UDP, which has no states.

use super::{Advice, says, types};

/// What there is to know of UDP sockets.
#[derive(Clone, Copy, Debug)]
pub struct UdpExplanation {
    /// What stands where TCP has a state.
    pub meaning: &'static str,
    /// Who must act before it goes on.
    pub must_act: &'static str,
    /// When there is something to worry about.
    pub fault: &'static str,
    /// What to check with portwho, on both systems.
    pub look: &'static [Advice],
    /// What to check and to do on Linux.
    pub linux: &'static [Advice],
    /// What to check and to do on Windows.
    pub windows: &'static [Advice],
    /// Where all this is written down.
    pub sources: &'static str,
}

/// UDP.
pub const UDP: UdpExplanation = UdpExplanation {
    meaning: "UDP has no states: nothing is opened, acknowledged or closed, so the state of a UDP \
              socket is empty. ss prints UNCONN for a socket without a peer, and ESTAB for one whose \
              peer connect() has set; that call sends nothing.",
    must_act: "No side. The socket exists until its process closes it, whether or not a peer is there.",
    fault: "If datagrams arrive faster than the process reads: what does not fit into the receive queue \
            is dropped, and neither side is notified. A datagram to a port that no socket holds is answered \
            with ICMP, unless a firewall drops it; on Linux a socket reports it (ECONNREFUSED) that has a peer or set IP_RECVERR, on \
            Windows the next receive fails (WSAECONNRESET).",
    look: &[types(
        "Which processes receive, and how much is unread (recv-q)?",
        &["portwho -u", "portwho -u --columns local,foreign,recv-q,pid,image"],
    )],
    linux: &[types(
        "Unread bytes per socket; datagrams dropped because a queue was full, and those to a port \
         without a socket:",
        &["ss -unap", "nstat -az 'Udp*RcvbufErrors' 'Udp*NoPorts'"],
    )],
    windows: &[
        types("By process:", &["Get-NetUDPEndpoint | Group OwningProcess"]),
        says("Windows shows neither the receive queue nor the peer."),
    ],
    sources: "RFC 768; udp(7); WSAECONNRESET in Microsoft's documentation of recvfrom()",
};
