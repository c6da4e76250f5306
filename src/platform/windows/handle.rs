//! A process that was opened. While the handle is open, its PID is given to no other.

use std::io;
use std::time::Duration;

use windows_sys::Win32::Foundation::{ERROR_ACCESS_DENIED, ERROR_INVALID_PARAMETER};
use windows_sys::Win32::System::Threading::{
    PROCESS_QUERY_LIMITED_INFORMATION, PROCESS_SYNCHRONIZE, PROCESS_TERMINATE,
};

use super::{ffi, process, tables};
use crate::model::{Owner, Pid, Protocol, Scope, Socket, StateSet, UdpScope};
use crate::platform::decode::process_list::presence;
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
        let open = || ffi::Process::open(pid, access).map_err(|error| denied_or_gone(pid, error));
        let process = match open() {
            Err(PlatformError::NotPermitted) => {
                ffi::enable_debug_privilege();
                open()?
            }
            opened => opened?,
        };
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
        let now = tables::sockets(&scope_of(sockets))?;
        let listed = process::list()?;
        let is_own = |socket: &Socket| {
            let named = socket.table_owner.filter(|named| named.pid == self.pid);
            let owner = named.map(|named| Owner::by_table(named, presence(named, &listed)));
            owner.is_some_and(|owner| owner.pids().any(|pid| pid == self.pid))
                && socket.holds_port()
                && sockets.iter().any(|wanted| wanted.is_same(socket))
        };
        let holds = now.sockets.iter().any(is_own);
        match now.gaps.iter().find(|gap| gap.may_hide_rows()) {
            Some(_) if !holds => Err(PlatformError::io(
                format!("cannot tell what PID {} holds", self.pid),
                io::Error::other("a table of sockets cannot be read"),
            )),
            _ => Ok(holds),
        }
    }

    fn end(&self, ending: Ending) -> Result<(), PlatformError> {
        match ending {
            Ending::CloseWindow => ffi::close_windows(self.pid).map_err(|error| {
                PlatformError::io(format!("cannot close the windows of PID {}", self.pid), error)
            }),
            Ending::Signal(_) | Ending::Terminate => match self.process.terminate(EXIT_CODE) {
                // The right was granted when it was opened, so this says that it is ending.
                Err(error) if is(&error, ERROR_ACCESS_DENIED) => Ok(()),
                ended => ended.or_else(|error| self.gone_or(error)),
            },
        }
    }

    fn wait_exit(&self, timeout: Duration) -> Result<bool, PlatformError> {
        self.process
            .wait(timeout)
            .map_err(|error| PlatformError::io(format!("cannot wait for PID {}", self.pid), error))
    }
}

/// What has to be read to see these sockets again.
fn scope_of(sockets: &[&Socket]) -> Scope {
    let has = |protocol| sockets.iter().any(|socket| socket.protocol == protocol);
    Scope {
        tcp: if has(Protocol::Tcp) { StateSet::HOLDING } else { StateSet::NONE },
        udp: if has(Protocol::Udp) { UdpScope::Unconnected } else { UdpScope::None },
        ..Scope::everything()
    }
}

fn denied_or_gone(pid: Pid, error: io::Error) -> PlatformError {
    if is(&error, ERROR_INVALID_PARAMETER) {
        PlatformError::NoSuchProcess(pid)
    } else if is(&error, ERROR_ACCESS_DENIED) {
        PlatformError::NotPermitted
    } else {
        PlatformError::io(format!("cannot open PID {pid}"), error)
    }
}

fn is(error: &io::Error, code: u32) -> bool {
    error.raw_os_error() == Some(code.cast_signed())
}
