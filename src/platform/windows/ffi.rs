//! Every call into Windows that needs `unsafe`, each behind a function that does not.
//!
//! What comes back as a table is handed on as bytes, for the decoders to check. System messages
//! are never read: they differ by language.

#![allow(unsafe_code)]

use std::ffi::{CStr, OsString, c_void};
use std::io;
use std::mem;
use std::net::SocketAddrV4;
use std::os::windows::ffi::OsStringExt;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::path::PathBuf;
use std::ptr;
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use windows_sys::Wdk::System::SystemInformation::{
    NtQuerySystemInformation, SystemProcessInformation,
};
use windows_sys::Wdk::System::Threading::{
    NtQueryInformationProcess, ProcessBreakOnTermination, ProcessCommandLineInformation,
};
use windows_sys::Win32::Foundation::{
    ERROR_INSUFFICIENT_BUFFER, ERROR_INVALID_DATA, ERROR_MORE_DATA, FILETIME, HANDLE, HWND, LPARAM,
    LUID, NO_ERROR, RtlNtStatusToDosError, STATUS_BUFFER_OVERFLOW, STATUS_BUFFER_TOO_SMALL,
    STATUS_INFO_LENGTH_MISMATCH, STATUS_INVALID_INFO_CLASS, STATUS_NOT_IMPLEMENTED, STATUS_SUCCESS,
    UNICODE_STRING, WAIT_OBJECT_0, WAIT_TIMEOUT,
};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceLuidToIndex, GetExtendedTcpTable,
    GetExtendedUdpTable, MIB_TCP_STATE_DELETE_TCB, MIB_TCP6ROW_OWNER_MODULE, MIB_TCPROW_LH,
    MIB_TCPROW_LH_0, MIB_TCPROW_OWNER_MODULE, MIB_UDP6ROW_OWNER_MODULE, MIB_UDPROW_OWNER_MODULE,
    SetTcpEntry, TCP_TABLE_OWNER_MODULE_ALL, TCPIP_OWNER_MODULE_BASIC_INFO,
    TCPIP_OWNER_MODULE_INFO_BASIC, TCPIP_OWNER_MODULE_INFO_CLASS, UDP_TABLE_OWNER_MODULE,
};
use windows_sys::Win32::NetworkManagement::Ndis::NET_LUID_LH;
use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetLengthSid, GetTokenInformation, IsValidSid, LUID_AND_ATTRIBUTES,
    LookupAccountSidW, LookupPrivilegeValueW, PSID, SE_DEBUG_NAME, SE_PRIVILEGE_ENABLED,
    TOKEN_ACCESS_MASK, TOKEN_ADJUST_PRIVILEGES, TOKEN_ELEVATION, TOKEN_INFORMATION_CLASS,
    TOKEN_PRIVILEGES, TOKEN_QUERY, TOKEN_USER, TokenElevation, TokenUser,
};
use windows_sys::Win32::System::Console::{
    CTRL_C_EVENT, ENABLE_VIRTUAL_TERMINAL_PROCESSING, GetConsoleMode, GetStdHandle,
    STD_OUTPUT_HANDLE, SetConsoleCtrlHandler, SetConsoleMode,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::Memory::{GetProcessHeap, HeapFree, HeapSize};
use windows_sys::Win32::System::RemoteDesktop::{
    WTS_CURRENT_SERVER_HANDLE, WTS_PROCESS_INFOW, WTS_SESSION_INFOW, WTSEnumerateProcessesExW,
    WTSEnumerateSessionsW, WTSFreeMemory, WTSFreeMemoryExW, WTSTypeProcessInfoLevel0,
};
use windows_sys::Win32::System::Services::{
    CloseServiceHandle, ENUM_SERVICE_STATUS_PROCESSW, EnumServicesStatusExW, OpenSCManagerW,
    SC_ENUM_PROCESS_INFO, SC_HANDLE, SC_MANAGER_ENUMERATE_SERVICE, SERVICE_ACTIVE, SERVICE_WIN32,
};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;
use windows_sys::Win32::System::Threading::{
    GetCurrentProcess, GetProcessTimes, OpenProcess, OpenProcessToken, PROCESS_ACCESS_RIGHTS,
    PROCESS_NAME_WIN32, QueryFullProcessImageNameW, TerminateProcess, WaitForSingleObject,
};
use windows_sys::Win32::UI::WindowsAndMessaging::{
    EnumWindows, GW_OWNER, GetWindow, GetWindowThreadProcessId, IsWindowVisible, PostMessageW,
    WM_CLOSE,
};

use crate::model::{Family, Pid, Protocol};

/// Every session (`WTS_ANY_SESSION` of wtsapi32.h).
const WTS_ANY_SESSION: u32 = 0xffff_fffe;

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
        // An empty table is asked for its size alone (GetExtendedTcpTable).
        let buffer =
            if words.is_empty() { ptr::null_mut() } else { words.as_mut_ptr().cast::<c_void>() };
        // SAFETY: the buffer is `size` bytes long, and aligned as the tables' 64-bit fields
        // want it; with a size of 0 it is null.
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
            NO_ERROR => return Ok(bytes(&words)),
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

/// The index of an interface by its alias, which is also its number in a scope (RFC 4007).
pub(super) fn interface_index(alias: &str) -> Option<u32> {
    let alias: Vec<u16> = alias.encode_utf16().chain([0]).collect();
    let mut luid = NET_LUID_LH { Value: 0 };
    let mut index = 0;
    // SAFETY: the alias ends with a NUL, and `luid` is written to.
    let status = unsafe { ConvertInterfaceAliasToLuid(alias.as_ptr(), &raw mut luid) };
    if status != NO_ERROR {
        return None;
    }
    // SAFETY: both are valid for the call; `index` is written to.
    let status = unsafe { ConvertInterfaceLuidToIndex(&raw const luid, &raw mut index) };
    (status == NO_ERROR).then_some(index)
}

/// Deletes the TCP connection with these two ends, and returns the system's error, 0 for none.
pub(super) fn delete_connection(local: SocketAddrV4, foreign: SocketAddrV4) -> u32 {
    // Addresses and ports are in network order, a port in the lower half of its field
    // (MIB_TCPROW_LH).
    let address = |end: SocketAddrV4| u32::from_ne_bytes(end.ip().octets());
    let port = |end: SocketAddrV4| u32::from(end.port().to_be());
    let row = MIB_TCPROW_LH {
        Anonymous: MIB_TCPROW_LH_0 { State: MIB_TCP_STATE_DELETE_TCB },
        dwLocalAddr: address(local),
        dwLocalPort: port(local),
        dwRemoteAddr: address(foreign),
        dwRemotePort: port(foreign),
    };
    // SAFETY: the row is ours, complete, and only read.
    unsafe { SetTcpEntry(&raw const row) }
}

/// The signature of the two calls for bound endpoints, as `netstat -q` uses them.
type BoundTable = unsafe extern "system" fn(*mut *mut c_void, *mut c_void, u32) -> u32;

/// The bound endpoints of TCP, as `MIB_TCPTABLE2` or `MIB_TCP6TABLE2`; none where the system
/// does not have the call. A success that stores no table says that there are none.
///
/// # Errors
/// The system's error.
pub(super) fn bound_table(family: Family) -> io::Result<Option<Vec<u8>>> {
    let name = match family {
        Family::V4 => c"InternalGetBoundTcpEndpointTable",
        Family::V6 => c"InternalGetBoundTcp6EndpointTable",
    };
    let Some(address) = export(c"iphlpapi.dll", name) else { return Ok(None) };
    // SAFETY: the exports have this signature, (table, heap, heap flags), in System Informer's
    // headers (phnt), after netstat's own use; Windows documents neither.
    let call: BoundTable = unsafe { mem::transmute(address) };
    let mut table: *mut c_void = ptr::null_mut();
    // SAFETY: the call stores a block of the given heap, which is ours from then on, or a null
    // pointer. The block's size is asked of the heap, the bytes are copied, and it is freed once.
    unsafe {
        let heap = GetProcessHeap();
        let status = call(&raw mut table, heap, 0);
        if table.is_null() {
            return if status == NO_ERROR { Ok(Some(Vec::new())) } else { Err(os_error(status)) };
        }
        let size = HeapSize(heap, 0, table);
        let bytes = (size != usize::MAX && status == NO_ERROR)
            .then(|| std::slice::from_raw_parts(table.cast::<u8>(), size).to_vec());
        HeapFree(heap, 0, table);
        match bytes {
            Some(bytes) => Ok(Some(bytes)),
            None if status == NO_ERROR => Err(os_error(ERROR_INVALID_DATA)),
            None => Err(os_error(status)),
        }
    }
}

/// The signature of GetOwnerModuleFromTcpEntry and its kin, which differ in the row alone.
type OwnerModule = unsafe extern "system" fn(
    *const c_void,
    TCPIP_OWNER_MODULE_INFO_CLASS,
    *mut c_void,
    *mut u32,
) -> u32;

/// The name of the module that created a socket, from its row exactly as [`owner_module_table`] returned
/// it: in a process that hosts services that of the service (GetOwnerModuleFromTcpEntry). None where
/// nothing is known of it, and under Wine, where these calls end the process.
pub(super) fn owner_module(protocol: Protocol, family: Family, row: &[u8]) -> Option<Vec<u16>> {
    let (name, length) = match (protocol, family) {
        (Protocol::Tcp, Family::V4) => {
            (c"GetOwnerModuleFromTcpEntry", size_of::<MIB_TCPROW_OWNER_MODULE>())
        }
        (Protocol::Tcp, Family::V6) => {
            (c"GetOwnerModuleFromTcp6Entry", size_of::<MIB_TCP6ROW_OWNER_MODULE>())
        }
        (Protocol::Udp, Family::V4) => {
            (c"GetOwnerModuleFromUdpEntry", size_of::<MIB_UDPROW_OWNER_MODULE>())
        }
        (Protocol::Udp, Family::V6) => {
            (c"GetOwnerModuleFromUdp6Entry", size_of::<MIB_UDP6ROW_OWNER_MODULE>())
        }
    };
    if row.len() != length || is_wines_own(c"iphlpapi.dll") {
        return None;
    }
    let address = export(c"iphlpapi.dll", name)?;
    // SAFETY: the exports have this signature by their documentation, apart from the type of the row.
    let call: OwnerModule = unsafe { mem::transmute(address) };
    let row: Vec<u64> =
        row.as_chunks::<8>().0.iter().map(|chunk| u64::from_ne_bytes(*chunk)).collect();
    let mut words = vec![0_u64; 128];
    for _ in 0..TRIES {
        let mut size = u32::try_from(words.len() * 8).ok()?;
        // SAFETY: the row has the length of its type and is aligned to its numbers of 64 bits; the buffer
        // is `size` bytes long and aligned to the pointers that it begins with.
        let status = unsafe {
            call(
                row.as_ptr().cast(),
                TCPIP_OWNER_MODULE_INFO_BASIC,
                words.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        match status {
            NO_ERROR => return module_name(&words),
            ERROR_INSUFFICIENT_BUFFER => {
                let bytes = usize::try_from(size).ok()?;
                words = vec![0; bytes.max(words.len() * 8) / 8 + 64];
            }
            _ => return None,
        }
    }
    None
}

/// The name in a `TCPIP_OWNER_MODULE_BASIC_INFO` at the start of a buffer, which holds the text too.
fn module_name(words: &[u64]) -> Option<Vec<u16>> {
    // SAFETY: the buffer is aligned to 8 and longer than the structure, whose pointers are only compared.
    let info = unsafe { words.as_ptr().cast::<TCPIP_OWNER_MODULE_BASIC_INFO>().read() };
    let start = info.pModuleName.addr().checked_sub(words.as_ptr().addr())?;
    let all = bytes(words);
    let units = all.get(start..)?.as_chunks::<2>().0.iter().map(|unit| u16::from_ne_bytes(*unit));
    let name: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    (!name.is_empty()).then_some(name)
}

/// Whether a library is Wine's and not one of Windows' or of a test: its own begin with a mark (Wine's
/// winebuild, spec32.c).
fn is_wines_own(library: &CStr) -> bool {
    /// Behind the header of DOS, which is 64 bytes long.
    const PLACE: usize = 64;
    const MARK: &[u8] = b"Wine builtin DLL";
    // SAFETY: the name ends in NUL. A module begins with its headers, which are mapped for reading and
    // longer than these bytes, because a header of PE follows them.
    unsafe {
        let module = GetModuleHandleA(library.as_ptr().cast());
        !module.is_null()
            && std::slice::from_raw_parts(module.cast::<u8>().add(PLACE), MARK.len()) == MARK
    }
}

/// A function that a library of this process exports, found by its name: some versions of Windows lack
/// it.
fn export(library: &CStr, name: &CStr) -> Option<unsafe extern "system" fn() -> isize> {
    // SAFETY: both names end in NUL. A library that is not loaded gives a null handle, which has no
    // exports.
    unsafe {
        let library = GetModuleHandleA(library.as_ptr().cast());
        if library.is_null() { None } else { GetProcAddress(library, name.as_ptr().cast()) }
    }
}

/// The directory of the system's own programs (GetSystemDirectoryW): no environment variable, which
/// whoever starts this program may set.
///
/// # Errors
/// The system's error.
pub(super) fn system_directory() -> io::Result<PathBuf> {
    let mut path = vec![0_u16; 260];
    for _ in 0..TRIES {
        let size = u32::try_from(path.len()).unwrap_or(u32::MAX);
        // SAFETY: the buffer is `size` units long.
        let length = unsafe { GetSystemDirectoryW(path.as_mut_ptr(), size) };
        match usize::try_from(length) {
            Ok(0) | Err(_) => return Err(io::Error::last_os_error()),
            // The length of what was written, without its NUL.
            Ok(length) if length < path.len() => {
                path.truncate(length);
                return Ok(PathBuf::from(OsString::from_wide(&path)));
            }
            // The length that is needed, with it.
            Ok(length) => path = vec![0; length],
        }
    }
    Err(os_error(ERROR_INSUFFICIENT_BUFFER))
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

    /// The path of its program, as long as it may be. The limited right suffices
    /// (QueryFullProcessImageNameW).
    pub(super) fn image_path(&self) -> Option<Vec<u16>> {
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
    pub(super) fn command_line(&self) -> Option<Vec<u16>> {
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
    pub(super) fn user(&self) -> Option<Vec<u8>> {
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

/// Copies a security identifier.
///
/// # Safety
/// `sid` is null, or points to a SID.
unsafe fn sid(sid: PSID) -> Option<Vec<u8>> {
    // SAFETY: by the caller; the length is asked only of what is valid (GetLengthSid), and is that of
    // the whole SID.
    unsafe {
        if sid.is_null() || IsValidSid(sid) == 0 {
            return None;
        }
        let length = usize::try_from(GetLengthSid(sid)).ok()?;
        Some(std::slice::from_raw_parts(sid.cast::<u8>(), length).to_vec())
    }
}

/// The account of a security identifier: domain and name, as Windows has them, in its own language. It
/// may ask a domain controller, and take as long as that (LookupAccountSidW, remarks).
pub(super) fn account(sid: &[u8]) -> Option<(Vec<u16>, Vec<u16>)> {
    // The length follows from the second byte, the number of subauthorities (SID).
    if sid.len() < 8 || sid.len() != 8 + 4 * usize::from(*sid.get(1)?) {
        return None;
    }
    let words: Vec<u32> =
        sid.as_chunks::<4>().0.iter().map(|chunk| u32::from_ne_bytes(*chunk)).collect();
    let (mut name, mut domain) = ([0_u16; 257], [0_u16; 257]);
    let (mut name_length, mut domain_length) = (257, 257);
    let mut kind = 0;
    // SAFETY: the SID is as long as it says, and aligned to its numbers; names and lengths are ours,
    // and describe each other.
    let found = unsafe {
        let sid = words.as_ptr().cast_mut().cast::<c_void>();
        IsValidSid(sid) != 0
            && LookupAccountSidW(
                ptr::null(),
                sid,
                name.as_mut_ptr(),
                &raw mut name_length,
                domain.as_mut_ptr(),
                &raw mut domain_length,
                &raw mut kind,
            ) != 0
    };
    found.then(|| (until_nul(&domain), until_nul(&name)))
}

/// The users of processes, as far as the terminal services tell: all of them to an administrator
/// (WTSEnumerateProcessesExW), without a handle of any.
pub(super) fn users() -> Vec<(Pid, Vec<u8>)> {
    let mut list: *mut WTS_PROCESS_INFOW = ptr::null_mut();
    let (mut level, mut count) = (0, 0);
    // SAFETY: of level 0 the list holds `count` WTS_PROCESS_INFOW, whose SIDs lie in the same block.
    // It is freed once, by the call for its level, after the SIDs are copied.
    unsafe {
        let server = WTS_CURRENT_SERVER_HANDLE;
        let known = WTSEnumerateProcessesExW(
            server,
            &raw mut level,
            WTS_ANY_SESSION,
            (&raw mut list).cast(),
            &raw mut count,
        );
        if known == 0 || list.is_null() {
            return Vec::new();
        }
        let length = usize::try_from(count).unwrap_or_default();
        let entries = std::slice::from_raw_parts(list, length);
        let user = |entry: &WTS_PROCESS_INFOW| Some((Pid(entry.ProcessId), sid(entry.pUserSid)?));
        let users = entries.iter().filter_map(user).collect();
        WTSFreeMemoryExW(WTSTypeProcessInfoLevel0, list.cast(), count);
        users
    }
}

/// Whether this process is elevated.
pub(super) fn is_elevated() -> bool {
    // SAFETY: the pseudo handle of this process needs no closing.
    let Some(token) = token(unsafe { GetCurrentProcess() }, TOKEN_QUERY) else { return false };
    let Some(words) = token_information(&token, TokenElevation) else { return false };
    // SAFETY: TokenElevation fills the buffer, aligned to 8 bytes, with a TOKEN_ELEVATION.
    unsafe { (*words.as_ptr().cast::<TOKEN_ELEVATION>()).TokenIsElevated != 0 }
}

/// Enables SeDebugPrivilege, which elevated users have and which lets them open the processes
/// of other users (OpenProcess, remarks). Without it nothing changes.
pub(super) fn enable_debug_privilege() {
    // SAFETY: the pseudo handle of this process needs no closing; the privilege's number is
    // ours to write, and the list of one privilege is as long as it says.
    unsafe {
        let access = TOKEN_QUERY | TOKEN_ADJUST_PRIVILEGES;
        let Some(token) = token(GetCurrentProcess(), access) else { return };
        let mut number = LUID::default();
        if LookupPrivilegeValueW(ptr::null(), SE_DEBUG_NAME, &raw mut number) == 0 {
            return;
        }
        let privilege = LUID_AND_ATTRIBUTES { Luid: number, Attributes: SE_PRIVILEGE_ENABLED };
        let wanted = TOKEN_PRIVILEGES { PrivilegeCount: 1, Privileges: [privilege] };
        let raw = token.as_raw_handle();
        AdjustTokenPrivileges(raw, 0, &raw const wanted, 0, ptr::null_mut(), ptr::null_mut());
    }
}

fn token(process: HANDLE, access: TOKEN_ACCESS_MASK) -> Option<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the process is open; the token is checked before it is owned.
    unsafe {
        (OpenProcessToken(process, access, &raw mut token) != 0)
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

/// The system's list of processes, as `SYSTEM_PROCESS_INFORMATION`, and the address that the
/// names in it count from. It tells of every process, also to those who may open none.
///
/// # Errors
/// The system's error.
pub(super) fn process_list() -> io::Result<(Vec<u8>, u64)> {
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
///
/// # Errors
/// The system's error, such as 5 for users who may not ask (EnumServicesStatusExW).
pub(super) fn services() -> io::Result<Vec<(Pid, Vec<u16>)>> {
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
/// The system's error, when none could be asked, or when there is none any more.
pub(super) fn close_windows(pid: Pid) -> io::Result<()> {
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

/// Whether Ctrl-C was pressed since the first call, from which on it does not end this process any
/// more.
pub(super) fn was_interrupted() -> bool {
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

/// The same memory as bytes, copied.
fn bytes(words: &[u64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(words.len() * 8);
    for word in words {
        bytes.extend_from_slice(&word.to_ne_bytes());
    }
    bytes
}

fn until_nul(units: &[u16]) -> Vec<u16> {
    units.iter().copied().take_while(|&unit| unit != 0).collect()
}

fn os_error(code: u32) -> io::Error {
    io::Error::from_raw_os_error(code.cast_signed())
}
