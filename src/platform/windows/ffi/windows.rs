//! Top-level windows, which are asked to close.

use std::io;

use windows_sys::Win32::Foundation::{HWND, LPARAM};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GW_OWNER, GetWindow, GetWindowThreadProcessId, IsWindowVisible, PostMessageW,
    WM_CLOSE,
};

use crate::model::Pid;

/// The visible windows of a process that belong to no other window.
fn top_level_windows(pid: Pid) -> Vec<HWND> {
    struct Search {
        pid: u32,
        found: Vec<HWND>,
    }
    unsafe extern "system" fn visit(window: HWND, search: LPARAM) -> i32 {
        // SAFETY: EnumWindows passes on the address of the search below, which outlives it and
        // is used by nobody else meanwhile.
        let search = unsafe { &mut *(search as *mut Search) };
        let mut pid = 0;
        // SAFETY: the number is ours to write; a window that is gone gives 0.
        let is_top_level = unsafe {
            GetWindowThreadProcessId(window, &raw mut pid);
            IsWindowVisible(window) != 0 && GetWindow(window, GW_OWNER).is_null()
        };
        if is_top_level && pid == search.pid {
            search.found.push(window);
        }
        1
    }
    let mut search = Search { pid: pid.0, found: Vec::new() };
    // SAFETY: the callback and its argument live until the call returns.
    unsafe { EnumWindows(Some(visit), &raw mut search as LPARAM) };
    search.found
}

/// Whether a process has a visible window that can be asked to close.
pub(in crate::platform::windows) fn has_window(pid: Pid) -> bool {
    !top_level_windows(pid).is_empty()
}

/// Asks the windows of a process to close.
///
/// # Errors
/// The system's error, when none could be asked, or when there is none any more.
pub(in crate::platform::windows) fn close_windows(pid: Pid) -> io::Result<()> {
    let mut result = Err(io::Error::other("it no longer has a window"));
    for window in top_level_windows(pid) {
        // SAFETY: the message carries no pointers; a window that is gone is an error.
        let posted = unsafe { PostMessageW(window, WM_CLOSE, 0, 0) } != 0;
        if posted {
            result = Ok(());
        } else if result.is_err() {
            result = Err(io::Error::last_os_error());
        }
    }
    result
}
