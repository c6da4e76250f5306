//! What can go wrong between portwho and the system.

use std::io;

use thiserror::Error;

use super::decode::DecodeError;
use crate::model::{Pid, Signal};

/// What can go wrong between portwho and the system.
#[derive(Debug, Error)]
pub enum PlatformError {
    /// A call failed.
    #[error("{what}: {}", reason(.why))]
    Io {
        /// What was tried.
        what: String,
        /// The system's reason. It is in the text already: a `source` would be told once more.
        why: io::Error,
    },
    /// The kernel's answer makes no sense.
    #[error("{what}: {source}")]
    Decode {
        /// What was read.
        what: String,
        /// What is wrong with it.
        source: DecodeError,
    },
    /// Neither way to the sockets is open.
    #[error("netlink refused ({netlink}), and {proc}")]
    NoSockets {
        /// Why sock_diag did not answer.
        netlink: String,
        /// Why /proc/net did not.
        proc: String,
    },
    /// The kernel does not search for owners.
    #[error("the kernel cannot be asked for owners: {why}")]
    NoOwnerSearch {
        /// Its reason.
        why: String,
    },
    /// The process has exited.
    #[error("PID {0} has exited")]
    NoSuchProcess(Pid),
    /// The system forbids it.
    #[error("permission denied")]
    NotPermitted,
    /// The kernel can signal by bare PID only, which may hit a newcomer.
    #[error("this kernel cannot signal a process safely")]
    NoSafeSignal {
        /// The process.
        pid: Pid,
        /// What was to be sent.
        signal: Signal,
    },
}

/// The system's reason. Windows gives it in the user's language; there the number says the same
/// everywhere.
#[must_use]
pub fn reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(code) if cfg!(windows) => match windows_name(code) {
            Some(name) => format!("Windows error {code} ({name})"),
            None => format!("Windows error {code}"),
        },
        _ => error.to_string(),
    }
}

/// The name of an error that these calls give (winerror.h), by which its documentation is found.
const fn windows_name(code: i32) -> Option<&'static str> {
    Some(match code {
        2 => "ERROR_FILE_NOT_FOUND",
        5 => "ERROR_ACCESS_DENIED",
        6 => "ERROR_INVALID_HANDLE",
        8 => "ERROR_NOT_ENOUGH_MEMORY",
        13 => "ERROR_INVALID_DATA",
        50 => "ERROR_NOT_SUPPORTED",
        65 => "ERROR_NETWORK_ACCESS_DENIED",
        87 => "ERROR_INVALID_PARAMETER",
        120 => "ERROR_CALL_NOT_IMPLEMENTED",
        122 => "ERROR_INSUFFICIENT_BUFFER",
        232 => "ERROR_NO_DATA",
        299 => "ERROR_PARTIAL_COPY",
        317 => "ERROR_MR_MID_NOT_FOUND",
        1168 => "ERROR_NOT_FOUND",
        1722 => "RPC_S_SERVER_UNAVAILABLE",
        10013 => "WSAEACCES",
        10014 => "WSAEFAULT",
        10022 => "WSAEINVAL",
        10024 => "WSAEMFILE",
        10043 => "WSAEPROTONOSUPPORT",
        10047 => "WSAEAFNOSUPPORT",
        10048 => "WSAEADDRINUSE",
        10049 => "WSAEADDRNOTAVAIL",
        10050 => "WSAENETDOWN",
        10055 => "WSAENOBUFS",
        10106 => "WSAEPROVIDERFAILEDINIT",
        _ => return None,
    })
}

impl PlatformError {
    /// A failed call.
    pub(super) fn io(what: impl Into<String>, why: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), why: why.into() }
    }
}
