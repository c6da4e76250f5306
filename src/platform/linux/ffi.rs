//! The calls that rustix does not have: kcmp(2), and the namespace of a socket.
//!
//! The only file of the Linux layer with unsafe code.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// `KCMP_FILES` of linux/kcmp.h: do two tasks share their table of descriptors?
const KCMP_FILES: libc::c_int = 2;

/// `SIOCGSKNS` of linux/sockios.h: a descriptor of the socket's network namespace (Linux 4.9).
const SIOCGSKNS: libc::Ioctl = 0x894C;

/// Whether two tasks, by their thread ids, share one table of descriptors (kcmp(2)).
///
/// # Errors
/// ENOSYS where the kernel was built without it, EPERM where a sandbox or missing rights refuse
/// it, ESRCH when one of them is gone.
pub(super) fn share_descriptors(one: u32, other: u32) -> io::Result<bool> {
    let task =
        |id: u32| libc::pid_t::try_from(id).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH));
    let (one, other) = (task(one)?, task(other)?);
    // SAFETY: kcmp(2) takes five numbers and reads or writes no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one, other, KCMP_FILES, 0_u64, 0_u64) };
    match order {
        0 => Ok(true),
        1.. => Ok(false),
        _ => Err(io::Error::last_os_error()),
    }
}

/// The network namespace of a socket, opened (`SIOCGSKNS`; takes CAP_NET_ADMIN in its user
/// namespace).
///
/// # Errors
/// EPERM without the right, ENOTTY where the file is no socket.
pub(super) fn network_namespace(socket: BorrowedFd<'_>) -> io::Result<OwnedFd> {
    // SAFETY: the descriptor is open as long as it is borrowed; SIOCGSKNS takes no argument, and
    // its third one is not looked at (net/socket.c, sock_ioctl).
    let namespace = unsafe { libc::ioctl(socket.as_raw_fd(), SIOCGSKNS) };
    if namespace < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for this process, and nothing else knows
    // its number.
    Ok(unsafe { OwnedFd::from_raw_fd(namespace) })
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;

    #[test]
    fn threads_of_a_process_share_their_descriptors_and_other_processes_do_not() {
        let own = std::process::id();
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        match share_descriptors(own, thread) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                eprintln!("skipped: kcmp(2): {error}");
            }
            shared => assert!(shared.unwrap()),
        }
        let gone = share_descriptors(own, u32::MAX).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_socket_tells_its_network_namespace() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let namespace = match network_namespace(socket.as_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                eprintln!("skipped: SIOCGSKNS takes CAP_NET_ADMIN");
                return;
            }
            opened => std::fs::File::from(opened.unwrap()),
        };
        let own = std::fs::metadata("/proc/thread-self/ns/net").unwrap();
        assert_eq!(namespace.metadata().unwrap().st_ino(), own.st_ino());
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(network_namespace(file.as_fd()).is_err());
    }
}
