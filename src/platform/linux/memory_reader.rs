//! Reads command lines, which stand in the memory of their processes, by a thread that may be left
//! behind.
//!
//! The kernel takes the lock of that memory (`mmap_lock`), which its process can keep: in an mmap(2)
//! of a file on a file system that does not answer. Nothing else here waits for a process.

use std::os::fd::OwnedFd;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

use super::bounds;
use super::proc_dir::{Beginning, read_beginning, read_file};
use crate::model::{Pid, Uid};
use crate::platform::decode::proc_status;

/// The users of whom a process kept a thread waiting in this run. Nothing more is read of theirs.
type Stuck = Mutex<Vec<Option<Uid>>>;

static STUCK: Stuck = Mutex::new(Vec::new());

/// Reads what stands in the memory of processes.
#[derive(Debug)]
pub(super) struct MemoryReader<'a> {
    proc: &'a OwnedFd,
    thread: Option<Reading>,
    stuck: &'a Stuck,
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
        Self { proc, thread: None, stuck: &STUCK }
    }

    /// The beginning of a process's command line, no more than `limit` bytes. None when it is gone;
    /// cut before its first byte when it does not come in time.
    pub(super) fn command_line(&mut self, pid: Pid, limit: usize) -> Option<Beginning> {
        let unread = Some(Beginning { bytes: Vec::new(), is_cut: true });
        let stuck = self.stuck().len();
        let is_stuck = stuck > 0 && self.stuck().contains(&self.user(pid));
        if is_stuck || stuck >= bounds::THREADS_LEFT_BEHIND {
            return unread;
        }
        let Some(thread) = self.thread.take().or_else(|| Reading::begin(self.proc)) else {
            return unread;
        };
        if thread.orders.send((pid, limit)).is_err() {
            return unread;
        }
        let Ok(answer) = thread.answers.recv_timeout(bounds::patience(bounds::PATIENCE, stuck))
        else {
            let user = self.user(pid);
            self.stuck().push(user);
            return unread;
        };
        self.thread = Some(thread);
        answer
    }

    fn stuck(&self) -> MutexGuard<'_, Vec<Option<Uid>>> {
        self.stuck.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Who runs a process; that file does not wait for its memory.
    fn user(&self, pid: Pid) -> Option<Uid> {
        proc_status::real_user(&read_file(self.proc, format!("{pid}/status")).ok()?)
    }
}

impl Reading {
    /// Starts the thread. It ends with its reader, or with the program.
    fn begin(proc: &OwnedFd) -> Option<Self> {
        let proc = proc.try_clone().ok()?;
        let (orders, received) = channel();
        let (sender, answers) = channel();
        thread::Builder::new().spawn(move || serve(&proc, received, &sender)).ok()?;
        Some(Self { orders, answers })
    }
}

/// Answers one order after the other, until it is no longer asked.
fn serve(proc: &OwnedFd, orders: Receiver<(Pid, usize)>, answers: &Sender<Option<Beginning>>) {
    for (pid, limit) in orders {
        let answer = read_beginning(proc, format!("{pid}/cmdline"), limit).ok();
        if answers.send(answer).is_err() {
            break;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustix::fs::{CWD, Mode};

    use super::super::proc_dir::open_dir;
    use super::*;

    /// A FIFO that no process writes to does not answer either.
    #[test]
    fn a_read_that_hangs_is_abandoned() {
        let folder = std::env::temp_dir().join(format!("portwho-memory-{}", std::process::id()));
        let users = [(1, 33), (2, 4000), (3, 4000), (4, 0)];
        for (pid, user) in users {
            fs::create_dir_all(folder.join(pid.to_string())).unwrap();
            let status = format!("Name:\tweb\nUid:\t{user}\t{user}\t{user}\t{user}\n");
            fs::write(folder.join(format!("{pid}/status")), status).unwrap();
            fs::write(folder.join(format!("{pid}/cmdline")), "web\0").unwrap();
        }
        fs::remove_file(folder.join("2/cmdline")).unwrap();
        rustix::fs::mkfifoat(CWD, folder.join("2/cmdline"), Mode::RUSR).unwrap();
        let proc = open_dir(CWD, folder.as_path()).unwrap();
        let stuck = Stuck::default();
        let mut reader = MemoryReader { stuck: &stuck, ..MemoryReader::new(&proc) };
        let mut read = |pid| reader.command_line(Pid(pid), 100).map(|it| (it.bytes, it.is_cut));
        let (whole, unread) = (Some((b"web\0".to_vec(), false)), Some((Vec::new(), true)));
        assert_eq!(read(3), whole);
        assert_eq!(read(99), None);
        assert_eq!(read(2), unread);
        // Of that user nothing more is read, and of others everything.
        assert_eq!([read(3), read(1), read(4)], [unread.clone(), whole.clone(), whole]);
        let others = (0..).map(|user| Some(Uid(user))).take(bounds::THREADS_LEFT_BEHIND);
        stuck.lock().unwrap().extend(others);
        assert_eq!(read(1), unread);
        fs::remove_dir_all(&folder).unwrap();
    }
}
