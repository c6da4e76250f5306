//! The console.

use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use windows_sys::Win32::System::Console::{
    CTRL_C_EVENT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetStdHandle,
    STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetConsoleMode,
};

/// Whether the console on stdout obeys escapes; asks it to.
pub(in crate::platform::windows) fn console_takes_escapes() -> bool {
    let mut mode = 0;
    // SAFETY: the handle is this process' own, and the mode is ours to write.
    unsafe {
        let console = GetStdHandle(STD_OUTPUT_HANDLE);
        GetConsoleMode(console, &raw mut mode) != 0
            && SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0
    }
}

/// Whether Ctrl-C was pressed since the first call, from which on it does not end this process any
/// more.
pub(in crate::platform::windows) fn was_interrupted() -> bool {
    static CATCHES: Once = Once::new();
    static PRESSED: AtomicBool = AtomicBool::new(false);
    unsafe extern "system" fn note(kind: u32) -> i32 {
        let is_own = kind == CTRL_C_EVENT;
        if is_own {
            PRESSED.store(true, Ordering::Relaxed);
        }
        i32::from(is_own)
    }
    CATCHES.call_once(|| {
        // SAFETY: the handler is a function of this program, which is never unloaded, and touches a
        // static flag only.
        unsafe { SetConsoleCtrlHandler(Some(note), 1) };
    });
    PRESSED.load(Ordering::Relaxed)
}
