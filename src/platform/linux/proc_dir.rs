//! Directories of /proc, read with raw getdents64(2) into a buffer that is used again.

use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags, RawDir};
use rustix::io::Errno;

use super::bounds;

/// Room for a thousand descriptors, of 24 bytes each; a larger buffer brings nothing.
const ENTRIES_BUFFER: usize = 32 * 1024;

/// Enough for most files of a process at once.
const FILE_BUFFER: usize = 2 * 1024;

/// A buffer for directory entries.
#[derive(Debug)]
pub(super) struct Entries(Vec<u8>);

impl Entries {
    /// An empty buffer.
    pub(super) fn new() -> Self {
        Self(Vec::with_capacity(ENTRIES_BUFFER))
    }

    /// The entries of a directory whose names are numbers.
    pub(super) fn numbers(
        &mut self,
        directory: impl AsFd,
    ) -> impl Iterator<Item = rustix::io::Result<u32>> {
        let mut entries = RawDir::new(directory, self.0.spare_capacity_mut());
        std::iter::from_fn(move || {
            loop {
                let number = match entries.next()? {
                    Ok(entry) => Ok(number(entry.file_name())),
                    Err(error) => Err(error),
                };
                if let Some(number) = number.transpose() {
                    return Some(number);
                }
            }
        })
    }
}

/// Opens a directory below another one.
pub(super) fn open_dir(
    parent: impl AsFd,
    path: impl rustix::path::Arg,
) -> rustix::io::Result<OwnedFd> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    rustix::fs::openat(parent, path, flags, Mode::empty())
}

/// Opens /proc, if it is the one of this process' PID namespace. In another one's the same
/// number is another process, which must not be shown, let alone signaled.
///
/// # Errors
/// When it cannot be opened, is no proc(5), or belongs to another PID namespace.
pub(super) fn open_proc() -> io::Result<OwnedFd> {
    let proc = open_dir(rustix::fs::CWD, c"/proc")?;
    let own_entry = rustix::fs::readlinkat(&proc, c"self", Vec::new())?;
    if own_entry.as_bytes() == std::process::id().to_string().as_bytes() {
        Ok(proc)
    } else {
        Err(io::Error::other("/proc belongs to another PID namespace"))
    }
}

/// The inode of the machine's own PID namespace (`PROC_PID_INIT_INO` in the kernel).
const FIRST_PID_NAMESPACE: u64 = 0xEFFF_FFFC;

/// Whether this process is in the machine's own PID namespace, where every process has a number;
/// none where that cannot be told.
pub(super) fn is_first_pid_namespace() -> Option<bool> {
    let own = rustix::fs::stat(c"/proc/self/ns/pid").ok()?;
    Some(own.st_ino == FIRST_PID_NAMESPACE)
}

/// The beginning of a file.
#[derive(Debug)]
pub(super) struct Beginning {
    /// No more bytes than were asked for.
    pub(super) bytes: Vec<u8>,
    /// Whether there are more.
    pub(super) is_cut: bool,
}

/// Reads a file of the kernel below `parent` to its end.
///
/// # Errors
/// EFBIG where it does not end soon ([`bounds::KERNEL_FILE`]).
pub(super) fn read_file(
    parent: impl AsFd,
    path: impl rustix::path::Arg,
) -> rustix::io::Result<Vec<u8>> {
    let beginning = read_beginning(parent, path, bounds::KERNEL_FILE)?;
    if beginning.is_cut { Err(Errno::FBIG) } else { Ok(beginning.bytes) }
}

/// Reads a file of /proc that is a single record, as those of a process are: the kernel gives it whole
/// (`single_open` in Documentation/filesystems/seq_file.rst), so that what leaves room in the buffer is all of it.
///
/// # Errors
/// EFBIG where it does not end soon ([`bounds::KERNEL_FILE`]).
pub(super) fn read_record(
    parent: impl AsFd,
    path: impl rustix::path::Arg,
) -> rustix::io::Result<Vec<u8>> {
    let file = open_file(parent, path)?;
    let mut bytes = Vec::with_capacity(FILE_BUFFER);
    match rustix::io::read(&file, spare_capacity(&mut bytes)) {
        Ok(1..) if bytes.len() < bytes.capacity() => return Ok(bytes),
        Ok(_) | Err(Errno::INTR) => {}
        Err(error) => return Err(error),
    }
    let beginning = read_on(file.as_fd(), bytes, bounds::KERNEL_FILE)?;
    if beginning.is_cut { Err(Errno::FBIG) } else { Ok(beginning.bytes) }
}

/// Reads a file below `parent`, the first `limit` bytes at most. /proc gives no sizes, so asking
/// for one would be two calls in vain.
pub(super) fn read_beginning(
    parent: impl AsFd,
    path: impl rustix::path::Arg,
    limit: usize,
) -> rustix::io::Result<Beginning> {
    read_opened(open_file(parent, path)?.as_fd(), limit)
}

fn open_file(parent: impl AsFd, path: impl rustix::path::Arg) -> rustix::io::Result<OwnedFd> {
    rustix::fs::openat(parent, path, OFlags::RDONLY | OFlags::CLOEXEC, Mode::empty())
}

/// Reads an open file, the first `limit` bytes at most.
pub(super) fn read_opened(file: BorrowedFd<'_>, limit: usize) -> rustix::io::Result<Beginning> {
    read_on(file, Vec::with_capacity(FILE_BUFFER), limit)
}

/// Reads on behind `bytes`, of which there are `limit` at most.
fn read_on(
    file: BorrowedFd<'_>,
    mut bytes: Vec<u8>,
    limit: usize,
) -> rustix::io::Result<Beginning> {
    loop {
        bytes.reserve(FILE_BUFFER);
        match rustix::io::read(file, spare_capacity(&mut bytes)) {
            Ok(0) => return Ok(Beginning { bytes, is_cut: false }),
            Ok(_) if bytes.len() > limit => {
                bytes.truncate(limit);
                return Ok(Beginning { bytes, is_cut: true });
            }
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Whether an error only says that the process went away meanwhile.
pub(super) fn is_gone(error: Errno) -> bool {
    matches!(error, Errno::NOENT | Errno::SRCH)
}

fn number(name: &CStr) -> Option<u32> {
    let digits = name.to_bytes();
    digits.first().filter(|byte| byte.is_ascii_digit())?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use rustix::fs::CWD;

    use super::*;

    #[test]
    fn a_record_is_read_whole_whatever_its_length() {
        let path = std::env::temp_dir().join(format!("portwho-record-{}", std::process::id()));
        for length in [0, 1, FILE_BUFFER - 1, FILE_BUFFER, FILE_BUFFER + 1, 10_000] {
            std::fs::write(&path, vec![b'a'; length]).unwrap();
            assert_eq!(read_record(CWD, &path).unwrap(), vec![b'a'; length], "{length}");
        }
        std::fs::remove_file(&path).unwrap();
        assert_eq!(read_record(CWD, c"/dev/zero").unwrap_err(), Errno::FBIG);
        assert_eq!(read_record(CWD, c"/proc/self/cgroup"), read_file(CWD, c"/proc/self/cgroup"));
    }

    #[test]
    fn reading_stops_at_the_limit_and_is_marked_as_cut() {
        let path = std::env::temp_dir().join(format!("portwho-reading-{}", std::process::id()));
        std::fs::write(&path, vec![b'a'; 10_000]).unwrap();
        let read = |limit| read_beginning(CWD, &path, limit).unwrap();
        for (limit, length, is_cut) in
            [(0, 0, true), (9_999, 9_999, true), (10_000, 10_000, false), (1 << 20, 10_000, false)]
        {
            let beginning = read(limit);
            assert_eq!((beginning.bytes.len(), beginning.is_cut), (length, is_cut), "{limit}");
        }
        std::fs::remove_file(&path).unwrap();
        let error = read_file(CWD, c"/dev/zero").unwrap_err();
        assert_eq!(error, Errno::FBIG);
    }
}
