//! The registry, as far as it is read: texts below HKEY_LOCAL_MACHINE, which only administrators write.
//!
//! The calls of windows-sys, which is here already, rather than a crate for the registry: those allocate
//! as much as a value says that it needs.

use std::io;
use std::ptr;

use windows_sys::Win32::Foundation::{
    ERROR_FILE_NOT_FOUND, ERROR_MORE_DATA, ERROR_NO_MORE_ITEMS, NO_ERROR,
};
use windows_sys::Win32::System::Registry::{
    HKEY, HKEY_LOCAL_MACHINE, KEY_QUERY_VALUE, REG_SZ, RegCloseKey, RegEnumValueW, RegOpenKeyExW,
};

use super::{os_error, until_nul};

/// So many units has the longest name of a value, with its NUL ("Registry element size limits").
const LONGEST_NAME: usize = 16_384;

/// So many units of a text are read; of a longer one nothing is.
const LONGEST_TEXT: usize = 1024;

/// So many values of one key are read.
const MOST: u32 = 4096;

/// The values of a key that are texts.
#[derive(Debug, Default)]
pub(in crate::platform::windows) struct Texts {
    /// Names and texts.
    pub(in crate::platform::windows) values: Vec<(Vec<u16>, Vec<u16>)>,
    /// How many other values there are, or texts that are too long.
    pub(in crate::platform::windows) others: usize,
    /// Whether there are more values than are read.
    pub(in crate::platform::windows) has_more: bool,
}

/// A key that is open.
struct Key(HKEY);

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key was opened, and is closed here alone.
        unsafe { RegCloseKey(self.0) };
    }
}

/// The texts of a key below HKEY_LOCAL_MACHINE; none where there is no such key.
///
/// # Errors
/// The system's error.
pub(in crate::platform::windows) fn texts(path: &str) -> io::Result<Texts> {
    let path: Vec<u16> = path.encode_utf16().chain([0]).collect();
    let mut key: HKEY = ptr::null_mut();
    // SAFETY: the path ends in NUL, and the key is ours to write. It is owned only where it was opened.
    let status = unsafe {
        RegOpenKeyExW(HKEY_LOCAL_MACHINE, path.as_ptr(), 0, KEY_QUERY_VALUE, &raw mut key)
    };
    match status {
        NO_ERROR => texts_of(&Key(key)),
        ERROR_FILE_NOT_FOUND => Ok(Texts::default()),
        status => Err(os_error(status)),
    }
}

fn texts_of(key: &Key) -> io::Result<Texts> {
    let mut texts = Texts::default();
    let (mut name, mut text) = (vec![0_u16; LONGEST_NAME], vec![0_u16; LONGEST_TEXT]);
    for index in 0..MOST {
        let mut name_length = u32::try_from(name.len()).unwrap_or_default();
        let mut size = u32::try_from(text.len() * 2).unwrap_or_default();
        let mut kind = 0;
        // SAFETY: the key is open. The lengths are those of the buffers, in units and in bytes, and what is
        // longer is refused with ERROR_MORE_DATA, not written (RegEnumValueW).
        let status = unsafe {
            RegEnumValueW(
                key.0,
                index,
                name.as_mut_ptr(),
                &raw mut name_length,
                ptr::null(),
                &raw mut kind,
                text.as_mut_ptr().cast(),
                &raw mut size,
            )
        };
        match status {
            NO_ERROR if kind == REG_SZ => {
                let (name, text) = (first(&name, name_length), first(&text, size / 2));
                // A text need not end in NUL ("Registry value types").
                texts.values.push((name.to_vec(), until_nul(text)));
            }
            NO_ERROR | ERROR_MORE_DATA => texts.others += 1,
            ERROR_NO_MORE_ITEMS => return Ok(texts),
            status => return Err(os_error(status)),
        }
    }
    texts.has_more = true;
    Ok(texts)
}

fn first(units: &[u16], length: u32) -> &[u16] {
    usize::try_from(length).ok().and_then(|length| units.get(..length)).unwrap_or_default()
}
