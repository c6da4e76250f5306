//! Who holds what, told by the kernel itself: iterators of BPF over the descriptors of all tasks.
//!
//! The kernel runs a small program for each descriptor, where the search in /proc takes a system call.
//! Two programs (`program`) are written here as instructions, with the places of fields in the running
//! kernel's structures (`types`), and loaded for this run alone: nothing is attached, nothing is pinned,
//! and the kernel forgets them with the descriptors of this process. Whether they can be loaded is found
//! out by trying. The numbers that they write are those of the machine's first PID namespace.

mod ffi;
mod instruction;
mod program;
mod types;

use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::io::Errno;
use thiserror::Error;

use self::ffi::Array;
use self::program::SIEVE_BITS;
use self::types::Layout;
use super::core_time::Deadline;
use super::proc_dir::is_first_pid_namespace;
use crate::platform::decode::DecodeError;
use crate::platform::decode::task_records::{RECORD, Record, records};

/// How much is read at once: 64 KB of whole records. The kernel's buffer of an iterator holds eight pages of any
/// size, and records that are whole (`bpf_seq_read`); what is left of it comes with the next read.
const BUFFER: usize = 1638 * RECORD;

/// Why the kernel does not tell who holds what.
#[derive(Debug, Error)]
pub(super) enum Refusal {
    /// The kernel's numbers of processes are not those of this /proc.
    #[error("portwho does not run in the machine's first PID namespace")]
    PidNamespace,
    /// bpf(2) is not allowed.
    #[error("bpf(2): {0}")]
    NotAllowed(io::Error),
    /// The kernel does not describe its types.
    #[error("cannot read /sys/kernel/btf/vmlinux: {0}")]
    NoTypes(io::Error),
    /// Its description cannot be read.
    #[error("cannot read the kernel's types: {0}")]
    OddTypes(DecodeError),
    /// It has no such structure, field or function.
    #[error("this kernel has another `{0}`")]
    NoField(&'static str),
    /// Its structures do not fit.
    #[error("this kernel's structures do not fit")]
    OddLayout,
    /// It does not take the program.
    #[error("the kernel refuses the program: {0}")]
    NotLoaded(io::Error),
    /// It takes the program, and does not run it.
    #[error("the kernel does not run the program: {0}")]
    NotRun(io::Error),
}

/// How a reading ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Reach {
    /// Everything was seen.
    Everything,
    /// The time was over before.
    Cut,
}

/// The loaded programs.
#[derive(Debug)]
pub(super) struct Kernel {
    sieve: Array,
    files: OwnedFd,
    tasks: OwnedFd,
}

impl Kernel {
    /// Loads them.
    ///
    /// # Errors
    /// [`Refusal`].
    pub(super) fn open() -> Result<Self, Refusal> {
        if is_first_pid_namespace() != Some(true) {
            return Err(Refusal::PidNamespace);
        }
        // The cheapest thing to be refused.
        let sieve = Array::new(1 << (SIEVE_BITS - 3)).map_err(Refusal::NotAllowed)?;
        let layout = Layout::read()?;
        let load =
            |program: &[u64], function| ffi::load(program, function).map_err(Refusal::NotLoaded);
        let files = load(&program::of_files(&layout, sieve.number())?, layout.iterator_of_files)?;
        let tasks = load(&program::of_tasks(&layout)?, layout.iterator_of_tasks)?;
        let kernel = Self { sieve, files, tasks };
        kernel.try_out().map_err(Refusal::NotRun)?;
        Ok(kernel)
    }

    /// Whether it may be asked: what is refused, is refused before anything was searched.
    fn try_out(&self) -> io::Result<()> {
        self.sift([])?;
        ffi::iterate(self.tasks.as_fd(), None)?;
        ffi::iterate(self.files.as_fd(), None).map(drop)
    }

    /// Calls `seen` with the table of descriptors of every process, and of every thread that has
    /// another one than its process.
    ///
    /// # Errors
    /// What the iterator answers.
    pub(super) fn tables(&self, deadline: Deadline, seen: impl FnMut(Record)) -> io::Result<Reach> {
        read(&ffi::iterate(self.tasks.as_fd(), None)?, deadline, seen)
    }

    /// Whether one task can be asked for (Linux 6.1). Before, the kernel takes the choice and shows all tasks:
    /// this process is asked for here, and nobody else may come.
    ///
    /// # Errors
    /// What the iterator answers.
    pub(super) fn chooses_tasks(&self, deadline: Deadline) -> io::Result<bool> {
        let own = std::process::id();
        let (mut is_shown, mut is_alone) = (false, true);
        let iterator = match ffi::iterate(self.tasks.as_fd(), Some(own)) {
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return Ok(false),
            iterator => iterator?,
        };
        let reach = read(&iterator, deadline, |record| {
            is_shown |= record.process == own;
            is_alone &= record.process == own;
        })?;
        Ok(reach == Reach::Everything && is_shown && is_alone)
    }

    /// Lets through sockets with these inode numbers, and perhaps others.
    ///
    /// # Errors
    /// The kernel's answer.
    pub(super) fn sift(&self, inodes: impl IntoIterator<Item = u64>) -> io::Result<()> {
        let mut words = vec![0_u64; 1 << (SIEVE_BITS - 6)];
        for inode in inodes {
            let word = usize::try_from(inode >> 6).unwrap_or_default() % words.len();
            if let Some(word) = words.get_mut(word) {
                *word |= 1 << (inode & 63);
            }
        }
        self.sieve.write(&words)
    }

    /// Calls `seen` with the descriptors of every task, or of one: of sockets that pass the sieve, and of
    /// io_urings. One may be asked for where that is known to [work](Self::chooses_tasks).
    ///
    /// # Errors
    /// What the iterator answers.
    pub(super) fn descriptors(
        &self,
        task: Option<u32>,
        deadline: Deadline,
        seen: impl FnMut(Record),
    ) -> io::Result<Reach> {
        read(&ffi::iterate(self.files.as_fd(), task)?, deadline, seen)
    }
}

/// Reads an iterator to its end, or until `deadline`.
fn read(iterator: &OwnedFd, deadline: Deadline, mut seen: impl FnMut(Record)) -> io::Result<Reach> {
    let mut buffer = vec![0; BUFFER];
    loop {
        match rustix::io::read(iterator, &mut buffer[..]) {
            Ok(0) => return Ok(Reach::Everything),
            Ok(length) => {
                for record in records(buffer.get(..length).unwrap_or_default()) {
                    seen(record.map_err(io::Error::other)?);
                }
            }
            // The kernel comes back after a million objects, found or not (`MAX_ITER_OBJECTS`).
            Err(Errno::AGAIN | Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if deadline.is_over() {
            return Ok(Reach::Cut);
        }
    }
}

#[cfg(test)]
mod tests;
