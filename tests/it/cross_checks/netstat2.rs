//! The crate netstat2 as a cross-check, asked from the calling thread and so in its namespace.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use netstat2::{
    AddressFamilyFlags, ProtocolFlags, ProtocolSocketInfo, SocketInfo, TcpState, get_sockets_info,
};

use super::sighting::{Ends, Sighting};

#[track_caller]
pub fn all() -> BTreeMap<Ends, Sighting> {
    let sockets = get_sockets_info(AddressFamilyFlags::all(), ProtocolFlags::all());
    sockets.expect("netstat2").into_iter().map(sighting).collect()
}

fn sighting(socket: SocketInfo) -> (Ends, Sighting) {
    let (ends, state) = match socket.protocol_socket_info {
        ProtocolSocketInfo::Tcp(tcp) => {
            let foreign = address(tcp.remote_addr, tcp.remote_port);
            let foreign = (tcp.state != TcpState::Listen).then_some(foreign);
            let local = address(tcp.local_addr, tcp.local_port);
            (Ends { tcp: true, local, foreign }, Some(word(tcp.state).to_owned()))
        }
        ProtocolSocketInfo::Udp(udp) => {
            let local = address(udp.local_addr, udp.local_port);
            (Ends { tcp: false, local, foreign: None }, None)
        }
    };
    let sighting = Sighting {
        state,
        pids: socket.associated_pids.into_iter().map(u64::from).collect(),
        inode: Some(socket.inode.into()),
        uid: Some(socket.uid.into()),
        queues: None,
        has_timer: None,
    };
    (ends, sighting)
}

fn address(ip: IpAddr, port: u16) -> SocketAddr {
    SocketAddr::new(ip.to_canonical(), port)
}

fn word(state: TcpState) -> &'static str {
    match state {
        TcpState::Closed => "CLOSED",
        TcpState::Listen => "LISTENING",
        TcpState::SynSent => "SYN_SENT",
        TcpState::SynReceived => "SYN_RECEIVED",
        TcpState::Established => "ESTABLISHED",
        TcpState::FinWait1 => "FIN_WAIT_1",
        TcpState::FinWait2 => "FIN_WAIT_2",
        TcpState::CloseWait => "CLOSE_WAIT",
        TcpState::Closing => "CLOSING",
        TcpState::LastAck => "LAST_ACK",
        TcpState::TimeWait => "TIME_WAIT",
        TcpState::DeleteTcb | TcpState::Unknown => "no state of Linux",
    }
}
