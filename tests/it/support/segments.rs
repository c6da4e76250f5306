//! The TCP segments that arrive on loopback, as a raw(7) socket sees them: each once.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::time::Duration;

use rustix::io::Errno;
use rustix::net::sockopt::Timeout;
use rustix::net::{
    AddressFamily, RecvFlags, SocketFlags, SocketType, bind, connect, getsockname, ipproto, recv,
    socket_with, sockopt,
};

use super::makers::{self, Loopback};

/// A segment that has not come by then does not come.
const DEADLINE: Duration = Duration::from_mins(5);

/// What has arrived since this was made.
pub struct Segments(OwnedFd);

/// A segment over IPv4.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Segment {
    from: SocketAddr,
    to: SocketAddr,
    flags: u8,
}

impl Segment {
    fn is_between(&self, from: SocketAddr, to: SocketAddr) -> bool {
        (self.from, self.to) == (from, to)
    }
}

const RST: u8 = 4;
const ACK: u8 = 16;

/// How many RST have been sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Resets {
    /// Of a connection that the sender ends: they have ACK.
    pub of_own: usize,
    /// In answer to a segment with ACK for which there is no socket: they have none (RFC 9293 section
    /// 3.10.7.1).
    pub in_answer: usize,
}

impl Resets {
    fn add(&mut self, flags: u8) {
        match (flags & RST != 0, flags & ACK != 0) {
            (true, true) => self.of_own += 1,
            (true, false) => self.in_answer += 1,
            (false, _) => {}
        }
    }
}

impl Segments {
    pub fn listen() -> Self {
        let kind = SocketType::RAW;
        let socket =
            socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, Some(ipproto::TCP));
        let socket = socket.expect("a raw socket");
        sockopt::set_socket_timeout(&socket, Timeout::Recv, Some(DEADLINE)).expect("SO_RCVTIMEO");
        Self(socket)
    }

    /// Waits for a RST by which the sender ends its connection.
    pub fn await_reset(&self, from: SocketAddr, to: SocketAddr) {
        while self.resets_until(from, to, |segment| segment.is_between(from, to)).of_own == 0 {}
    }

    /// How many RST have gone from one address to the other until now: until a SYN of this test's own
    /// arrives, which is sent now.
    pub fn resets(&self, from: SocketAddr, to: SocketAddr) -> Resets {
        let closed = makers::bound(Loopback::V4.port(0));
        let kind = SocketType::STREAM;
        let marker = socket_with(AddressFamily::INET, kind, SocketFlags::CLOEXEC, None);
        let marker = marker.expect("socket");
        bind(&marker, &Loopback::V4.port(0)).expect("bind");
        let mark = getsockname(&marker).expect("getsockname").try_into().expect("an address");
        assert_eq!(connect(&marker, &closed.address), Err(Errno::CONNREFUSED));
        self.resets_until(from, to, |segment| segment.is_between(mark, closed.address))
    }

    fn resets_until(
        &self,
        from: SocketAddr,
        to: SocketAddr,
        is_last: impl Fn(&Segment) -> bool,
    ) -> Resets {
        let mut resets = Resets::default();
        loop {
            let segment = self.next();
            if segment.is_between(from, to) {
                resets.add(segment.flags);
            }
            if is_last(&segment) {
                return resets;
            }
        }
    }

    fn next(&self) -> Segment {
        let mut packet = [0; 128];
        let (read, _) = recv(&self.0, &mut packet, RecvFlags::empty()).expect("a segment");
        segment(&packet[..read]).expect("a whole header")
    }
}

/// RFC 791 section 3.1 and RFC 9293 section 3.1.
fn segment(packet: &[u8]) -> Option<Segment> {
    let address = |at: usize| {
        let bytes: [u8; 4] = packet.get(at..at + 4)?.try_into().ok()?;
        Some(Ipv4Addr::from(bytes))
    };
    let tcp = packet.get(usize::from(packet.first()? & 0xf) * 4..)?;
    let port = |at: usize| Some(u16::from_be_bytes(tcp.get(at..at + 2)?.try_into().ok()?));
    Some(Segment {
        from: (address(12)?, port(0)?).into(),
        to: (address(16)?, port(2)?).into(),
        flags: *tcp.get(13)?,
    })
}
