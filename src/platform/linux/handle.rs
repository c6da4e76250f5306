//! A process that was opened, by pidfd_open(2) and by its directory in /proc.
//!
//! Both name the process, not the number: after it has been reaped they answer ESRCH, even when
//! its PID is already another's.

use std::cell::RefCell;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec};
use rustix::io::Errno;
use rustix::process::PidfdFlags;

use super::owners::{Inodes, held_by, is_exiting, is_socket};
use super::proc_dir::{is_gone, open_dir, open_proc, read_file};
use super::stopped;
use crate::model::{Pid, Signal, Socket, Stopped};
use crate::platform::decode::proc_stat;
use crate::platform::{Ending, OpenProcess, PlatformError};

/// How often a process is polled where there is no pidfd to wait on.
const GLANCE: Duration = Duration::from_millis(10);

/// How long the exit of a single thread may take.
const EXIT: Duration = Duration::from_millis(100);

/// A process that was opened.
#[derive(Debug)]
pub struct Handle {
    pid: Pid,
    /// Its /proc/PID.
    directory: OwnedFd,
    /// None before Linux 5.3, and where a sandbox denies pidfd_open.
    pidfd: Option<OwnedFd>,
    /// Descriptors by which it held sockets, with their inodes.
    known: RefCell<Vec<(u32, u64)>>,
}

impl Handle {
    pub(super) fn open(pid: Pid, birth: Option<u64>) -> Result<Self, PlatformError> {
        let raw = rustix::process::Pid::from_raw(pid.0.cast_signed())
            .ok_or(PlatformError::NoSuchProcess(pid))?;
        let pidfd = match rustix::process::pidfd_open(raw, PidfdFlags::empty()) {
            Ok(pidfd) => Some(pidfd),
            Err(Errno::SRCH | Errno::NOENT | Errno::INVAL) => {
                return Err(PlatformError::NoSuchProcess(pid));
            }
            Err(Errno::NOSYS | Errno::PERM | Errno::ACCESS) => None,
            Err(error) => return Err(PlatformError::io(format!("cannot open PID {pid}"), error)),
        };
        let proc = open_proc().map_err(|error| PlatformError::io("cannot read /proc", error))?;
        let directory = open_dir(proc, pid.to_string()).map_err(|error| look_error(pid, error))?;
        let handle = Self { pid, directory, pidfd, known: RefCell::default() };
        // Had it exited before the directory was opened, that might be a newcomer's.
        let is_newcomer = birth.is_some_and(|birth| handle.birth() != Some(birth));
        if handle.wait_exit(Duration::ZERO)? || is_newcomer {
            return Err(PlatformError::NoSuchProcess(pid));
        }
        Ok(handle)
    }

    fn knows(&self, descriptor: (u32, u64)) -> bool {
        self.known.borrow().contains(&descriptor)
    }

    /// When the process was started, in clock ticks after the boot.
    fn birth(&self) -> Option<u64> {
        let bytes = read_file(&self.directory, c"stat").ok()?;
        Some(proc_stat::stat(&bytes).ok()?.start_ticks)
    }

    /// What a signal is sent through.
    fn target(&self) -> BorrowedFd<'_> {
        self.pidfd.as_ref().map_or(self.directory.as_fd(), AsFd::as_fd)
    }

    /// Whether the process has exited, by its /proc/PID/stat.
    fn has_exited(&self) -> Result<bool, PlatformError> {
        match read_file(&self.directory, c"stat") {
            Ok(bytes) => Ok(proc_stat::stat(&bytes).is_ok_and(|stat| stat.has_exited())),
            Err(error) if is_gone(error) => Ok(true),
            Err(error) => Err(look_error(self.pid, error)),
        }
    }

    fn watch_directory(&self, timeout: Duration) -> Result<bool, PlatformError> {
        let deadline = Instant::now() + timeout;
        while !self.has_exited()? {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            thread::sleep(left.min(GLANCE));
        }
        Ok(true)
    }
}

impl OpenProcess for Handle {
    fn know(&mut self, descriptors: &[(u32, u64)]) {
        self.known.get_mut().extend(descriptors);
    }

    fn holds_known(&self, wanted: &dyn Fn(u64) -> bool) -> bool {
        let known = self.known.borrow();
        let mut wanted = known.iter().filter(|(_, inode)| wanted(*inode));
        wanted.any(|(number, inode)| is_socket(&self.directory, *number, *inode))
    }

    fn holds_any(&self, sockets: &[&Socket]) -> Result<bool, PlatformError> {
        let wanted: Inodes = sockets.iter().filter_map(|socket| socket.inode).collect();
        let held = if wanted.is_empty() {
            Ok(None)
        } else {
            held_by(self.directory.as_fd(), self.pid, &wanted)
        };
        // A process that is gone has no descriptors either, or may not be asked for them.
        let patience = if is_exiting(self.directory.as_fd()) { EXIT } else { Duration::ZERO };
        if !matches!(held, Ok(Some(_))) && self.wait_exit(patience)? {
            return Err(PlatformError::NoSuchProcess(self.pid));
        }
        let held = held.map_err(|error| look_error(self.pid, error))?;
        let by_number = held.and_then(|(inode, holder)| Some((holder.descriptor?, inode)));
        let new = by_number.filter(|found| !self.knows(*found));
        self.known.borrow_mut().extend(new);
        Ok(held.is_some())
    }

    fn end(&self, ending: Ending) -> Result<(), PlatformError> {
        let signal = match ending {
            Ending::Signal(signal) => signal,
            Ending::CloseWindow => Signal::Term,
            Ending::Terminate => Signal::Kill,
        };
        let sent = rustix::process::pidfd_send_signal(self.target(), signal.into());
        sent.map_err(|error| match error {
            Errno::SRCH => PlatformError::NoSuchProcess(self.pid),
            Errno::PERM => PlatformError::NotPermitted,
            Errno::NOSYS | Errno::BADF | Errno::INVAL => {
                PlatformError::NoSafeSignal { pid: self.pid, signal }
            }
            other => PlatformError::io(format!("cannot signal PID {}", self.pid), other),
        })
    }

    fn stopped(&self) -> Option<Stopped> {
        stopped::of(&self.directory)
    }

    fn wait_exit(&self, timeout: Duration) -> Result<bool, PlatformError> {
        match &self.pidfd {
            Some(pidfd) => poll_exit(pidfd, timeout).map_err(|error| {
                PlatformError::io(format!("cannot wait for PID {}", self.pid), error)
            }),
            None => self.watch_directory(timeout),
        }
    }
}

/// A pidfd is readable once every thread of the process has exited (pidfd_open(2)).
fn poll_exit(pidfd: &OwnedFd, timeout: Duration) -> io::Result<bool> {
    let deadline = Instant::now() + timeout;
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(|_| io::Error::from(Errno::INVAL))?;
        let mut watched = [PollFd::new(pidfd, PollFlags::IN)];
        match rustix::event::poll(&mut watched, Some(&left)) {
            Ok(ready) => return Ok(ready > 0),
            Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

fn look_error(pid: Pid, error: Errno) -> PlatformError {
    if is_gone(error) {
        PlatformError::NoSuchProcess(pid)
    } else {
        PlatformError::io(format!("cannot inspect PID {pid}"), error)
    }
}

impl From<Signal> for rustix::process::Signal {
    fn from(signal: Signal) -> Self {
        match signal {
            Signal::Hup => Self::HUP,
            Signal::Int => Self::INT,
            Signal::Quit => Self::QUIT,
            Signal::Abrt => Self::ABORT,
            Signal::Kill => Self::KILL,
            Signal::Usr1 => Self::USR1,
            Signal::Usr2 => Self::USR2,
            Signal::Pipe => Self::PIPE,
            Signal::Alrm => Self::ALARM,
            Signal::Term => Self::TERM,
            Signal::Cont => Self::CONT,
            Signal::Stop => Self::STOP,
            Signal::Tstp => Self::TSTP,
            Signal::Winch => Self::WINCH,
        }
    }
}
