//! Every call into Windows that needs `unsafe`, each behind a function that does not.
//!
//! What comes back as a table is handed on as bytes, for the decoders to check. System messages
//! are never read: they differ by language.

#![allow(unsafe_code)]

use std::ffi::c_void;
use std::io;
use std::mem;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::time::Duration;

use windows_sys::Wdk::System::Threading::{NtQueryInformationProcess, ProcessBreakOnTermination};
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, FILETIME, HANDLE, HWND, INVALID_HANDLE_VALUE, LPARAM, NO_ERROR,
    WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    GetExtendedTcpTable, GetExtendedUdpTable, TCP_TABLE_OWNER_MODULE_ALL, UDP_TABLE_OWNER_MODULE,
};
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::Security::{
    GetTokenInformation, LookupAccountSidW, TOKEN_ELEVATION, TOKEN_INFORMATION_CLASS, TOKEN_QUERY,
    TOKEN_USER, TokenElevation, TokenUser,
};
use windows_sys::Win32::System::Console::{
    ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetStdHandle, STD_OUTPUT_HANDLE,
    SetConsoleMode,
};
use windows_sys::Win32::System::Diagnostics::ToolHelp::{
    CreateToolhelp32Snapshot, PROCESSENTRY32W, Process32FirstW, Process32NextW, TH32CS_SNAPPROCESS,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapFree, HeapSize};
use windows_sys::Win32::System::RemoteDesktop::{
    ProcessIdToSessionId, WTS_CURRENT_SERVER_HANDLE, WTS_SESSION_INFOW, WTSEnumerateSessionsW,
    WTSFreeMemory,
};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW,
    SC_ENUM_PROCESS_INFO, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, OpenProcessToken, PROCESS_ACCESS_RIGHTS,
    TerminateProcess, WaitForSingleObject,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GW_OWNER, GetWindow, GetWindowThreadProcessId, IsWindowVisible, PostMessageW,
    WM_CLOSE,
};

use crate::model::{Family, Pid, Protocol};

/// How often a table that grows meanwhile is asked for again.
const TRIES: usize = 8;

/// A table of sockets with owner and creation time, as `MIB_*TABLE_OWNER_MODULE`.
///
/// # Errors
/// The system's error.
pub(super) fn owner_module_table(protocol: Protocol, family: Family) -> io::Result<Vec<u8>> {
    let address_family = u32::from(match family {
        Family::V4 => AF_INET,
        Family::V6 => AF_INET6,
    });
    let mut words: Vec<u64> = Vec::new();
    for _ in 0..TRIES {
        let mut size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
        let buffer = words.as_mut_ptr().cast::<c_void>();
        // SAFETY: the buffer is `size` bytes long, and aligned as the tables' 64-bit fields
        // want it; with a size of 0 it is not touched (GetExtendedTcpTable, remarks).
        let status = unsafe {
            match protocol {
                Protocol::Tcp => GetExtendedTcpTable(
                    buffer,
                    &raw mut size,
                    0,
                    address_family,
                    TCP_TABLE_OWNER_MODULE_ALL,
                    0,
                ),
                Protocol::Udp => GetExtendedUdpTable(
                    buffer,
                    &raw mut size,
                    0,
                    address_family,
                    UDP_TABLE_OWNER_MODULE,
                    0,
                ),
            }
        };
        match status {
            NO_ERROR => return Ok(words.iter().flat_map(|word| word.to_ne_bytes()).collect()),
            ERROR_INSUFFICIENT_BUFFER => {
                let bytes = usize::try_from(size).unwrap_or_default();
                // Room for sockets that are opened before the next call.
                words = vec![0; bytes / 8 + 512];
            }
            error => return Err(os_error(error)),
        }
    }
    Err(os_error(ERROR_INSUFFICIENT_BUFFER))
}

/// The signature of the two calls for bound endpoints, as `netstat -q` uses them.
type BoundTable = unsafe extern "system" fn(*mut *mut c_void, *mut c_void, u32) -> u32;

/// The bound endpoints of TCP, as `MIB_TCPTABLE2` or `MIB_TCP6TABLE2`; none where the system
/// does not have the call.
pub(super) fn bound_table(family: Family) -> Option<Vec<u8>> {
    let name = match family {
        Family::V4 => c"InternalGetBoundTcpEndpointTable",
        Family::V6 => c"InternalGetBoundTcp6EndpointTable",
    };
    let library: Vec<u16> = "iphlpapi.dll\0".encode_utf16().collect();
    // SAFETY: both names end in NUL; the library is loaded, since this file links to it.
    let address =
        unsafe { GetProcAddress(GetModuleHandleW(library.as_ptr()), name.as_ptr().cast()) }?;
    // SAFETY: the exports have this signature (netstat and System Informer call them so).
    let call: BoundTable = unsafe { mem::transmute(address) };
    let mut table: *mut c_void = ptr::null_mut();
    // SAFETY: the call stores a block of the given heap, which is ours from then on. Its size
    // is asked of the heap, the bytes are copied, and it is freed once.
    unsafe {
        let heap = GetProcessHeap();
        if call(&raw mut table, heap, 0) != NO_ERROR || table.is_null() {
            return None;
        }
        let size = HeapSize(heap, 0, table);
        let bytes = (size != usize::MAX)
            .then(|| std::slice::from_raw_parts(table.cast::<u8>(), size).to_vec());
        HeapFree(heap, 0, table);
        bytes
    }
}

/// A process that is open; it is closed on drop.
#[derive(Debug)]
pub(super) struct Process(OwnedHandle);

impl Process {
    /// Opens a process.
    ///
    /// # Errors
    /// The system's error: 87 for a PID that nobody has, 5 where it is denied.
    pub(super) fn open(pid: Pid, access: PROCESS_ACCESS_RIGHTS) -> io::Result<Self> {
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
    pub(super) fn created(&self) -> Option<u64> {
        let mut times = [FILETIME::default(); 4];
        let [created, exited, kernel, user] = &mut times;
        // SAFETY: the handle is open, and the four times are ours to write.
        let known = unsafe { GetProcessTimes(self.raw(), created, exited, kernel, user) };
        let ticks = u64::from(created.dwHighDateTime) << 32 | u64::from(created.dwLowDateTime);
        (known != 0 && ticks != 0).then_some(ticks)
    }

    /// Whether the system ends with it (ProcessBreakOnTermination, which IsProcessCritical
    /// asks for too; that call is missing under Wine, and aborts there).
    pub(super) fn is_critical(&self) -> bool {
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
    pub(super) fn terminate(&self, code: u32) -> io::Result<()> {
        // SAFETY: the handle is open, with the right to terminate or the call fails.
        let done = unsafe { TerminateProcess(self.raw(), code) };
        if done == 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits for its exit, and returns whether it has exited.
    ///
    /// # Errors
    /// The system's error.
    pub(super) fn wait(&self, timeout: Duration) -> io::Result<bool> {
        // u32::MAX would be for ever.
        let milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX - 1);
        // SAFETY: the handle is open.
        match unsafe { WaitForSingleObject(self.raw(), milliseconds) } {
            WAIT_OBJECT_0 => Ok(true),
            WAIT_TIMEOUT => Ok(false),
            _ => Err(io::Error::last_os_error()),
        }
    }

    /// The account it runs as: domain and name.
    pub(super) fn account(&self) -> Option<(Vec<u16>, Vec<u16>)> {
        let token = token(self.raw())?;
        let words = token_information(&token, TokenUser)?;
        let (mut name, mut domain) = ([0_u16; 256], [0_u16; 256]);
        let (mut name_length, mut domain_length) = (256, 256);
        let mut kind = 0;
        // SAFETY: TokenUser fills the buffer with a TOKEN_USER, aligned to 8 bytes, whose SID
        // lies in the same buffer; names and lengths are ours, and describe each other.
        let found = unsafe {
            let user = words.as_ptr().cast::<TOKEN_USER>();
            LookupAccountSidW(
                ptr::null(),
                (*user).User.Sid,
                name.as_mut_ptr(),
                &raw mut name_length,
                domain.as_mut_ptr(),
                &raw mut domain_length,
                &raw mut kind,
            )
        };
        (found != 0).then(|| (until_nul(&domain), until_nul(&name)))
    }
}

/// Whether this process is elevated.
pub(super) fn is_elevated() -> bool {
    // SAFETY: the pseudo handle of this process needs no closing.
    let Some(token) = token(unsafe { GetCurrentProcess() }) else { return false };
    let Some(words) = token_information(&token, TokenElevation) else { return false };
    // SAFETY: TokenElevation fills the buffer, aligned to 8 bytes, with a TOKEN_ELEVATION.
    unsafe { (*words.as_ptr().cast::<TOKEN_ELEVATION>()).TokenIsElevated != 0 }
}

fn token(process: HANDLE) -> Option<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the process is open; the token is checked before it is owned.
    unsafe {
        (OpenProcessToken(process, TOKEN_QUERY, &raw mut token) != 0)
            .then(|| OwnedHandle::from_raw_handle(token))
    }
}

/// What a token says of itself, in a buffer that is aligned to 8 bytes.
fn token_information(token: &OwnedHandle, class: TOKEN_INFORMATION_CLASS) -> Option<Vec<u64>> {
    let mut words = vec![0_u64; 64];
    let mut length = 0;
    let size = u32::try_from(words.len() * 8).ok()?;
    // SAFETY: the buffer is `size` bytes long; a longer answer is refused, not written.
    let known = unsafe {
        GetTokenInformation(
            token.as_raw_handle(),
            class,
            words.as_mut_ptr().cast(),
            size,
            &raw mut length,
        )
    };
    (known != 0).then_some(words)
}

/// An entry of the system's list of processes.
#[derive(Debug)]
pub(super) struct ListedProcess {
    pub(super) pid: Pid,
    pub(super) parent: Pid,
    pub(super) name: Vec<u16>,
}

/// Every process, also those that may not be opened.
///
/// # Errors
/// The system's error.
pub(super) fn list_processes() -> io::Result<Vec<ListedProcess>> {
    // SAFETY: no pointers are passed; the handle is checked before it is owned.
    let snapshot = unsafe {
        let handle = CreateToolhelp32Snapshot(TH32CS_SNAPPROCESS, 0);
        if handle == INVALID_HANDLE_VALUE {
            return Err(io::Error::last_os_error());
        }
        OwnedHandle::from_raw_handle(handle)
    };
    let mut entry = PROCESSENTRY32W {
        dwSize: u32::try_from(size_of::<PROCESSENTRY32W>()).unwrap_or_default(),
        ..PROCESSENTRY32W::default()
    };
    let mut processes = Vec::new();
    // SAFETY: the snapshot is open, and the entry says how large it is.
    let mut more = unsafe { Process32FirstW(snapshot.as_raw_handle(), &raw mut entry) };
    while more != 0 {
        processes.push(ListedProcess {
            pid: Pid(entry.th32ProcessID),
            parent: Pid(entry.th32ParentProcessID),
            name: until_nul(&entry.szExeFile),
        });
        // SAFETY: as above.
        more = unsafe { Process32NextW(snapshot.as_raw_handle(), &raw mut entry) };
    }
    Ok(processes)
}

/// The session of a process.
pub(super) fn session_id(pid: Pid) -> Option<u32> {
    let mut session = 0;
    // SAFETY: the number is ours to write.
    (unsafe { ProcessIdToSessionId(pid.0, &raw mut session) } != 0).then_some(session)
}

/// The sessions and the names of their stations: `Services`, `Console`, `RDP-Tcp#0`.
pub(super) fn sessions() -> Vec<(u32, Vec<u16>)> {
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
pub(super) fn services() -> Vec<(Pid, Vec<u16>)> {
    // SAFETY: no names are passed; the handle is checked, and closed once.
    unsafe {
        let manager = OpenSCManagerW(ptr::null(), ptr::null(), SC_MANAGER_ENUMERATE_SERVICE);
        if manager.is_null() {
            return Vec::new();
        }
        let mut words = vec![0_u64; 8 * 1024];
        let mut services = Vec::new();
        let mut resume = 0;
        for _ in 0..TRIES {
            let (mut needed, mut count) = (0, 0);
            let size = u32::try_from(words.len() * 8).unwrap_or(u32::MAX);
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
            );
            // The buffer holds `count` entries, whose names end in NUL and lie in it too, also
            // when there are more than it has room for.
            let count = usize::try_from(count).unwrap_or_default();
            let first = words.as_ptr().cast::<ENUM_SERVICE_STATUS_PROCESSW>();
            for entry in std::slice::from_raw_parts(first, count) {
                let pid = Pid(entry.ServiceStatusProcess.dwProcessId);
                services.push((pid, wide(entry.lpServiceName)));
            }
            if done != 0 || resume == 0 {
                break;
            }
        }
        CloseServiceHandle(manager);
        services
    }
}

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
pub(super) fn has_window(pid: Pid) -> bool {
    !top_level_windows(pid).is_empty()
}

/// Asks the windows of a process to close.
///
/// # Errors
/// The system's error, when one could not be asked, or when there are none any more.
pub(super) fn close_windows(pid: Pid) -> io::Result<()> {
    let mut result = Err(io::Error::other("it has no window any more"));
    for window in top_level_windows(pid) {
        // SAFETY: the message carries no pointers; a window that is gone is an error.
        let posted = unsafe { PostMessageW(window, WM_CLOSE, 0, 0) } != 0;
        result = if posted { Ok(()) } else { Err(io::Error::last_os_error()) };
    }
    result
}

/// Whether the console on stdout obeys escapes; asks it to.
pub(super) fn console_takes_escapes() -> bool {
    let mut mode = 0;
    // SAFETY: the handle is this process' own, and the mode is ours to write.
    unsafe {
        let console = GetStdHandle(STD_OUTPUT_HANDLE);
        GetConsoleMode(console, &raw mut mode) != 0
            && SetConsoleMode(console, mode | ENABLE_VIRTUAL_TERMINAL_PROCESSING) != 0
    }
}

/// Copies a string that ends in NUL.
///
/// # Safety
/// `text` points to such a string, or is null.
unsafe fn wide(text: *const u16) -> Vec<u16> {
    if text.is_null() {
        return Vec::new();
    }
    let mut length = 0;
    // SAFETY: every unit up to the NUL may be read.
    unsafe {
        while *text.add(length) != 0 {
            length += 1;
        }
        std::slice::from_raw_parts(text, length).to_vec()
    }
}

fn until_nul(units: &[u16]) -> Vec<u16> {
    units.iter().copied().take_while(|&unit| unit != 0).collect()
}

fn os_error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}
