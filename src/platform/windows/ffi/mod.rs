//! Every call into Windows that needs `unsafe`, each behind a function that does not.
//!
//! What comes back as a table is handed on as bytes, for the decoders to check. System messages
//! are never read: they differ by language.

#![allow(unsafe_code)]

mod accounts;
mod console;
mod modules;
mod pipes;
mod processes;
mod registry;
mod services;
mod tables;
mod windows;

use std::ffi::{CStr, OsString};
use std::io;
use std::os::windows::ffi::OsStringExt;
use std::path::PathBuf;

use windows_sys::Win32::Foundation::ERROR_INSUFFICIENT_BUFFER;
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleA, GetProcAddress};
use windows_sys::Win32::System::SystemInformation::GetSystemDirectoryW;

pub(super) use accounts::{account, enable_debug_privilege, is_elevated, users};
pub(super) use console::{console_takes_escapes, on_end, was_interrupted};
pub(super) use modules::owner_module;
pub(in crate::platform) use pipes::is_read;
pub(super) use processes::{Process, process_list};
pub(super) use registry::texts;
pub(super) use services::{services, sessions};
pub(super) use tables::{bound_table, delete_connection, interface_index, owner_module_table};
pub(super) use windows::{close_windows, has_window};

/// How often a table that grows meanwhile is asked for again.
const TRIES: usize = 8;

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
