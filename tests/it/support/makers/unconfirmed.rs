//! SYN_RECEIVED of a process: the last ACK of the handshake does not get through to the socket.

use std::fs;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

use nix::libc;
use nix::sys::socket::SetSockOpt;
use rustix::io::Errno;
use rustix::net::{
    SendFlags, SocketFlags, SocketType, accept_with, bind, connect, getsockname, sendto,
};

use super::socket::{listening_with, socket};
use super::{Held, Loopback};
use crate::support::kernel_table::{State, await_state};

/// A server with TCP Fast Open, whose connection was accepted before the handshake completed.
pub struct FastOpen {
    _listener: OwnedFd,
    _client: OwnedFd,
    pub server: OwnedFd,
    pub client_address: SocketAddr,
    pub server_address: SocketAddr,
}

/// SYN_RECEIVED after a simultaneous open: a socket that connects to itself gets a SYN without an ACK.
pub fn simultaneous(address: SocketAddr) -> Held {
    let socket = socket(address, SocketType::STREAM);
    bind(&socket, &address).expect("bind");
    drop_acknowledgments(&socket);
    rustix::io::ioctl_fionbio(&socket, true).expect("FIONBIO");
    assert_eq!(connect(&socket, &address), Err(Errno::INPROGRESS));
    await_state(address, address, State::SYN_RECEIVED);
    Held { socket, address }
}

/// SYN_RECEIVED of a server that has accepted it.
pub fn fast_open(at: Loopback) -> FastOpen {
    // Clients and servers, without cookies (tcp_fastopen in the kernel's ip-sysctl.rst).
    fs::write("/proc/sys/net/ipv4/tcp_fastopen", (1 | 2 | 4 | 0x200).to_string()).expect("sysctl");
    let Held { socket: listener, address: server_address } =
        listening_with(at.port(0), 16, |listener| {
            const QUEUE: libc::c_int = 16;
            FastOpenQueue.set(listener, &QUEUE).expect("TCP_FASTOPEN");
            drop_acknowledgments(listener);
        });
    let client = socket(server_address, SocketType::STREAM);
    let flags = SendFlags::from_bits_retain(libc::MSG_FASTOPEN.cast_unsigned());
    sendto(&client, b"x", flags, &server_address).expect("MSG_FASTOPEN");
    let server = accept_with(&listener, SocketFlags::CLOEXEC).expect("accept");
    let client_address = getsockname(&client).expect("getsockname").try_into().expect("an address");
    await_state(server_address, client_address, State::SYN_RECEIVED);
    FastOpen { _listener: listener, _client: client, server, client_address, server_address }
}

/// Gives the socket, and those that it accepts, a filter that drops segments with ACK: the flags are byte
/// 13 of the TCP header, where the filter of a TCP socket begins.
fn drop_acknowledgments(socket: &OwnedFd) {
    const ACK: u32 = 0x10;
    let step = |code: u32, jump_true, jump_false, operand| libc::sock_filter {
        code: u16::try_from(code).expect("a code of BPF"),
        jt: jump_true,
        jf: jump_false,
        k: operand,
    };
    let mut program = [
        step(libc::BPF_LD | libc::BPF_B | libc::BPF_ABS, 0, 0, 13),
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 0, 1, ACK),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ];
    let filter = libc::sock_fprog { len: 4, filter: program.as_mut_ptr() };
    AttachFilter.set(socket, &filter).expect("SO_ATTACH_FILTER");
}

/// SO_ATTACH_FILTER, which neither nix nor rustix has.
#[derive(Clone, Copy)]
struct AttachFilter;

nix::setsockopt_impl!(
    AttachFilter,
    libc::SOL_SOCKET,
    libc::SO_ATTACH_FILTER,
    libc::sock_fprog,
    nix::sys::socket::sockopt::SetStruct<'_, libc::sock_fprog>
);

/// TCP_FASTOPEN, likewise.
#[derive(Clone, Copy)]
struct FastOpenQueue;

nix::setsockopt_impl!(
    FastOpenQueue,
    libc::IPPROTO_TCP,
    libc::TCP_FASTOPEN,
    libc::c_int,
    nix::sys::socket::sockopt::SetStruct<'_, libc::c_int>
);
