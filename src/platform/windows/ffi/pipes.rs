//! Pipes.

use std::os::windows::io::AsRawHandle;

use windows_sys::Wdk::Storage::FileSystem::{
    FILE_PIPE_CLOSING_STATE, FILE_PIPE_DISCONNECTED_STATE, FILE_PIPE_LOCAL_INFORMATION,
    FilePipeLocalInformation, NtQueryInformationFile,
};
use windows_sys::Win32::System::IO::IO_STATUS_BLOCK;

/// Whether a stream may have a reader: no only for a pipe whose other end has closed
/// (`NamedPipeState` of `FILE_PIPE_LOCAL_INFORMATION` in ntifs.h). Nothing is written to find out: an
/// empty write would be read as the end of the stream.
pub(in crate::platform) fn is_read(stream: &impl AsRawHandle) -> bool {
    let mut status = IO_STATUS_BLOCK::default();
    let mut pipe = FILE_PIPE_LOCAL_INFORMATION::default();
    let size = u32::try_from(size_of_val(&pipe)).unwrap_or_default();
    // SAFETY: the handle is open as long as it is borrowed; the call writes the status and at most
    // `size` bytes of the structure, both of which outlive it.
    let answer = unsafe {
        NtQueryInformationFile(
            stream.as_raw_handle(),
            &raw mut status,
            (&raw mut pipe).cast(),
            size,
            FilePipeLocalInformation,
        )
    };
    // What is no pipe, or cannot be asked, is left to the next write.
    let is_over = [FILE_PIPE_CLOSING_STATE, FILE_PIPE_DISCONNECTED_STATE];
    !(answer >= 0 && is_over.contains(&pipe.NamedPipeState))
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
    fn a_file_is_read() {
        let file = std::fs::OpenOptions::new().write(true).open("NUL").unwrap();
        assert!(is_read(&file));
    }
}
