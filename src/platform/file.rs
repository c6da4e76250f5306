//! Files of this process: new ones, and stdout once more.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;

/// Creates a file that only its owner may read. What is there is never opened, be it a link (O_EXCL in
/// open(2), CREATE_NEW in CreateFileW).
///
/// # Errors
/// When something of that name exists, or it cannot be created.
pub fn new_file(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}

/// What is in a regular file of this length at most. A link is not followed.
///
/// # Errors
/// When it is none, is longer, or cannot be read.
#[cfg(target_os = "linux")]
pub fn small_file(path: &Path, longest: usize) -> io::Result<Vec<u8>> {
    Ok(super::linux::small_file(path, longest)?)
}

/// The same, where links are an administrator's.
///
/// # Errors
/// When it is longer, or cannot be read.
#[cfg(windows)]
pub fn small_file(path: &Path, longest: usize) -> io::Result<Vec<u8>> {
    use std::io::Read;
    let mut contents = Vec::new();
    let limit = longest as u64 + 1;
    File::open(path)?.take(limit).read_to_end(&mut contents)?;
    if contents.len() > longest { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(contents) }
}

/// What stdout is, opened once more: without the lock, and without the buffer.
///
/// # Errors
/// When there is no stdout.
pub fn stdout_again() -> io::Result<File> {
    #[cfg(unix)]
    let stdout = std::os::fd::AsFd::as_fd(&io::stdout()).try_clone_to_owned();
    #[cfg(windows)]
    let stdout = std::os::windows::io::AsHandle::as_handle(&io::stdout()).try_clone_to_owned();
    stdout.map(File::from)
}

/// Whether somebody may still read what is written to stdout: no only where it is a pipe or a socket
/// whose reader has left. Files and terminals have readers.
#[must_use]
pub fn stdout_is_read() -> bool {
    #[cfg(target_os = "linux")]
    return super::linux::is_read(&io::stdout());
    #[cfg(windows)]
    return super::windows::is_read(&io::stdout());
}
