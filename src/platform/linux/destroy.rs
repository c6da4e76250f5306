//! Closing sockets from outside: `SOCK_DESTROY` of sock_diag(7).
//!
//! The connection ends immediately (`tcp_abort` and `udp_abort` in the kernel). `tcp_need_reset`
//! says in which states the peer gets a RST; in all others nothing is sent. The descriptor stays, and
//! with it the port, where the process bound it by number. The request carries the socket's cookie, so that it never hits another
//! socket at the same ends.

use std::io;
use std::net::{IpAddr, Ipv4Addr};

use rustix::io::Errno;

use super::sock_diag::{DumpError, SockDiag};
use crate::model::{Endpoint, Family, Protocol, Socket};
use crate::platform::decode::{inet_request, kernel_release};
use crate::platform::{CloseError, PlatformError};

/// How many foreign ports are tried for a listener that shares its port. The kernel hashes them
/// to choose one of the listeners (`reuseport_select_sock`), and no other field names one.
const GUESSES: u16 = 1024;

/// The first version whose `tcp_abort` ends an orphan. Earlier ones discard what it has to retransmit,
/// and leave it with nothing that ends it (commit bac76cf89816). Whether an older kernel has the change
/// carried back cannot be seen, so the version decides.
const ENDS_ORPHANS: (u32, u32) = (6, 11);

/// Whether this kernel ends orphans that are asked to be closed; no where its version is unknown.
pub(super) fn ends_orphans() -> bool {
    let uname = rustix::system::uname();
    let release = uname.release().to_str().ok();
    release.and_then(kernel_release::version).is_some_and(|version| version >= ENDS_ORPHANS)
}

/// Closes each of `sockets`; the answers are in their order.
pub(super) fn close(sockets: &[&Socket]) -> Vec<Result<(), CloseError>> {
    let mut diag = match SockDiag::open() {
        Ok(diag) => diag,
        Err(error) => return sockets.iter().map(|_| Err(refused(copy(&error)))).collect(),
    };
    sockets.iter().map(|socket| close_one(&mut diag, socket)).collect()
}

fn close_one(diag: &mut SockDiag, socket: &Socket) -> Result<(), CloseError> {
    match (destroy(diag, socket)?, socket.foreign) {
        (Answer::Done, _) => Ok(()),
        (Answer::NotFound, Some(_)) => Err(CloseError::NotFound),
        (Answer::NotFound, None) => close_among_others(diag, socket),
        (Answer::NotSupported, _) if closes_any(diag) => Err(CloseError::OtherKind),
        (Answer::NotSupported, _) => Err(CloseError::NoDestroy),
    }
}

/// A listener that shares its port with others (SO_REUSEPORT): the kernel looks one of them up, and
/// finds no cookie but its own.
fn close_among_others(diag: &mut SockDiag, socket: &Socket) -> Result<(), CloseError> {
    for port in 1..=GUESSES {
        let foreign = Some(Endpoint::wildcard(socket.family(), port));
        if destroy(diag, &Socket { foreign, ..socket.clone() })? == Answer::Done {
            return Ok(());
        }
    }
    Err(CloseError::NotFound)
}

/// Whether this kernel closes sockets at all: it is asked to close one that cannot exist. One
/// that can says that there is none; one that cannot says so, and looks for none.
fn closes_any(diag: &mut SockDiag) -> bool {
    let nowhere = Endpoint::wildcard(Family::V4, 0);
    let nobody = Endpoint::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
    let nothing =
        Socket { foreign: Some(nowhere), cookie: Some(0), ..Socket::at(Protocol::Tcp, nobody) };
    matches!(destroy(diag, &nothing), Ok(Answer::Done | Answer::NotFound))
}

/// What the kernel says to a request that was sound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Answer {
    Done,
    NotFound,
    NotSupported,
}

fn destroy(diag: &mut SockDiag, socket: &Socket) -> Result<Answer, CloseError> {
    let request = inet_request::encode_exact(socket).ok_or(CloseError::Unnamed)?;
    let number = diag.destroy(&request).map_err(|error| match error {
        DumpError::Refused(error) | DumpError::Kernel(error) => refused(error),
        DumpError::NoHandler => CloseError::Unnamed,
        DumpError::Decode(source) => {
            let what = "cannot understand the answer of sock_diag".to_owned();
            PlatformError::Decode { what, source }.into()
        }
    })?;
    answer(number)
}

/// The meaning of an error number; 0 is none.
fn answer(number: i32) -> Result<Answer, CloseError> {
    let is_one_of = |errors: [Errno; 2]| errors.iter().any(|error| error.raw_os_error() == number);
    if number == 0 {
        Ok(Answer::Done)
    } else if number == Errno::NOENT.raw_os_error() {
        Ok(Answer::NotFound)
    } else if is_one_of([Errno::OPNOTSUPP, Errno::INVAL]) {
        // Before Linux 4.5 the message itself is unknown, which is EINVAL.
        Ok(Answer::NotSupported)
    } else if is_one_of([Errno::PERM, Errno::ACCESS]) {
        Err(CloseError::NotPermitted)
    } else {
        Err(refused(io::Error::from_raw_os_error(number)))
    }
}

fn refused(error: io::Error) -> CloseError {
    PlatformError::io("cannot close it over netlink", error).into()
}

/// An error of the system once more; there is one for each socket.
fn copy(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_forbidden_and_what_cannot_be_done_are_distinguished() {
        assert!(matches!(answer(0), Ok(Answer::Done)));
        assert!(matches!(answer(2), Ok(Answer::NotFound)));
        for number in [95, 22] {
            assert!(matches!(answer(number), Ok(Answer::NotSupported)), "{number}");
        }
        for number in [1, 13] {
            assert!(matches!(answer(number), Err(CloseError::NotPermitted)), "{number}");
        }
        for number in [105, 100_000, -1] {
            assert!(matches!(answer(number), Err(CloseError::Failed(_))), "{number}");
        }
    }
}
