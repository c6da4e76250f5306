//! A copy of another process's socket, asked and closed again (pidfd_getfd(2), Linux 5.6).
//!
//! A copy keeps the socket open, so it lives for a few system calls only. Closing a socket calls
//! no flush, so that its process does not notice.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;

use rustix::io::Errno;
use rustix::net::{AddressFamily, sockopt};
use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use super::ffi;
use crate::model::{Endpoint, Pid, Protocol, Queues, Socket, TcpState, Uid};
use crate::platform::decode::descriptor::{PortUse, port_use};

/// The length of `struct tcp_info` as Linux 3.0 had it; later kernels add to its end.
const TCP_INFO: usize = 104;

/// A copy of a socket.
#[derive(Debug)]
pub(super) struct Copied {
    /// None while it is being closed.
    descriptor: Option<OwnedFd>,
    inode: u64,
    uid: Uid,
}

impl Copied {
    /// The socket with this inode by one of its descriptors; none where that is another file by
    /// now, or gone.
    ///
    /// # Errors
    /// ENOSYS before Linux 5.6, EPERM without CAP_SYS_PTRACE or in a sandbox.
    pub(super) fn of(pid: Pid, descriptor: u32, inode: u64) -> rustix::io::Result<Option<Self>> {
        let number = i32::try_from(pid.0).ok().and_then(rustix::process::Pid::from_raw);
        let (Some(number), Ok(descriptor)) = (number, i32::try_from(descriptor)) else {
            return Ok(None);
        };
        let copy = pidfd_open(number, PidfdFlags::empty())
            .and_then(|process| pidfd_getfd(process, descriptor, PidfdGetfdFlags::empty()));
        let copy = match copy {
            Err(Errno::SRCH | Errno::BADF) => return Ok(None),
            copy => copy?,
        };
        let mut copied = Self { descriptor: Some(copy), inode, uid: Uid(0) };
        // A file of another kind may belong to a file system that does not answer.
        if sockopt::socket_domain(copied.as_fd()?).is_err() {
            return Ok(None);
        }
        let stat = rustix::fs::fstat(copied.as_fd()?)?;
        copied.uid = Uid(stat.st_uid);
        Ok((stat.st_ino == inode).then_some(copied))
    }

    fn as_fd(&self) -> rustix::io::Result<BorrowedFd<'_>> {
        self.descriptor.as_ref().map(AsFd::as_fd).ok_or(Errno::BADF)
    }

    /// The network namespace, opened, and its inode number.
    ///
    /// # Errors
    /// EPERM without CAP_NET_ADMIN in its user namespace.
    pub(super) fn namespace(&self) -> rustix::io::Result<(OwnedFd, u64)> {
        let opened = ffi::network_namespace(self.as_fd()?);
        let opened = opened.map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
        let inode = rustix::fs::fstat(&opened)?.st_ino;
        Ok((opened, inode))
    }

    /// The address that it is bound to; port 0 for none.
    pub(super) fn local(&self) -> rustix::io::Result<SocketAddr> {
        rustix::net::getsockname(self.as_fd()?)?.try_into()
    }

    /// How it uses the port of its local address.
    pub(super) fn port_use(&self) -> PortUse {
        let info = self.as_fd().map_err(io::Error::from).and_then(|socket| {
            ffi::socket_option::<TCP_INFO>(socket, libc::IPPROTO_TCP, libc::TCP_INFO)
        });
        info.map_or(PortUse::Unclear, |(bytes, length)| {
            port_use(bytes.get(..length).unwrap_or_default())
        })
    }

    /// The row that sock_diag would have for it.
    pub(super) fn row(&self, local: SocketAddr, state: TcpState) -> rustix::io::Result<Socket> {
        let socket = self.as_fd()?;
        let is_v6 = sockopt::socket_domain(socket)? == AddressFamily::INET6;
        let end = Endpoint::new(local.ip(), local.port());
        Ok(Socket {
            mapped: end.address != local.ip(),
            v6_only: if is_v6 { sockopt::ipv6_v6only(socket).ok() } else { None },
            interface: interface(socket),
            state: Some(state),
            inode: Some(self.inode),
            cookie: sockopt::socket_cookie(socket).ok(),
            uid: Some(self.uid),
            queues: Queues { receive: Some(0), send: Some(0) },
            ..Socket::at(Protocol::Tcp, end)
        })
    }

    /// Whether close(2) may block: a file that is no socket (it has changed meanwhile), or a socket
    /// that waits until its data has been sent (SO_LINGER in socket(7)).
    fn may_block(&self) -> bool {
        let linger = self.as_fd().and_then(sockopt::socket_linger);
        linger.is_err() || linger.is_ok_and(|time| time.is_some_and(|time| !time.is_zero()))
    }
}

impl Drop for Copied {
    fn drop(&mut self) {
        let may_block = self.may_block();
        let Some(descriptor) = self.descriptor.take() else { return };
        if may_block {
            // Nothing waits for this thread, and it ends with the program.
            let _ = thread::Builder::new().spawn(move || drop(descriptor));
        }
    }
}

/// The interface that a socket is tied to (SO_BINDTOIFINDEX, Linux 5.0), by its index.
fn interface(socket: BorrowedFd<'_>) -> Option<u32> {
    let read = ffi::socket_option::<4>(socket, libc::SOL_SOCKET, libc::SO_BINDTOIFINDEX);
    let (bytes, _) = read.ok()?;
    Some(u32::from_ne_bytes(bytes)).filter(|&index| index != 0)
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::net::UdpSocket;
    use std::os::fd::AsRawFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;

    fn inode(file: &impl AsRawFd) -> u64 {
        fs::metadata(format!("/proc/self/fd/{}", file.as_raw_fd())).unwrap().st_ino()
    }

    #[test]
    fn a_descriptor_that_has_changed_is_not_copied() {
        let file = fs::File::open("/dev/null").unwrap();
        let (own, descriptor) = (Pid(std::process::id()), file.as_raw_fd().cast_unsigned());
        assert!(Copied::of(own, descriptor, inode(&file)).unwrap().is_none());
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let descriptor = socket.as_raw_fd().cast_unsigned();
        assert!(Copied::of(own, descriptor, inode(&socket) + 1).unwrap().is_none());
        assert!(Copied::of(own, descriptor, inode(&socket)).unwrap().is_some());
    }
}
