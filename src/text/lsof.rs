//! Names as lsof has them.

use std::borrow::Cow;

use super::endpoints::{foreign_endpoint, local_endpoint};
use crate::model::{Snapshot, Socket, TcpState};

/// The NAME of a socket: `127.0.0.1:80->127.0.0.1:40000 (ESTABLISHED)`, `*:80 (LISTEN)`.
#[must_use]
pub fn name(socket: &Socket, snapshot: &Snapshot) -> String {
    let local = if socket.local.address.is_unspecified() {
        format!("*:{}", socket.local.port)
    } else {
        local_endpoint(socket, snapshot)
    };
    let foreign = socket.foreign.map(|_| format!("->{}", foreign_endpoint(socket, snapshot)));
    let state = socket.state.map(|state| format!(" ({})", word(state)));
    format!("{local}{}{}", foreign.unwrap_or_default(), state.unwrap_or_default())
}

/// A state by lsof's word on Linux (`TcpSt` in its dialects/linux/dsock.c). It does not show sockets
/// that are only bound.
fn word(state: TcpState) -> Cow<'static, str> {
    Cow::Borrowed(match state {
        TcpState::Listening => "LISTEN",
        TcpState::SynSent => "SYN_SENT",
        TcpState::SynReceived => "SYN_RECV",
        TcpState::Established => "ESTABLISHED",
        TcpState::FinWait1 => "FIN_WAIT1",
        TcpState::FinWait2 => "FIN_WAIT2",
        TcpState::CloseWait => "CLOSE_WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST_ACK",
        TcpState::TimeWait => "TIME_WAIT",
        TcpState::Closed => "CLOSE",
        TcpState::Bound => "BOUND",
        unknown @ (TcpState::DeleteTcb | TcpState::Unknown(_)) => {
            return Cow::Owned(unknown.to_string());
        }
    })
}
