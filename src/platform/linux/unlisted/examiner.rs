//! Examines descriptors in a thread of its own: pidfd_getfd(2) waits while a process is in the
//! middle of execve(2), which lasts as long as one of its files takes to be closed.

use std::collections::BTreeSet;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;
use std::time::Duration;

use rustc_hash::FxHashSet;
use rustix::fs::{CWD, Mode, OFlags};
use rustix::io::Errno;

use super::super::bounds;
use super::super::copied::Copied;
use super::super::owners::{is_path_alone, socket_inode};
use super::super::proc_dir::{is_gone, open_proc};
use super::Protocols;
use crate::model::{Pid, Protocol, Uid};
use crate::platform::decode::descriptor;

/// Longer than a well-behaved program takes to be executed.
const PATIENCE: Duration = Duration::from_secs(1);

/// How many copies wait to be asked: while one is open, portwho holds the socket too.
const COPIES: usize = 1;

/// The kernel's names are at most 32 bytes long (`struct proto`).
const LONGEST_NAME: usize = 64;

/// What a descriptor refers to.
#[derive(Debug)]
pub(super) enum Examined {
    /// A TCP or UDP socket.
    Inet(Protocol, Copied),
    /// A socket of another kind.
    Other,
    /// Something else by now, or nothing: the inode of the socket that it was, and the processes,
    /// whose other descriptors may have changed too.
    Changed(u64, BTreeSet<Pid>),
}

/// A descriptor of a socket that is in no table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Candidate {
    pub(super) inode: u64,
    pub(super) pid: Pid,
    pub(super) descriptor: u32,
    /// The user whose process it is.
    pub(super) user: Uid,
}

impl Candidate {
    /// Its kind, and a copy where it is one of TCP or UDP; none where it refers to something else
    /// by now.
    fn examine(
        self,
        proc: &OwnedFd,
        protocols: Protocols,
        is_stuck: bool,
    ) -> rustix::io::Result<Option<Examined>> {
        let protocol = match self.protocol(proc) {
            Ok(Kind::Inet(protocol)) if protocols.contains(&protocol) => protocol,
            Ok(Kind::Inet(_) | Kind::Other) => return Ok(Some(Examined::Other)),
            Ok(Kind::Changed) => return Ok(None),
            Err(error) if is_gone(error) => return Ok(None),
            Err(error) => return Err(error),
        };
        if is_stuck {
            return Err(Errno::TIMEDOUT);
        }
        let copied = Copied::of(self.pid, self.descriptor, self.inode)?;
        Ok(copied.map(|copied| Examined::Inet(protocol, copied)))
    }

    fn protocol(self, proc: &OwnedFd) -> rustix::io::Result<Kind> {
        let Some(name) = self.protocol_name(proc)? else { return Ok(Kind::Changed) };
        Ok(descriptor::protocol(&name).map_or(Kind::Other, Kind::Inet))
    }

    /// Whether it is a socket of TCP itself, of which no other protocol makes use; none where it
    /// refers to something else by now.
    pub(super) fn is_plain_tcp(self, proc: &OwnedFd) -> rustix::io::Result<Option<bool>> {
        Ok(self.protocol_name(proc)?.map(|name| descriptor::is_plain_tcp(&name)))
    }

    /// The kernel's name of its protocol; none where it refers to something else by now.
    fn protocol_name(self, proc: &OwnedFd) -> rustix::io::Result<Option<Vec<u8>>> {
        let path = format!("{}/fd/{}", self.pid, self.descriptor);
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let file = rustix::fs::openat(proc, path, flags, Mode::empty())?;
        // Not `self`: the thread may have a table of its own.
        let path = format!("/proc/thread-self/fd/{}", file.as_raw_fd());
        let link = rustix::fs::readlinkat(CWD, path.as_str(), Vec::new())?;
        if socket_inode(link.as_bytes()) != Some(self.inode) {
            return Ok(None);
        }
        let mut name = [0_u8; LONGEST_NAME];
        let length = rustix::fs::getxattr(path.as_str(), c"system.sockprotoname", &mut name)?;
        Ok(Some(name.get(..length).unwrap_or_default().to_vec()))
    }
}

/// What `system.sockprotoname` says.
#[derive(PartialEq, Eq, Debug)]
enum Kind {
    Inet(Protocol),
    Other,
    /// The descriptor refers to something else by now.
    Changed,
}

/// How many candidates a socket has, and what it is.
type Answer = (usize, rustix::io::Result<Examined>);

/// Examines each socket among candidates once.
pub(super) struct Examiner {
    /// In the order of their inodes.
    candidates: Arc<[Candidate]>,
    protocols: Protocols,
    /// Where the next socket begins.
    next: usize,
    worker: Option<Worker>,
    /// Users of whom a process kept a worker waiting.
    stuck: FxHashSet<Uid>,
}

impl Examiner {
    pub(super) fn new(candidates: Vec<Candidate>, protocols: Protocols) -> Self {
        let (worker, stuck) = Default::default();
        Self { candidates: candidates.into(), protocols, next: 0, worker, stuck }
    }

    /// The candidates that are still to be examined.
    pub(super) fn rest(&self) -> &[Candidate] {
        self.candidates.get(self.next..).unwrap_or_default()
    }

    /// The next socket; none when all have been examined.
    pub(super) fn next(&mut self) -> Option<rustix::io::Result<Examined>> {
        let of_next = sockets(self.rest()).next()?.len();
        let worker = match self.worker.take() {
            Some(worker) => worker,
            None => {
                if let Ok(worker) = Worker::start(self) {
                    worker
                } else {
                    self.next += of_next;
                    return Some(Err(Errno::AGAIN));
                }
            }
        };
        let (count, examined) =
            match worker.answers.recv_timeout(bounds::patience(PATIENCE, self.stuck.len())) {
                Ok(answer) => {
                    self.worker = Some(worker);
                    answer
                }
                Err(RecvTimeoutError::Timeout) => {
                    self.stuck.insert(Uid(worker.user.load(Ordering::Relaxed)));
                    (of_next, Err(Errno::TIMEDOUT))
                }
                Err(RecvTimeoutError::Disconnected) => (of_next, Err(Errno::AGAIN)),
            };
        self.next += count;
        Some(examined)
    }
}

/// The candidates of each socket.
fn sockets(candidates: &[Candidate]) -> impl Iterator<Item = &[Candidate]> {
    candidates.chunk_by(|one, other| one.inode == other.inode)
}

/// A thread that examines what is left. Nothing waits for its end.
struct Worker {
    answers: Receiver<Answer>,
    /// Whose process it examines.
    user: Arc<AtomicU32>,
}

impl Worker {
    fn start(examiner: &Examiner) -> std::io::Result<Self> {
        let (say, answers) = sync_channel(COPIES);
        let user = Arc::new(AtomicU32::new(0));
        let work = Work {
            proc: open_proc()?,
            candidates: Arc::clone(&examiner.candidates),
            protocols: examiner.protocols,
            start: examiner.next,
            stuck: examiner.stuck.clone(),
            user: Arc::clone(&user),
            say,
        };
        thread::Builder::new().spawn(move || work.run())?;
        Ok(Self { answers, user })
    }
}

/// What a worker needs.
struct Work {
    proc: OwnedFd,
    candidates: Arc<[Candidate]>,
    protocols: Protocols,
    start: usize,
    stuck: FxHashSet<Uid>,
    user: Arc<AtomicU32>,
    say: SyncSender<Answer>,
}

impl Work {
    fn run(self) {
        let candidates = self.candidates.get(self.start..).unwrap_or_default();
        for of_one in sockets(candidates) {
            // A descriptor may be closed meanwhile, while the next one is not.
            let examined = of_one.iter().find_map(|one| self.examine(*one).transpose());
            let examined = examined.unwrap_or_else(|| Ok(self.without_socket(of_one)));
            if self.say.send((of_one.len(), examined)).is_err() {
                return;
            }
        }
    }

    /// What the descriptors are of which none is the socket: paths to it may be all that is left.
    fn without_socket(&self, of_one: &[Candidate]) -> Examined {
        let is_path = |one: &Candidate| {
            is_path_alone(&self.proc, format!("{}/fd/{}", one.pid, one.descriptor))
        };
        match of_one.first() {
            Some(first) if !of_one.iter().all(is_path) => {
                Examined::Changed(first.inode, of_one.iter().map(|one| one.pid).collect())
            }
            _ => Examined::Other,
        }
    }

    fn examine(&self, candidate: Candidate) -> rustix::io::Result<Option<Examined>> {
        self.user.store(candidate.user.0, Ordering::Relaxed);
        candidate.examine(&self.proc, self.protocols, self.stuck.contains(&candidate.user))
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;
    use std::os::linux::fs::MetadataExt;

    use super::super::ALL;
    use super::*;

    #[test]
    fn many_that_are_stuck_are_not_waited_for_long() {
        let waited: Duration = (0..100_000).map(|stuck| bounds::patience(PATIENCE, stuck)).sum();
        assert!(waited < 2 * PATIENCE, "{waited:?}");
        assert_eq!(bounds::patience(PATIENCE, usize::MAX / 2), Duration::ZERO);
    }

    #[test]
    fn a_path_to_a_closed_socket_is_none() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let link = format!("/proc/self/fd/{}", socket.as_raw_fd());
        let inode = std::fs::metadata(&link).unwrap().st_ino();
        let flags = OFlags::PATH | OFlags::CLOEXEC;
        let path = rustix::fs::open(link, flags, Mode::empty()).unwrap();
        let (pid, user) = (Pid(std::process::id()), Uid(0));
        let descriptor = path.as_raw_fd().cast_unsigned();
        drop(socket);
        let candidate = Candidate { inode, pid, descriptor, user };
        let examined = Examiner::new(vec![candidate], ALL).next();
        assert!(matches!(examined, Some(Ok(Examined::Other))), "{examined:?}");
        let gone = Candidate { descriptor: u32::MAX, ..candidate };
        let examined = Examiner::new(vec![gone], ALL).next();
        assert!(matches!(examined, Some(Ok(Examined::Changed(..)))), "{examined:?}");
    }

    #[test]
    fn a_descriptor_of_something_else_is_not_copied() {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let descriptor = socket.as_raw_fd().cast_unsigned();
        let path = format!("/proc/self/fd/{descriptor}");
        let inode = std::fs::metadata(path).unwrap().st_ino();
        let (pid, user, proc) = (Pid(std::process::id()), Uid(0), open_proc().unwrap());
        let candidate = |inode| Candidate { inode, pid, descriptor, user };
        assert_eq!(candidate(inode).protocol(&proc), Ok(Kind::Inet(Protocol::Udp)));
        assert_eq!(candidate(inode + 1).protocol(&proc), Ok(Kind::Changed));
        assert_eq!(candidate(inode).examine(&proc, ALL, true).unwrap_err(), Errno::TIMEDOUT);
    }
}
