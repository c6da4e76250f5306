//! Closing connections from outside: SetTcpEntry with the state DELETE_TCB.
//!
//! It names a connection by its two ends alone, IPv4 only; a socket of another process may have
//! them by then, so the caller looks once more immediately before.

use std::io;
use std::net::{IpAddr, SocketAddrV4};

use windows_sys::Win32::Foundation::{
    ERROR_ACCESS_DENIED, ERROR_FILE_NOT_FOUND, ERROR_MR_MID_NOT_FOUND, ERROR_NETWORK_ACCESS_DENIED,
    ERROR_NOT_FOUND, NO_ERROR,
};

use super::ffi;
use crate::model::{Endpoint, Family, Protocol, Socket};
use crate::platform::{CloseError, PlatformError};

/// Closes one connection.
pub(super) fn close(socket: &Socket) -> Result<(), CloseError> {
    if socket.protocol == Protocol::Udp {
        return Err(CloseError::OtherKind);
    }
    let nowhere = Endpoint::wildcard(Family::V4, 0);
    let local = ipv4(&socket.local).ok_or(CloseError::OtherKind)?;
    let foreign = ipv4(&socket.foreign.unwrap_or(nowhere)).ok_or(CloseError::OtherKind)?;
    answer(ffi::delete_connection(local, foreign), ffi::is_elevated())
}

fn ipv4(end: &Endpoint) -> Option<SocketAddrV4> {
    match end.address {
        IpAddr::V4(address) => Some(SocketAddrV4::new(address, end.port)),
        IpAddr::V6(_) => None,
    }
}

/// The meaning of SetTcpEntry's error. 317, which stands for a message without a text, is what
/// it documents for callers that are not elevated.
fn answer(error: u32, is_elevated: bool) -> Result<(), CloseError> {
    match error {
        NO_ERROR => Ok(()),
        ERROR_ACCESS_DENIED | ERROR_NETWORK_ACCESS_DENIED => Err(CloseError::NotPermitted),
        ERROR_MR_MID_NOT_FOUND if !is_elevated => Err(CloseError::NotPermitted),
        ERROR_NOT_FOUND | ERROR_FILE_NOT_FOUND => Err(CloseError::NotFound),
        error => {
            let source = io::Error::from_raw_os_error(error.cast_signed());
            Err(PlatformError::io("SetTcpEntry refused it", source).into())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_want_of_rights_has_several_numbers() {
        for error in [5, 65, 317] {
            assert!(matches!(answer(error, false), Err(CloseError::NotPermitted)), "{error}");
        }
        assert!(matches!(answer(317, true), Err(CloseError::Failed(_))));
        assert!(matches!(answer(0, false), Ok(())));
    }
}
