//! A stand-in for Windows' `iphlpapi.dll` that answers from a script, so that tests decide what the
//! tables of sockets hold: rows, rubbish, errors, and tables that change between two calls.
//!
//! The script is the file that `PORTWHO_LAB` names, with a line for each answer: `NAME CODE BYTES`, the
//! bytes in hexadecimal. Calls with the same NAME are answered by its lines in turn, and by the last
//! one from then on. A NAME without a line has an empty table, or fails with 120
//! (ERROR_CALL_NOT_IMPLEMENTED) where no table is asked for. What is asked of calls that are given a
//! row is added to the file `PORTWHO_LAB` with `.log` behind it, as `NAME BYTES`.
//!
//! Once `SetTcpEntry` has succeeded, a line `closed NAME` answers before a line `NAME`.
#![cfg(windows)]
#![allow(unsafe_code, reason = "a library of the system is called with raw pointers")]
#![allow(non_snake_case, reason = "the names are Windows'")]

mod script;

use std::ffi::c_void;
use std::ptr;

use script::{Answer, answer, log, mark_closed, peek};

const NO_ERROR: u32 = 0;
const ERROR_FILE_NOT_FOUND: u32 = 2;
const ERROR_CALL_NOT_IMPLEMENTED: u32 = 120;
const ERROR_INSUFFICIENT_BUFFER: u32 = 122;
const AF_INET6: u32 = 23;
/// `TCP_TABLE_OWNER_MODULE_ALL` and `UDP_TABLE_OWNER_MODULE`.
const TCP_MODULES: i32 = 8;
const UDP_MODULES: i32 = 2;

#[link(name = "kernel32")]
unsafe extern "system" {
    fn HeapAlloc(heap: *mut c_void, flags: u32, size: usize) -> *mut c_void;
}

/// `tcp4.pid`, `udp6.module`.
fn table_name(protocol: &str, family: u32, has_modules: bool) -> String {
    let family = if family == AF_INET6 { '6' } else { '4' };
    format!("{protocol}{family}.{}", if has_modules { "module" } else { "pid" })
}

/// Answers with a table as the documented calls do: too small a buffer is told the size, and the same
/// answer is due again. An answer with the code 122 tells a size of its own.
///
/// # Safety
/// `size` is valid, and `table` is null or `size` bytes long.
unsafe fn give(name: &str, table: *mut u8, size: *mut u32) -> u32 {
    let empty = Answer { code: NO_ERROR, bytes: Some(vec![0; 8]) };
    let next = peek(name).unwrap_or(empty);
    let bytes = next.bytes.unwrap_or_default();
    let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
    // SAFETY: by the caller; no more is written than was said to be there.
    unsafe {
        match next.code {
            NO_ERROR if table.is_null() || *size < length => {
                *size = length;
                return ERROR_INSUFFICIENT_BUFFER;
            }
            NO_ERROR => {
                ptr::copy_nonoverlapping(bytes.as_ptr(), table, bytes.len());
                *size = length;
            }
            ERROR_INSUFFICIENT_BUFFER => {
                *size = bytes.first_chunk().copied().map_or(0, u32::from_ne_bytes);
            }
            _ => {}
        }
    }
    answer(name);
    next.code
}

/// # Safety
/// As documented for the call.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetExtendedTcpTable(
    table: *mut c_void,
    size: *mut u32,
    _order: i32,
    family: u32,
    class: i32,
    _reserved: u32,
) -> u32 {
    let name = table_name("tcp", family, class == TCP_MODULES);
    // SAFETY: by the caller.
    unsafe { give(&name, table.cast(), size) }
}

/// # Safety
/// As documented for the call.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn GetExtendedUdpTable(
    table: *mut c_void,
    size: *mut u32,
    _order: i32,
    family: u32,
    class: i32,
    _reserved: u32,
) -> u32 {
    let name = table_name("udp", family, class == UDP_MODULES);
    // SAFETY: by the caller.
    unsafe { give(&name, table.cast(), size) }
}

/// Gives a table that the caller frees from its heap. An answer of success without bytes stores a
/// null pointer.
///
/// # Safety
/// As for [`InternalGetBoundTcpEndpointTable`].
unsafe fn give_block(name: &str, table: *mut *mut c_void, heap: *mut c_void, flags: u32) -> u32 {
    let Some(answer) = answer(name) else { return ERROR_CALL_NOT_IMPLEMENTED };
    // SAFETY: by the caller; the block is as long as what is copied into it.
    unsafe {
        *table = ptr::null_mut();
        if let (NO_ERROR, Some(bytes)) = (answer.code, answer.bytes) {
            let block = HeapAlloc(heap, flags, bytes.len());
            if !block.is_null() {
                ptr::copy_nonoverlapping(bytes.as_ptr(), block.cast(), bytes.len());
            }
            *table = block;
        }
    }
    answer.code
}

/// # Safety
/// `table` is valid, and `heap` is a heap of the process.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InternalGetBoundTcpEndpointTable(
    table: *mut *mut c_void,
    heap: *mut c_void,
    flags: u32,
) -> u32 {
    // SAFETY: by the caller.
    unsafe { give_block("bound4", table, heap, flags) }
}

/// # Safety
/// As for [`InternalGetBoundTcpEndpointTable`].
#[unsafe(no_mangle)]
pub unsafe extern "system" fn InternalGetBoundTcp6EndpointTable(
    table: *mut *mut c_void,
    heap: *mut c_void,
    flags: u32,
) -> u32 {
    // SAFETY: by the caller.
    unsafe { give_block("bound6", table, heap, flags) }
}

/// # Safety
/// `row` points to a `MIB_TCPROW`.
#[unsafe(no_mangle)]
pub unsafe extern "system" fn SetTcpEntry(row: *const c_void) -> u32 {
    // SAFETY: a row has five numbers of 32 bits.
    log("SetTcpEntry", unsafe { std::slice::from_raw_parts(row.cast(), 20) });
    let code = answer("SetTcpEntry").map_or(ERROR_CALL_NOT_IMPLEMENTED, |answer| answer.code);
    if code == NO_ERROR {
        mark_closed();
    }
    code
}

/// The name of a module in UTF-16, behind the two pointers of `TCPIP_OWNER_MODULE_BASIC_INFO`. Both are
/// the same name here.
///
/// # Safety
/// `row` is `length` bytes long, and `buffer` and `size` are as documented.
unsafe fn give_module(
    name: &str,
    (row, length): (*const c_void, usize),
    buffer: *mut c_void,
    size: *mut u32,
) -> u32 {
    /// Two pointers.
    const HEAD: usize = 16;
    // SAFETY: by the caller.
    log(name, unsafe { std::slice::from_raw_parts(row.cast(), length) });
    let Some(next) = peek(name) else { return ERROR_CALL_NOT_IMPLEMENTED };
    let text = next.bytes.unwrap_or_default();
    let whole = u32::try_from(HEAD + text.len()).unwrap_or(u32::MAX);
    // SAFETY: by the caller; no more is written than was said to be there.
    unsafe {
        if next.code == NO_ERROR && (buffer.is_null() || *size < whole) {
            *size = whole;
            return ERROR_INSUFFICIENT_BUFFER;
        }
        if next.code == NO_ERROR {
            let place = buffer.cast::<u8>().add(HEAD);
            ptr::copy_nonoverlapping(text.as_ptr(), place, text.len());
            let pointers = buffer.cast::<*mut u8>();
            pointers.write_unaligned(place);
            pointers.add(1).write_unaligned(place);
        }
    }
    answer(name);
    next.code
}

macro_rules! owner_modules {
    ($($call:ident $name:literal $length:literal)*) => {$(
        /// # Safety
        /// As documented for the call.
        #[unsafe(no_mangle)]
        pub unsafe extern "system" fn $call(
            row: *const c_void,
            _class: i32,
            buffer: *mut c_void,
            size: *mut u32,
        ) -> u32 {
            // SAFETY: by the caller; the rows have these lengths.
            unsafe { give_module($name, (row, $length), buffer, size) }
        }
    )*};
}

owner_modules! {
    GetOwnerModuleFromTcpEntry "owner.tcp4" 160
    GetOwnerModuleFromTcp6Entry "owner.tcp6" 192
    GetOwnerModuleFromUdpEntry "owner.udp4" 160
    GetOwnerModuleFromUdp6Entry "owner.udp6" 176
}

/// No answer: the program imports it, and asks for the tables above.
#[unsafe(no_mangle)]
pub extern "system" fn GetTcpTable(_table: *mut c_void, _size: *mut u32, _order: i32) -> u32 {
    ERROR_CALL_NOT_IMPLEMENTED
}

/// No answer, as [`GetTcpTable`].
#[unsafe(no_mangle)]
pub extern "system" fn GetUdpTable(_table: *mut c_void, _size: *mut u32, _order: i32) -> u32 {
    ERROR_CALL_NOT_IMPLEMENTED
}

/// No interface has a name here.
#[unsafe(no_mangle)]
pub extern "system" fn ConvertInterfaceAliasToLuid(_alias: *const u16, _luid: *mut u64) -> u32 {
    ERROR_FILE_NOT_FOUND
}

/// No interface has an index here.
#[unsafe(no_mangle)]
pub extern "system" fn ConvertInterfaceLuidToIndex(_luid: *const u64, _index: *mut u32) -> u32 {
    ERROR_FILE_NOT_FOUND
}
