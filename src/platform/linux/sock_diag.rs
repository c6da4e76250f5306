//! Dumps of the kernel's socket tables over netlink: sock_diag(7).

use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::net::netlink::{self, SocketAddrNetlink};
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use crate::model::Socket;
use crate::platform::decode::inet_request::BY_FAMILY;
use crate::platform::decode::netlink::{
    DONE, DUMP_INTERRUPTED, ERROR, HEADER, Message, NOOP, error_number, messages,
};
use crate::platform::decode::{DecodeError, inet_diag, inet_request};

/// `SOCK_DESTROY`.
const DESTROY: u16 = 21;
/// `NLM_F_REQUEST`: one socket.
const ONE: u16 = 0x1;
/// `NLM_F_REQUEST | NLM_F_ACK`: a request, whose success is acknowledged too.
const ORDER: u16 = 0x1 | 0x4;
/// `NLM_F_REQUEST | NLM_F_DUMP`: a table.
const DUMP: u16 = 0x1 | 0x300;
/// The kernel answers a dump in pieces no larger than the buffer, and than this.
const RECEIVE_BUFFER: usize = 32 * 1024;

/// Why a dump failed.
#[derive(Debug)]
pub(super) enum DumpError {
    /// Netlink as a whole is not to be had: the request could not be sent, or not answered.
    Refused(io::Error),
    /// The kernel has no handler for this protocol.
    NoHandler,
    /// The kernel answered with an error.
    Kernel(io::Error),
    /// The answer makes no sense.
    Decode(DecodeError),
}

impl std::fmt::Display for DumpError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Refused(error) | Self::Kernel(error) => error.fmt(f),
            Self::NoHandler => f.write_str("the kernel has no handler for it"),
            Self::Decode(error) => error.fmt(f),
        }
    }
}

impl From<DecodeError> for DumpError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(error)
    }
}

/// One dump.
#[derive(Debug, Default)]
pub(super) struct Dump {
    /// The sockets, repeats included.
    pub(super) sockets: Vec<Socket>,
    /// The kernel said that the table changed under its hands.
    pub(super) interrupted: bool,
}

/// A netlink socket for dumps, of the network namespace of the thread that opens it.
#[derive(Debug)]
pub(super) struct SockDiag {
    socket: OwnedFd,
    sequence: u32,
    buffer: Vec<u8>,
}

impl SockDiag {
    /// Opens the socket.
    pub(super) fn open() -> io::Result<Self> {
        let socket = rustix::net::socket_with(
            AddressFamily::NETLINK,
            SocketType::RAW,
            SocketFlags::CLOEXEC,
            Some(netlink::SOCK_DIAG),
        )?;
        Ok(Self { socket, sequence: 0, buffer: vec![0; RECEIVE_BUFFER] })
    }

    /// Asks what has become of one connected socket; none when it no longer exists.
    pub(super) fn again(&mut self, socket: &Socket) -> Result<Option<Socket>, DumpError> {
        let request = inet_request::encode_exact(socket).ok_or(DecodeError::Malformed)?;
        self.send(BY_FAMILY, ONE, &request).map_err(|error| DumpError::Refused(error.into()))?;
        loop {
            let length = self.receive()?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in messages(datagram) {
                let message = message?;
                if message.sequence == self.sequence && message.kind == BY_FAMILY {
                    return Ok(Some(inet_diag::socket(message.payload, socket.protocol, false)?));
                }
                if message.sequence == self.sequence && message.kind == ERROR {
                    return match end_of_dump(&message) {
                        Err(DumpError::NoHandler) | Ok(()) => Ok(None),
                        Err(error) => Err(error),
                    };
                }
            }
        }
    }

    /// Orders the socket of `request` to be closed, and returns the error number that the kernel
    /// answers; 0 for none.
    pub(super) fn destroy(&mut self, request: &[u8]) -> Result<i32, DumpError> {
        self.send(DESTROY, ORDER, request).map_err(|error| DumpError::Refused(error.into()))?;
        loop {
            let length = self.receive()?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in messages(datagram) {
                let message = message?;
                if message.sequence == self.sequence && message.kind == ERROR {
                    return Ok(error_number(&message)?);
                }
            }
        }
    }

    /// Asks for one table and reads it to its end.
    pub(super) fn dump(&mut self, request: &inet_request::Request<'_>) -> Result<Dump, DumpError> {
        let kind = request.kind();
        self.send(kind, DUMP, &request.encode())
            .map_err(|error| DumpError::Refused(error.into()))?;
        let mut dump = Dump::default();
        loop {
            let length = self.receive()?;
            let datagram = self.buffer.get(..length).unwrap_or_default();
            for message in messages(datagram) {
                let message = message?;
                if message.sequence != self.sequence {
                    continue;
                }
                dump.interrupted |= message.flags & DUMP_INTERRUPTED != 0;
                match message.kind {
                    DONE | ERROR => return end_of_dump(&message).map(|()| dump),
                    NOOP => {}
                    told if told == kind => dump.sockets.push(request.decode(message.payload)?),
                    // Nothing else is sent to a socket that joined no group.
                    _ => return Err(DecodeError::Malformed.into()),
                }
            }
        }
    }

    fn send(&mut self, kind: u16, flags: u16, payload: &[u8]) -> rustix::io::Result<()> {
        self.sequence += 1;
        let length = u32::try_from(HEADER + payload.len()).map_err(|_| Errno::MSGSIZE)?;
        let mut bytes = length.to_ne_bytes().to_vec();
        bytes.extend(kind.to_ne_bytes());
        bytes.extend(flags.to_ne_bytes());
        bytes.extend(self.sequence.to_ne_bytes());
        bytes.extend([0; 4]);
        bytes.extend(payload);
        let kernel = SocketAddrNetlink::new(0, 0);
        rustix::net::sendto(&self.socket, &bytes, SendFlags::empty(), &kernel).map(drop)
    }

    /// Receives a datagram of the kernel into the buffer and returns its length. Datagrams of
    /// other senders (any process may send one) are dropped.
    fn receive(&mut self) -> Result<usize, DumpError> {
        loop {
            let received =
                rustix::net::recvfrom(&self.socket, self.buffer.as_mut_slice(), RecvFlags::TRUNC);
            match received {
                Err(Errno::INTR) => {}
                Err(error) => return Err(DumpError::Refused(error.into())),
                Ok((read, whole, _)) if whole > read => return Err(DecodeError::Truncated.into()),
                Ok((0, ..)) => return Err(DecodeError::Truncated.into()),
                Ok((read, _, sender)) => {
                    let sender = sender.and_then(|any| SocketAddrNetlink::try_from(any).ok());
                    if sender.is_some_and(|address| address.pid() == 0) {
                        return Ok(read);
                    }
                }
            }
        }
    }
}

/// The verdict at the end of a dump. Both kinds of end may carry an error.
fn end_of_dump(message: &Message<'_>) -> Result<(), DumpError> {
    match error_number(message)? {
        0 => Ok(()),
        number if number == Errno::NOENT.raw_os_error() => Err(DumpError::NoHandler),
        number => Err(DumpError::Kernel(io::Error::from_raw_os_error(number))),
    }
}
