//! The console.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use windows_sys::Win32::System::Console::{
    CTRL_BREAK_EVENT, CTRL_C_EVENT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode,
    GetStdHandle, STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetConsoleMode,
};

use crate::platform::SystemRequest;

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

/// Who is told that this process is to end.
type Tell = Box<dyn Fn(SystemRequest) + Send>;

static TELL: Mutex<Option<Tell>> = Mutex::new(None);

/// How long the system waits for a process whose console is closed, at most
/// (SPI_GETHUNGAPPTIMEOUT, see HandlerRoutine).
const LONGEST: Duration = Duration::from_secs(5);

/// Calls `tell` when this process is to end: by Ctrl-Break, and when its console is closed. The handler is
/// called on a thread of the system's.
///
/// # Errors
/// When the system refuses.
pub(in crate::platform::windows) fn on_end(tell: Tell) -> io::Result<()> {
    unsafe extern "system" fn note(kind: u32) -> i32 {
        // Ctrl-C is a key where the terminal is taken over.
        if kind == CTRL_C_EVENT {
            return 0;
        }
        if let Some(tell) = TELL.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            tell(SystemRequest::End(i32::try_from(kind).unwrap_or_default()));
        }
        // When this returns for a console that is closed, the process is ended.
        if kind != CTRL_BREAK_EVENT {
            thread::sleep(LONGEST);
        }
        1
    }
    *TELL.lock().unwrap_or_else(PoisonError::into_inner) = Some(tell);
    // SAFETY: the handler is a function of this program, which is never unloaded.
    if unsafe { SetConsoleCtrlHandler(Some(note), 1) } == 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}
