//! What can become of a socket that is to be closed from outside.

use thiserror::Error;

use super::PlatformError;

/// Why a socket was not closed.
#[derive(Debug, Error)]
pub enum CloseError {
    /// The system finds no such socket: most often it is gone already.
    #[error("the system cannot find it")]
    NotFound,
    /// The system forbids it.
    #[error("permission denied")]
    NotPermitted,
    /// The kernel cannot close sockets: it was built without `INET_DIAG_DESTROY`, or is older
    /// than Linux 4.5.
    #[error("this kernel cannot close sockets: it lacks INET_DIAG_DESTROY")]
    NoDestroy,
    /// The system closes sockets, and none of this protocol or in this state: Linux those of
    /// UDP since 4.9, those in TIME_WAIT since 6.0, of which an orphaned FIN_WAIT_2 is one;
    /// Windows TCP over IPv4 only.
    #[error("this system cannot close such sockets")]
    OtherKind,
    /// The socket was not read from sock_diag, so that nothing names this very one.
    #[error("without sock_diag it cannot be distinguished from a newer socket")]
    Unnamed,
    /// Any other failure.
    #[error(transparent)]
    Failed(#[from] PlatformError),
}
