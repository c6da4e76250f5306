//! Which module, or service, created a socket.

use std::ffi::{CStr, c_void};
use std::mem;

use windows_sys::Win32::Foundation::{ERROR_INSUFFICIENT_BUFFER, NO_ERROR};
use windows_sys::Win32::NetworkManagement::IpHelper::{
    MIB_TCP6ROW_OWNER_MODULE, MIB_TCPROW_OWNER_MODULE, MIB_UDP6ROW_OWNER_MODULE,
    MIB_UDPROW_OWNER_MODULE, TCPIP_OWNER_MODULE_BASIC_INFO, TCPIP_OWNER_MODULE_INFO_BASIC,
    TCPIP_OWNER_MODULE_INFO_CLASS,
};
use windows_sys::Win32::System::LibraryLoader::GetModuleHandleA;

use super::{TRIES, bytes, export};
use crate::model::{Family, Protocol};

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
pub(in crate::platform::windows) fn owner_module(
    protocol: Protocol,
    family: Family,
    row: &[u8],
) -> Option<Vec<u16>> {
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
