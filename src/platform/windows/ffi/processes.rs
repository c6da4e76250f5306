//! Processes: their list, and what an open one tells and obeys.

use std::ffi::c_void;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::time::Duration;
use std::{io, ptr};

use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SystemProcessInformation,
};
use windows_sys::Wdk::System::Threading::{
    NtQueryInformationProcess, ProcessBreakOnTermination, ProcessCommandLineInformation,
};
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, FILETIME, HANDLE, RtlNtStatusToDosError, STATUS_BUFFER_OVERFLOW,
    STATUS_BUFFER_TOO_SMALL, STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_INFO_CLASS,
    STATUS_NOT_IMPLEMENTED, STATUS_SUCCESS, UNICODE_STRING, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::Security::{TOKEN_QUERY, TOKEN_USER, TokenUser};
use windows_sys::Win32::System::Threading::{
    GetProcessTimes, OpenProcess, PROCESS_ACCESS_RIGHTS, PROCESS_NAME_WIN32,
    QueryFullProcessImageNameW, TerminateProcess, WaitForSingleObject,
};

use super::accounts::{sid, token, token_information};
use super::{TRIES, bytes, os_error};
use crate::model::Pid;

/// A process that is open; it is closed on drop.
#[derive(Debug)]
pub(in crate::platform::windows) struct Process(OwnedHandle);

impl Process {
    /// Opens a process.
    ///
    /// # Errors
    /// The system's error: 87 for a PID that nobody has, 5 where it is denied.
    pub(in crate::platform::windows) fn open(
        pid: Pid,
        access: PROCESS_ACCESS_RIGHTS,
    ) -> io::Result<Self> {
        // SAFETY: no pointers are passed; the handle is checked before it is owned.
        unsafe {
            let handle = OpenProcess(access, 0, pid.0);
            if handle.is_null() {
                return Err(io::Error::last_os_error());
            }
            Ok(Self(OwnedHandle::from_raw_handle(handle)))
        }
    }

    fn raw(&self) -> HANDLE {
        self.0.as_raw_handle()
    }

    /// When it was created, in 100 ns since 1601.
    pub(in crate::platform::windows) fn created(&self) -> Option<u64> {
        let mut times = [FILETIME::default(); 4];
        let [created, exited, kernel, user] = &mut times;
        // SAFETY: the handle is open, and the four times are ours to write.
        let known = unsafe { GetProcessTimes(self.raw(), created, exited, kernel, user) };
        let ticks = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
        (known != 0 && ticks != 0).then_some(ticks)
    }

    /// Whether the system ends with it (ProcessBreakOnTermination, which IsProcessCritical
    /// asks for too; that call is missing under Wine, and aborts there).
    pub(in crate::platform::windows) fn is_critical(&self) -> bool {
        let mut critical: u32 = 0;
        let buffer = (&raw mut critical).cast::<c_void>();
        let length = u32::try_from(size_of::<u32>()).unwrap_or_default();
        // SAFETY: the handle is open, and the number is ours to write, as long as is said.
        let status = unsafe {
            NtQueryInformationProcess(
                self.raw(),
                ProcessBreakOnTermination,
                buffer,
                length,
                ptr::null_mut(),
            )
        };
        status >= 0 && critical != 0
    }

    /// Ends it with `code`.
    ///
    /// # Errors
    /// The system's error.
    pub(in crate::platform::windows) fn terminate(&self, code: u32) -> io::Result<()> {
        // SAFETY: the handle is open, with the right to terminate or the call fails.
        let done = unsafe { TerminateProcess(self.raw(), code) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits for its exit, and returns whether it has exited.
    ///
    /// # Errors
    /// The system's error.
    pub(in crate::platform::windows) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        // u32::MAX would be for ever.
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX - 1);
        // SAFETY: the handle is open.
        match unsafe { WaitForSingleObject(self.raw(), milliseconds) } {
            WAIT_OBJECT_0 => Ok(true),
            WAIT_TIMEOUT => Ok(false),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The path of its program, as long as it may be. The limited right suffices
    /// (QueryFullProcessImageNameW).
    pub(in crate::platform::windows) fn image_path(&self) -> Option<Vec<u16>> {
        // The longest path that the system has is 32,767 units ("Maximum Path Length Limitation").
        for length in [300_usize, 32_768] {
            let mut path = vec![0_u16; length];
            let mut size = u32::try_from(length).ok()?;
            // SAFETY: the handle is open, and the buffer is `size` units long.
            let known = unsafe {
                QueryFullProcessImageNameW(
                    self.raw(),
                    PROCESS_NAME_WIN32,
                    path.as_mut_ptr(),
                    &raw mut size,
                )
            };
            if known != 0 {
                path.truncate(usize::try_from(size).ok()?);
                return Some(path);
            }
            let error = io::Error::last_os_error().raw_os_error().map(i32::cast_unsigned);
            if error != Some(ERROR_INSUFFICIENT_BUFFER) {
                return None;
            }
        }
        None
    }

    /// Its command line as one text (ProcessCommandLineInformation of NtQueryInformationProcess, since
    /// Windows 8.1). The kernel copies it out of the process, so that the limited right suffices;
    /// reading the process environment block takes that to read its memory (System Informer's
    /// PhGetProcessCommandLine). Empty where the system lacks that class, as Wine does.
    pub(in crate::platform::windows) fn command_line(&self) -> Option<Vec<u16>> {
        let mut words = vec![0_u64; 128];
        for _ in 0..TRIES {
            let size = u32::try_from(words.len() * 8).ok()?;
            let mut needed = 0;
            // SAFETY: the handle is open, and the buffer is `size` bytes long and aligned to 8; a
            // longer answer is refused, and its length told.
            let status = unsafe {
                NtQueryInformationProcess(
                    self.raw(),
                    ProcessCommandLineInformation,
                    words.as_mut_ptr().cast(),
                    size,
                    &raw mut needed,
                )
            };
            match status {
                STATUS_SUCCESS => return text_behind(&words),
                STATUS_INFO_LENGTH_MISMATCH | STATUS_BUFFER_TOO_SMALL | STATUS_BUFFER_OVERFLOW => {
                    let needed = usize::try_from(needed).ok()?;
                    words = vec![0; needed.max(words.len() * 8) / 8 + 64];
                }
                STATUS_INVALID_INFO_CLASS | STATUS_NOT_IMPLEMENTED => return Some(Vec::new()),
                _ => return None,
            }
        }
        None
    }

    /// The security identifier of the account it runs as.
    pub(in crate::platform::windows) fn user(&self) -> Option<Vec<u8>> {
        let token = token(self.raw(), TOKEN_QUERY)?;
        let words = token_information(&token, TokenUser)?;
        // SAFETY: TokenUser fills the buffer with a TOKEN_USER, aligned to 8 bytes, whose SID lies in
        // the same buffer.
        unsafe { sid((*words.as_ptr().cast::<TOKEN_USER>()).User.Sid) }
    }
}

/// The text of a `UNICODE_STRING` at the start of a buffer that its units lie in too.
fn text_behind(words: &[u64]) -> Option<Vec<u16>> {
    // SAFETY: the buffer is aligned to 8 and longer than the structure, which is plain numbers and a
    // pointer that is only compared.
    let text = unsafe { words.as_ptr().cast::<UNICODE_STRING>().read() };
    let all = bytes(words);
    if text.Length == 0 {
        return Some(Vec::new());
    }
    let start = text.Buffer.addr().checked_sub(words.as_ptr().addr())?;
    let text = all.get(start..start.checked_add(usize::from(text.Length))?)?;
    let units = text.as_chunks::<2>().0.iter();
    Some(units.map(|unit| u16::from_ne_bytes(*unit)).collect())
}

/// The system's list of processes, as `SYSTEM_PROCESS_INFORMATION`, and the address that the
/// names in it count from. It tells of every process, also to those who may open none.
///
/// # Errors
/// The system's error.
pub(in crate::platform::windows) fn process_list() -> io::Result<(Vec<u8>, u64)> {
    let mut words: Vec<u64> = vec![0; 32 * 1024];
    for _ in 0..TRIES {
        let size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
        let address = words.as_mut_ptr();
        let mut needed = 0;
        // SAFETY: the buffer is `size` bytes long and aligned to 8; a longer list is refused,
        // and its length told (NtQuerySystemInformation, ReturnLength).
        let status = unsafe {
            NtQuerySystemInformation(
                SystemProcessInformation,
                address.cast(),
                size,
                &raw mut needed,
            )
        };
        match status {
            STATUS_SUCCESS => return Ok((bytes(&words), address.addr() as u64)),
            STATUS_INFO_LENGTH_MISMATCH => {
                let needed = usize::try_from(needed).unwrap_or_default();
                // Room for processes that are started before the next call.
                words = vec![0; needed.max(words.len() * 8) / 8 + 4 * 1024];
            }
            // SAFETY: no pointers are passed.
            status => return Err(os_error(unsafe { RtlNtStatusToDosError(status) })),
        }
    }
    Err(os_error(ERROR_INSUFFICIENT_BUFFER))
}
