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
        Some(code) if cfg!(windows) => format!("Windows error {code}"),
        _ => error.to_string(),
    }
}

impl PlatformError {
    /// A failed call.
    pub(super) fn io(what: impl Into<String>, why: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), why: why.into() }
    }
}
