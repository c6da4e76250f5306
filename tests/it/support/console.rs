//! The program in a console of its own on Windows: a pseudo-console, whose screen is read as the escapes
//! that draw it, and whose keys are typed as a terminal sends them.

#![expect(unsafe_code, reason = "no crate that is used here wraps the calls for consoles")]

use std::ffi::OsStr;
use std::fs::OpenOptions;
use std::io::{self, PipeWriter, Read, Write};
use std::os::windows::ffi::OsStrExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::Path;
use std::process::{self, Command};
use std::sync::{Arc, Mutex, PoisonError};
use std::{env, ptr, thread};

use windows_sys::Win32::Foundation::WAIT_OBJECT_0;
use windows_sys::Win32::System::Console::{
    COORD, ClosePseudoConsole, CreatePseudoConsole, HPCON, ResizePseudoConsole,
};
use windows_sys::Win32::System::Threading::{
    CreateProcessW, DeleteProcThreadAttributeList, EXTENDED_STARTUPINFO_PRESENT,
    GetExitCodeProcess, InitializeProcThreadAttributeList, PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE,
    PROCESS_INFORMATION, STARTF_USESTDHANDLES, STARTUPINFOEXW, TerminateProcess,
    UpdateProcThreadAttribute, WaitForSingleObject,
};

/// The word by which the test binary knows that it is to start the program in its own console.
const ROLE: &str = "in-console";

/// Plays the role, if this process was started for it: `in-console PROGRAM WORDS...` runs the program on
/// the console, whatever the streams of this process are, and ends as it does.
pub fn played() -> bool {
    let mut words = env::args_os().skip(1);
    if words.next().is_none_or(|word| word != ROLE) {
        return false;
    }
    let open = |name| OpenOptions::new().read(true).write(true).open(name).expect("a console");
    let mut command = Command::new(words.next().expect("a program"));
    command.args(words).stdin(open("CONIN$")).stdout(open("CONOUT$")).stderr(open("CONOUT$"));
    let status = command.status().expect("start the program");
    process::exit(status.code().unwrap_or(1));
}

/// A program in a console. Both end with their guard.
pub struct Console {
    console: HPCON,
    process: OwnedHandle,
    keys: PipeWriter,
    screen: Arc<Mutex<Vec<u8>>>,
}

impl Console {
    /// Starts `program WORDS` in a console of this size.
    ///
    /// # Errors
    /// When there are no pseudo-consoles here.
    pub fn start(program: &Path, words: &[&str], columns: i16, rows: i16) -> io::Result<Self> {
        let (input, keys) = io::pipe()?;
        let (mut drawn, output) = io::pipe()?;
        let mut console: HPCON = 0;
        let size = COORD { X: columns, Y: rows };
        // SAFETY: both handles are open, and the console takes copies of them.
        let answer = unsafe {
            let (input, output) = (input.as_raw_handle(), output.as_raw_handle());
            CreatePseudoConsole(size, input, output, 0, &raw mut console)
        };
        if answer < 0 {
            return Err(io::Error::from_raw_os_error(answer));
        }
        drop((input, output));
        let process = spawn(console, program, words)?;
        let screen = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&screen);
        thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(length @ 1..) = drawn.read(&mut bytes) {
                let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
                seen.extend(&bytes[..length]);
            }
        });
        Ok(Self { console, process, keys, screen })
    }

    /// Types this.
    #[track_caller]
    pub fn type_in(&mut self, text: &str) {
        self.keys.write_all(text.as_bytes()).and_then(|()| self.keys.flush()).expect("type");
    }

    /// All that was drawn so far.
    pub fn drawn(&self) -> Vec<u8> {
        self.screen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Gives the console another size.
    ///
    /// # Errors
    /// When it keeps its own.
    pub fn resize(&self, columns: i16, rows: i16) -> io::Result<()> {
        // SAFETY: the console is open.
        let answer = unsafe { ResizePseudoConsole(self.console, COORD { X: columns, Y: rows }) };
        if answer < 0 { Err(io::Error::from_raw_os_error(answer)) } else { Ok(()) }
    }

    /// Its exit code, if it has ended.
    pub fn code(&self) -> Option<u32> {
        let mut code = 0;
        let handle = self.process.as_raw_handle();
        // SAFETY: the handle is open, and the code is ours to write.
        unsafe {
            let has_ended = WaitForSingleObject(handle, 0) == WAIT_OBJECT_0;
            (has_ended && GetExitCodeProcess(handle, &raw mut code) != 0).then_some(code)
        }
    }
}

impl Drop for Console {
    fn drop(&mut self) {
        // SAFETY: both are open, and closed here for the only time.
        unsafe {
            TerminateProcess(self.process.as_raw_handle(), 1);
            ClosePseudoConsole(self.console);
        }
    }
}

fn spawn(console: HPCON, program: &Path, words: &[&str]) -> io::Result<OwnedHandle> {
    let own = env::current_exe()?;
    let (own, program) = (own.display(), program.display());
    let line = format!("\"{own}\" {ROLE} \"{program}\" {}", words.join(" "));
    let mut line: Vec<u16> = OsStr::new(&line).encode_wide().chain([0]).collect();
    let mut size = 0;
    let mut startup = STARTUPINFOEXW::default();
    startup.StartupInfo.cb = u32::try_from(size_of_val(&startup)).expect("a size");
    // Its streams are those of the console, and not copies of this process's.
    startup.StartupInfo.dwFlags = STARTF_USESTDHANDLES;
    let mut started = PROCESS_INFORMATION::default();
    // SAFETY: the first call tells the size of the list, which the second initializes and which lives
    // until it is deleted; the command line ends in NUL; what is started is ours to write.
    let answer = unsafe {
        InitializeProcThreadAttributeList(ptr::null_mut(), 1, 0, &raw mut size);
        let mut list = vec![0_u64; size.div_ceil(8)];
        startup.lpAttributeList = list.as_mut_ptr().cast();
        let attributes = startup.lpAttributeList;
        if InitializeProcThreadAttributeList(attributes, 1, 0, &raw mut size) == 0 {
            return Err(io::Error::last_os_error());
        }
        let attribute = usize::try_from(PROC_THREAD_ATTRIBUTE_PSEUDOCONSOLE).expect("a number");
        let value = console as *const _;
        let length = size_of::<HPCON>();
        let (none, null) = (ptr::null_mut(), ptr::null());
        UpdateProcThreadAttribute(attributes, 0, attribute, value, length, none, null);
        let answer = CreateProcessW(
            ptr::null(),
            line.as_mut_ptr(),
            ptr::null(),
            ptr::null(),
            0,
            EXTENDED_STARTUPINFO_PRESENT,
            ptr::null(),
            ptr::null(),
            &raw const startup.StartupInfo,
            &raw mut started,
        );
        DeleteProcThreadAttributeList(attributes);
        answer
    };
    if answer == 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: both handles were just made for this process.
    unsafe {
        drop(OwnedHandle::from_raw_handle(started.hThread));
        Ok(OwnedHandle::from_raw_handle(started.hProcess))
    }
}
