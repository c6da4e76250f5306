//! The calls that rustix does not have: kcmp(2), the namespace of a socket, the owner of a
//! namespace, socket options as bytes, and (there it is unsafe too) a thread's own descriptors.
//!
//! The only file of the Linux layer with unsafe code.
#![expect(unsafe_code, reason = "system calls without a safe wrapper")]

use std::cmp::Ordering;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

/// `KCMP_FILE` of linux/kcmp.h: do two descriptors refer to the same open file?
const KCMP_FILE: libc::c_int = 0;

/// `KCMP_FILES` of linux/kcmp.h: do two tasks share their table of descriptors?
const KCMP_FILES: libc::c_int = 2;

/// `SIOCGSKNS` of linux/sockios.h: a descriptor of the socket's network namespace (Linux 4.9).
const SIOCGSKNS: libc::Ioctl = 0x894C;

/// `NS_GET_USERNS` of linux/nsfs.h: the user namespace that owns a namespace (Linux 4.9).
const NS_GET_USERNS: libc::Ioctl = 0xB701;

/// `NS_GET_OWNER_UID` of linux/nsfs.h: the user who made a user namespace (Linux 4.11).
const NS_GET_OWNER_UID: libc::Ioctl = 0xB704;

/// Compares the tables of descriptors of two tasks, by their thread ids (kcmp(2)): equal when they
/// share one, and else in an order that lasts.
///
/// # Errors
/// ENOSYS where the kernel was built without it, EPERM where a sandbox or missing rights refuse
/// it, ESRCH when one of them is gone.
pub(super) fn compare_tables(one: u32, other: u32) -> io::Result<Ordering> {
    compare((one, 0), (other, 0), KCMP_FILES)
}

/// Compares two open files, each by a thread id and a descriptor (kcmp(2)): equal when they are
/// the same, as after dup(2), and else in an order that lasts.
///
/// # Errors
/// As [`compare_tables`], and EBADF when a descriptor is closed.
pub(super) fn compare_files(one: (u32, u32), other: (u32, u32)) -> io::Result<Ordering> {
    compare(one, other, KCMP_FILE)
}

fn compare(one: (u32, u32), other: (u32, u32), kind: libc::c_int) -> io::Result<Ordering> {
    let (one_task, other_task) = (task(one.0)?, task(other.0)?);
    let (one, other) = (libc::c_ulong::from(one.1), libc::c_ulong::from(other.1));
    // SAFETY: kcmp(2) takes five numbers and reads or writes no memory of this process.
    let order = unsafe { libc::syscall(libc::SYS_kcmp, one_task, other_task, kind, one, other) };
    match order {
        0 => Ok(Ordering::Equal),
        1 => Ok(Ordering::Less),
        2.. => Ok(Ordering::Greater),
        _ => Err(io::Error::last_os_error()),
    }
}

fn task(id: u32) -> io::Result<libc::pid_t> {
    libc::pid_t::try_from(id).map_err(|_| io::Error::from_raw_os_error(libc::ESRCH))
}

/// Runs this in a thread that has a table of descriptors of its own, as far as the system allows
/// that (unshare(2)): what it opens is not among the descriptors of this process. No descriptor may
/// be returned, for the number means nothing in another table.
///
/// # Errors
/// When no thread can be started, or it panics.
pub(super) fn with_own_descriptors<T: Send>(run: impl FnOnce() -> T + Send) -> io::Result<T> {
    thread::scope(|scope| {
        let thread = thread::Builder::new().spawn_scoped(scope, || {
            // SAFETY: unshare(2) takes a number. Only this thread's table changes, which has what
            // the old one had under the same numbers, and the thread is new: no descriptor is its
            // own.
            let _ = unsafe { libc::unshare(libc::CLONE_FILES) };
            run()
        })?;
        thread.join().map_err(|_| io::Error::other("the thread that copied sockets panicked"))
    })
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

/// The user who made the user namespace that owns a namespace (ioctl_ns(2)): root's namespaces are
/// owned by the machine's first user namespace, those that an ordinary user makes by one that this
/// user has made.
///
/// # Errors
/// EPERM where that user namespace is outside the caller's, ENOTTY before Linux 4.11.
pub(super) fn namespace_owner(namespace: BorrowedFd<'_>) -> io::Result<u32> {
    // SAFETY: the descriptor is open as long as it is borrowed; NS_GET_USERNS takes no argument.
    let users = unsafe { libc::ioctl(namespace.as_raw_fd(), NS_GET_USERNS) };
    if users < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just made this descriptor for this process, and nothing else knows
    // its number.
    let users = unsafe { OwnedFd::from_raw_fd(users) };
    let mut owner: libc::uid_t = 0;
    // SAFETY: the descriptor is open; NS_GET_OWNER_UID writes one uid_t through its argument,
    // which points to one that outlives the call.
    let answer = unsafe { libc::ioctl(users.as_raw_fd(), NS_GET_OWNER_UID, &raw mut owner) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(owner) }
}

/// A socket option as bytes (getsockopt(2)), and how many of them the kernel has written.
///
/// # Errors
/// ENOTSOCK where the file is no socket, ENOPROTOOPT where it has no such option.
pub(super) fn socket_option<const N: usize>(
    socket: BorrowedFd<'_>,
    level: libc::c_int,
    name: libc::c_int,
) -> io::Result<([u8; N], usize)> {
    let mut value = [0_u8; N];
    let mut length = libc::socklen_t::try_from(N).unwrap_or(libc::socklen_t::MAX);
    // SAFETY: the descriptor is open as long as it is borrowed; the kernel writes `length` bytes
    // at most, which is the length of the array, and how many it wrote into `length`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            level,
            name,
            value.as_mut_ptr().cast(),
            &raw mut length,
        )
    };
    if answer < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok((value, usize::try_from(length).unwrap_or(N).min(N)))
}

/// Waits until SIGINT comes, or for so long (sigtimedwait(2)). The signal stays blocked afterwards, in
/// this thread and in those that it starts, so that one that comes meanwhile ends the next wait.
pub(super) fn wait_for_interrupt(time: Duration) -> bool {
    let begun = Instant::now();
    let mut set = MaybeUninit::<libc::sigset_t>::uninit();
    // SAFETY: sigemptyset(3) initializes the set, to which the others then add or refer; no old mask
    // is asked for.
    let set = unsafe {
        libc::sigemptyset(set.as_mut_ptr());
        libc::sigaddset(set.as_mut_ptr(), libc::SIGINT);
        let set = set.assume_init();
        libc::pthread_sigmask(libc::SIG_BLOCK, &raw const set, std::ptr::null_mut());
        set
    };
    loop {
        let left = time.saturating_sub(begun.elapsed());
        let left = libc::timespec {
            tv_sec: libc::time_t::try_from(left.as_secs()).unwrap_or(libc::time_t::MAX),
            tv_nsec: left.subsec_nanos().into(),
        };
        // SAFETY: the set and the time live until the call returns; nothing else is written.
        let signal =
            unsafe { libc::sigtimedwait(&raw const set, std::ptr::null_mut(), &raw const left) };
        if signal == libc::SIGINT {
            return true;
        }
        // Another signal was handled: SIGWINCH, or SIGCONT after a stop.
        if io::Error::last_os_error().raw_os_error() != Some(libc::EINTR) {
            return false;
        }
    }
}

#[cfg(test)]
#[allow(clippy::print_stderr, reason = "skips are printed")]
mod tests {
    use std::os::fd::AsFd;
    use std::os::linux::fs::MetadataExt;

    use super::*;

    #[test]
    fn threads_of_a_process_share_their_descriptors_and_other_processes_do_not() {
        let own = std::process::id();
        let thread = rustix::thread::gettid().as_raw_nonzero().get().cast_unsigned();
        match compare_tables(own, thread) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                eprintln!("skipped: kcmp(2): {error}");
            }
            order => assert_eq!(order.unwrap(), Ordering::Equal),
        }
        let gone = compare_tables(own, u32::MAX).unwrap_err();
        assert_eq!(gone.raw_os_error(), Some(libc::ESRCH));
    }

    #[test]
    fn a_duplicate_is_the_same_file_and_another_is_not() {
        let number = |file: &std::fs::File| file.as_raw_fd().cast_unsigned();
        let (file, other) =
            (std::fs::File::open("/dev/null").unwrap(), std::fs::File::open("/dev/null").unwrap());
        let duplicate = file.try_clone().unwrap();
        let own = std::process::id();
        let order = |with| compare_files((own, number(&file)), (own, number(with)));
        match order(&duplicate) {
            Err(error) if matches!(error.raw_os_error(), Some(libc::ENOSYS | libc::EPERM)) => {
                eprintln!("skipped: kcmp(2): {error}");
            }
            same => {
                assert_eq!(same.unwrap(), Ordering::Equal);
                assert_ne!(order(&other).unwrap(), Ordering::Equal);
            }
        }
    }

    #[test]
    fn a_namespace_has_an_owner() {
        let namespace = std::fs::File::open("/proc/thread-self/ns/net").unwrap();
        match namespace_owner(namespace.as_fd()) {
            Err(error) if error.raw_os_error() == Some(libc::EPERM) => {
                eprintln!("skipped: the owner is outside this user namespace");
            }
            owner => assert!(owner.is_ok(), "{owner:?}"),
        }
        let file = std::fs::File::open("/dev/null").unwrap();
        assert!(namespace_owner(file.as_fd()).is_err());
    }

    #[test]
    fn a_socket_option_comes_as_bytes() {
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        let read = socket_option::<4>(socket.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE).unwrap();
        assert_eq!(read, (libc::SOCK_DGRAM.to_ne_bytes(), 4));
        let file = std::fs::File::open("/dev/null").unwrap();
        let read = socket_option::<4>(file.as_fd(), libc::SOL_SOCKET, libc::SO_TYPE);
        assert_eq!(read.unwrap_err().raw_os_error(), Some(libc::ENOTSOCK));
    }

    #[test]
    fn what_is_opened_with_own_descriptors_is_not_in_the_process_s_table() {
        let name = |socket: &std::net::UdpSocket| {
            std::fs::read_link(format!("/proc/thread-self/fd/{}", socket.as_raw_fd())).unwrap()
        };
        let among = |name: &std::path::Path| {
            let descriptors = std::fs::read_dir("/proc/self/fd").unwrap();
            descriptors
                .filter_map(|entry| entry.unwrap().path().read_link().ok())
                .any(|it| it == name)
        };
        let shown = with_own_descriptors(|| {
            let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
            among(&name(&socket))
        });
        assert!(!shown.unwrap());
        let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
        assert!(among(&name(&socket)));
    }

    #[test]
    fn a_socket_has_its_network_namespace() {
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
