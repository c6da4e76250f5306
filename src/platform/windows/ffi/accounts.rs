//! Accounts: security identifiers, tokens and privileges.

use std::ffi::c_void;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;

use windows_sys::Win32::Foundation::{HANDLE, LUID};
use windows_sys::Win32::Security::{
    AdjustTokenPrivileges, GetLengthSid, GetTokenInformation, IsValidSid, LUID_AND_ATTRIBUTES,
    LookupAccountSidW, LookupPrivilegeValueW, PSID, SE_DEBUG_NAME, SE_PRIVILEGE_ENABLED,
    TOKEN_ACCESS_MASK, TOKEN_ADJUST_PRIVILEGES, TOKEN_ELEVATION, TOKEN_INFORMATION_CLASS,
    TOKEN_PRIVILEGES, TOKEN_QUERY, TokenElevation,
};
use windows_sys::Win32::System::RemoteDesktop::{
    WTS_CURRENT_SERVER_HANDLE, WTS_PROCESS_INFOW, WTSEnumerateProcessesExW, WTSFreeMemoryExW,
    WTSTypeProcessInfoLevel0,
};
use windows_sys::Win32::System::Threading::{GetCurrentProcess, OpenProcessToken};

use super::until_nul;
use crate::model::Pid;

/// Every session (`WTS_ANY_SESSION` of wtsapi32.h).
const WTS_ANY_SESSION: u32 = 0xffff_fffe;

/// Copies a security identifier.
///
/// # Safety
/// `sid` is null, or points to a SID.
pub(super) unsafe fn sid(sid: PSID) -> Option<Vec<u8>> {
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
pub(in crate::platform::windows) fn account(sid: &[u8]) -> Option<(Vec<u16>, Vec<u16>)> {
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
pub(in crate::platform::windows) fn users() -> Vec<(Pid, Vec<u8>)> {
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
pub(in crate::platform::windows) fn is_elevated() -> bool {
    // SAFETY: the pseudo handle of this process needs no closing.
    let Some(token) = token(unsafe { GetCurrentProcess() }, TOKEN_QUERY) else { return false };
    let Some(words) = token_information(&token, TokenElevation) else { return false };
    // SAFETY: TokenElevation fills the buffer, aligned to 8 bytes, with a TOKEN_ELEVATION.
    unsafe { (*words.as_ptr().cast::<TOKEN_ELEVATION>()).TokenIsElevated != 0 }
}

/// Enables SeDebugPrivilege, which elevated users have and which lets them open the processes
/// of other users (OpenProcess, remarks). Without it nothing changes.
pub(in crate::platform::windows) fn enable_debug_privilege() {
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

pub(super) fn token(process: HANDLE, access: TOKEN_ACCESS_MASK) -> Option<OwnedHandle> {
    let mut token: HANDLE = ptr::null_mut();
    // SAFETY: the process is open; the token is checked before it is owned.
    unsafe {
        (OpenProcessToken(process, access, &raw mut token) != 0)
            .then(|| OwnedHandle::from_raw_handle(token))
    }
}

/// What a token says of itself, in a buffer that is aligned to 8 bytes.
pub(super) fn token_information(
    token: &OwnedHandle,
    class: TOKEN_INFORMATION_CLASS,
) -> Option<Vec<u64>> {
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
