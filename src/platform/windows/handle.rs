//! A process that was opened. While the handle is open, its PID is given to no other.

use std::io;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER};
use windows_sys::Win32::System::Threading::{
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
};

use super::{ffi, tables};
use crate::model::{Pid, Scope, Socket};
use crate::platform::{Ending, OpenProcess, PlatformError};

/// What `taskkill` gives as the exit code of the processes it ends.
const EXIT_CODE: u32 = 1;

/// A process that was opened.
#[derive(Debug)]
pub struct Handle {
    pid: Pid,
    process: ffi::Process,
}

impl Handle {
    pub(super) fn open(pid: Pid, birth: Option<u64>) -> Result<Self, PlatformError> {
        let access = PROCESS_TERMINATE | PROCESS_QUERY_LIMITED_INFORMATION | PROCESS_SYNCHRONIZE;
        let process =
            ffi::Process::open(pid, access).map_err(|error| denied_or_gone(pid, error))?;
        let handle = Self { pid, process };
        // A process that has exited can be opened as long as somebody holds a handle of it.
        let created = handle.process.created();
        let is_newcomer = birth.zip(created).is_some_and(|(birth, created)| birth != created);
        if is_newcomer || handle.wait_exit(Duration::ZERO)? {
            return Err(PlatformError::NoSuchProcess(pid));
        }
        Ok(handle)
    }

    fn gone_or<T>(&self, error: io::Error) -> Result<T, PlatformError> {
        if self.wait_exit(Duration::ZERO)? {
            return Err(PlatformError::NoSuchProcess(self.pid));
        }
        Err(denied_or_gone(self.pid, error))
    }
}

impl OpenProcess for Handle {
    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError> {
        if self.wait_exit(Duration::ZERO)? {
            return Err(PlatformError::NoSuchProcess(self.pid));
        }
        let now = tables::sockets(&Scope::everything())?;
        let is_own = |socket: &Socket| {
            socket.table_owner.is_some_and(|owner| owner.pid == self.pid)
                && sockets.iter().any(|wanted| wanted.is_same(socket))
        };
        Ok(now.sockets.iter().any(is_own))
    }

    fn end(&self, ending: Ending) -> Result<(), PlatformError> {
        let ended = match ending {
            Ending::CloseWindow => ffi::close_windows(self.pid),
            Ending::Signal(_) | Ending::Terminate => self.process.terminate(EXIT_CODE),
        };
        ended.or_else(|error| self.gone_or(error))
    }

    fn wait_exit(&self, timeout: Duration) -> Result<bool, PlatformError> {
        self.process
            .wait(timeout)
            .map_err(|error| PlatformError::io(format!("cannot wait for PID {}", self.pid), error))
    }
}

fn denied_or_gone(pid: Pid, error: io::Error) -> PlatformError {
    match error.raw_os_error().map(i32::cast_unsigned) {
        Some(ERROR_INVALID_PARAMETER) => PlatformError::NoSuchProcess(pid),
        Some(ERROR_ACCESS_DENIED) => PlatformError::NotPermitted,
        _ => PlatformError::io(format!("cannot open PID {pid}"), error),
    }
}
