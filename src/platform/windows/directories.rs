//! Where only administrators put programs: by what the system says, and not by the environment, which
//! whoever starts this program decides.

use super::{ffi, process};
use crate::model::Untrusted;

/// Where Windows' setup writes the folders of programs, which SHGetKnownFolderPath reads too. That call would
/// load the whole shell (shell32.dll) at each start.
const PLACE: &str = r"SOFTWARE\Microsoft\Windows\CurrentVersion";

/// `C:\Program Files` and its like: that of this process, of 32 bits, of 64 bits.
const NAMES: [&str; 3] = ["ProgramFilesDir", "ProgramFilesDir (x86)", "ProgramW6432Dir"];

/// Those that are known: a program in another one is not believed to be what its name says.
pub(super) fn of_programs() -> Vec<Untrusted> {
    let system = ffi::system_directory().ok();
    let windows = system.as_deref().and_then(|system| system.parent());
    let mut directories: Vec<Untrusted> =
        windows.map(|windows| process::untrusted(windows.as_os_str())).into_iter().collect();
    for (name, text) in ffi::texts(PLACE).unwrap_or_default().values {
        let is_one = NAMES.iter().any(|wanted| wanted.encode_utf16().eq(name.iter().copied()));
        if is_one && !text.is_empty() {
            directories.push(Untrusted::from_wide(&text));
        }
    }
    directories
}
