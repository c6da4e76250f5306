//! Files of the system's configuration and of container runtimes: regular ones of a sensible size,
//! and nothing that could block or never end.

use std::os::fd::AsFd;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, OFlags};
use rustix::io::Errno;

use super::proc_dir::read_opened;

/// Reads the file at `path`, which may be a link: /etc/services is one on some systems.
///
/// # Errors
/// EINVAL where it is no regular file, EFBIG where it is longer than `limit`.
pub(super) fn read(path: &Path, limit: usize) -> rustix::io::Result<Vec<u8>> {
    read_with(path, OFlags::empty(), limit)
}

/// Reads the file at `path`, which must not be a link.
///
/// # Errors
/// ELOOP where it is a link, and as [`read`].
pub(in crate::platform) fn read_no_link(path: &Path, limit: usize) -> rustix::io::Result<Vec<u8>> {
    read_with(path, OFlags::NOFOLLOW, limit)
}

fn read_with(path: &Path, links: OFlags, limit: usize) -> rustix::io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC | links;
    let file = rustix::fs::openat(CWD, path, flags, Mode::empty())?;
    let kind = FileType::from_raw_mode(rustix::fs::fstat(&file)?.st_mode);
    if kind != FileType::RegularFile {
        return Err(Errno::INVAL);
    }
    let beginning = read_opened(file.as_fd(), limit)?;
    if beginning.is_cut { Err(Errno::FBIG) } else { Ok(beginning.bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_regular_files_of_a_sensible_size_are_read() {
        let folder = std::env::temp_dir().join(format!("portwho-regular-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        let (file, link, fifo) = (folder.join("file"), folder.join("link"), folder.join("fifo"));
        std::fs::write(&file, "http 80/tcp").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        rustix::fs::mkfifoat(CWD, &fifo, Mode::RUSR).unwrap();
        assert_eq!(read(&link, 11).unwrap(), b"http 80/tcp");
        assert_eq!(read(&file, 10), Err(Errno::FBIG));
        assert_eq!(read(&fifo, 10), Err(Errno::INVAL));
        assert_eq!(read(&folder, 10), Err(Errno::INVAL));
        assert_eq!(read_no_link(&link, 11), Err(Errno::LOOP));
        assert_eq!(read_no_link(&file, 11).unwrap(), b"http 80/tcp");
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
