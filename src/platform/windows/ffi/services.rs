//! Services and sessions.

use std::{io, ptr};

use windows_sys::Win32::Foundation::ERROR_MORE_DATA;
use windows_sys::Win32::System::RemoteDesktop::{
    WTS_CURRENT_SERVER_HANDLE, WTS_SESSION_INFOW, WTSEnumerateSessionsW, WTSFreeMemory,
};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW,
    SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};

use super::wide;
use crate::model::Pid;

/// The sessions and the names of their stations: `Services`, `Console`, `RDP-Tcp#0`.
pub(in crate::platform::windows) fn sessions() -> Vec<(u32, Vec<u16>)> {
    let mut list: *mut WTS_SESSION_INFOW = ptr::null_mut();
    let mut count = 0;
    // SAFETY: on success the list holds `count` entries, whose names end in NUL and lie in the
    // same block, which is freed once, after the names are copied.
    unsafe {
        let server = WTS_CURRENT_SERVER_HANDLE;
        if WTSEnumerateSessionsW(server, 0, 1, &raw mut list, &raw mut count) == 0 {
            return Vec::new();
        }
        let count = usize::try_from(count).unwrap_or_default();
        let entries = std::slice::from_raw_parts(list, count);
        let named = entries.iter().filter(|entry| !entry.pWinStationName.is_null());
        let sessions = named.map(|entry| (entry.SessionId, wide(entry.pWinStationName))).collect();
        WTSFreeMemory(list.cast());
        sessions
    }
}

/// The running services and the processes that host them.
///
/// # Errors
/// The system's error, such as 5 for users who may not ask (EnumServicesStatusExW).
pub(in crate::platform::windows) fn services() -> io::Result<Vec<(Pid, Vec<u16>)>> {
    // SAFETY: no names are passed; the handle is checked, and closed once.
    unsafe {
        let manager = OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_ENUMERATE_SERVICE);
        if manager.is_null() {
            return Err(io::Error::last_os_error());
        }
        let services = list_services(manager);
        CloseServiceHandle(manager);
        services
    }
}

/// The services, a buffer at a time: `resume` takes the call up where it ended.
///
/// # Safety
/// `manager` is an open handle with the right to enumerate.
unsafe fn list_services(manager: SC_HANDLE) -> io::Result<Vec<(Pid, Vec<u16>)>> {
    let mut words = vec![0_u64; 8 * 1024];
    let size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
    let mut services = Vec::new();
    let (mut needed, mut count, mut resume) = (0, 0, 0);
    loop {
        // SAFETY: the buffer is `size` bytes long and aligned to 8. It is filled with `count`
        // entries, whose names end in NUL and lie in it too, also when there are more.
        let done = unsafe {
            let done = EnumServicesStatusExW(
                manager,
                SC_ENUM_PROCESS_INFO,
                SERVICE_WIN32,
                SERVICE_ACTIVE,
                words.as_mut_ptr().cast(),
                size,
                &raw mut needed,
                &raw mut count,
                &raw mut resume,
                ptr::null(),
            ) != 0;
            let error = io::Error::last_os_error();
            let more = error.raw_os_error().map(i32::cast_unsigned) == Some(ERROR_MORE_DATA);
            if !done && !more {
                return Err(error);
            }
            let first = words.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
            let count = usize::try_from(count).unwrap_or_default();
            for entry in std::slice::from_raw_parts(first, count) {
                let pid = Pid(entry.ServiceStatusProcess.dwProcessId);
                services.push((pid, wide(entry.lpServiceName)));
            }
            done
        };
        if done || count == 0 {
            return Ok(services);
        }
    }
}
