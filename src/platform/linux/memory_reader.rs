//! Reads command lines, which stand in the memory of their processes, by a thread that may be left
//! behind.
//!
//! The kernel takes the lock of that memory (`mmap_lock`), which its process can keep: in an mmap(2)
//! of a file on a file system that does not answer. Nothing else here waits for a process.

use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use super::bounds;
use super::proc_dir::{Beginning, read_beginning};
use crate::model::Pid;

/// How many threads were left behind in this run.
static LEFT_BEHIND: AtomicUsize = AtomicUsize::new(0);

/// Reads what stands in the memory of processes.
#[derive(Debug)]
pub(super) struct MemoryReader<'a> {
    proc: &'a OwnedFd,
    thread: Option<Reading>,
    left_behind: &'a AtomicUsize,
}

/// The thread, and the ways to it.
#[derive(Debug)]
struct Reading {
    orders: Sender<(Pid, usize)>,
    answers: Receiver<Option<Beginning>>,
}

impl<'a> MemoryReader<'a> {
    /// Of the processes in `proc`.
    pub(super) fn new(proc: &'a OwnedFd) -> Self {
        Self { proc, thread: None, left_behind: &LEFT_BEHIND }
    }

    /// The beginning of a process's command line, no more than `limit` bytes. None when it is gone;
    /// cut before its first byte when it does not come in time.
    pub(super) fn command_line(&mut self, pid: Pid, limit: usize) -> Option<Beginning> {
        let unread = Some(Beginning { bytes: Vec::new(), is_cut: true });
        if self.left_behind.load(Ordering::Relaxed) >= bounds::THREADS_LEFT_BEHIND {
            return unread;
        }
        let Some(thread) = self.thread.take().or_else(|| Reading::begin(self.proc)) else {
            return unread;
        };
        if thread.orders.send((pid, limit)).is_err() {
            return unread;
        }
        let Ok(answer) = thread.answers.recv_timeout(bounds::PATIENCE) else {
            self.left_behind.fetch_add(1, Ordering::Relaxed);
            return unread;
        };
        self.thread = Some(thread);
        answer
    }
}

impl Reading {
    /// Starts the thread. It ends with its reader, or with the program.
    fn begin(proc: &OwnedFd) -> Option<Self> {
        let proc = proc.try_clone().ok()?;
        let (orders, received) = channel();
        let (sender, answers) = channel();
        let read = move || {
            for (pid, limit) in received {
                let answer = read_beginning(&proc, format!("{pid}/cmdline"), limit).ok();
                if sender.send(answer).is_err() {
                    break;
                }
            }
        };
        thread::Builder::new().spawn(read).ok()?;
        Some(Self { orders, answers })
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, Mode};

    use super::super::proc_dir::open_dir;
    use super::*;

    /// A FIFO that nobody writes to does not answer either.
    #[test]
    fn what_does_not_come_is_left_behind() {
        let folder = std::env::temp_dir().join(format!("portwho-memory-{}", std::process::id()));
        (1..=bounds::THREADS_LEFT_BEHIND + 1)
            .for_each(|pid| fs::create_dir_all(folder.join(pid.to_string())).unwrap());
        fs::write(folder.join("1/cmdline"), "web\0").unwrap();
        let proc = open_dir(CWD, folder.as_path()).unwrap();
        let left_behind = AtomicUsize::new(0);
        let mut reader = MemoryReader { left_behind: &left_behind, ..MemoryReader::new(&proc) };
        let mut read = |pid| reader.command_line(Pid(pid), 100).map(|it| (it.bytes, it.is_cut));
        assert_eq!(read(1), Some((b"web\0".to_vec(), false)));
        assert_eq!(read(99), None);
        for pid in 2..2 + u32::try_from(bounds::THREADS_LEFT_BEHIND).unwrap() {
            assert_eq!(read(1), Some((b"web\0".to_vec(), false)));
            rustix::fs::mkfifoat(CWD, folder.join(format!("{pid}/cmdline")), Mode::RUSR).unwrap();
            assert_eq!(read(pid), Some((Vec::new(), true)), "{pid}");
        }
        // Others are not waited for any more.
        assert_eq!(read(1), Some((Vec::new(), true)));
        fs::remove_dir_all(&folder).unwrap();
    }
}
