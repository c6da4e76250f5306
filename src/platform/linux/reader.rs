//! Whether what is written is read.

use std::os::fd::AsFd;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

/// Whether a stream may have a reader. poll(2) reports POLLERR for a pipe without one, and POLLHUP for
/// a socket whose other side has closed, whatever is asked for.
pub(in crate::platform) fn is_read(stream: &impl AsFd) -> bool {
    let mut streams = [PollFd::new(stream, PollFlags::empty())];
    // What cannot be asked is left to the next write.
    let is_asked = poll(&mut streams, Some(&Timespec::default())).is_ok();
    let [stream] = streams;
    !(is_asked && stream.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pipe_is_read_until_its_reader_leaves() {
        let (reader, writer) = std::io::pipe().unwrap();
        assert!(is_read(&writer));
        drop(reader);
        assert!(!is_read(&writer));
    }

    #[test]
    fn a_socket_is_read_until_its_other_side_closes() {
        let (one, other) = std::os::unix::net::UnixStream::pair().unwrap();
        assert!(is_read(&one));
        drop(other);
        assert!(!is_read(&one));
    }

    #[test]
    fn a_file_is_read() {
        let file = std::fs::OpenOptions::new().write(true).open("/dev/null").unwrap();
        assert!(is_read(&file));
    }
}
