//! What is registered in io_urings: files that are open without a descriptor.

use std::collections::BTreeMap;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::thread;
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::super::bounds;
use super::super::proc_dir::is_gone;
use super::budgets::{Budgets, Kind, Stopwatch};
use super::findings::Ring;
use super::searcher::{Searcher, socket_inode};
use super::sharing::{Known, Settled};
use crate::model::{Holder, LeftOut, Pid, Uid};
use crate::platform::decode::ring_info;

/// How often a ring is read at most; a few microseconds each.
const READINGS: usize = 32;

/// After this many readings the process that uses the ring may itself be waiting for a processor.
const EAGER_READINGS: usize = 16;

/// How long there is between two readings then.
const PAUSE: Duration = Duration::from_micros(500);

/// How much is read at once, and so what a budget may be passed by.
const PIECE: usize = 64 * 1024;

/// An io_uring, and who has descriptors of it: it is read once, whoever holds it.
#[derive(Debug)]
pub(super) struct SharedRing {
    /// Whose budget it is read from.
    pub(super) user: Uid,
    /// One descriptor of each process.
    pub(super) holders: Vec<Ring>,
}

/// Puts the descriptors of each ring together, as far as kcmp(2) tells: one user's tell nothing of
/// another's. Those of processes with few rings come first.
pub(super) fn settle(mut rings: Vec<Ring>, budgets: &Budgets) -> Vec<SharedRing> {
    let mut counts: BTreeMap<Pid, usize> = BTreeMap::new();
    for ring in &rings {
        *counts.entry(ring.pid).or_default() += 1;
    }
    let count = |ring: &Ring| counts.get(&ring.pid).copied().unwrap_or_default();
    rings.sort_by_key(|ring| (budgets.turn(ring.user), count(ring), ring.pid));
    let mut known: BTreeMap<Uid, Known<Ring>> = BTreeMap::new();
    let mut places: BTreeMap<(Uid, usize), usize> = BTreeMap::new();
    let mut shared: Vec<SharedRing> = Vec::new();
    for ring in rings {
        if !budgets.take(ring.user, Kind::Comparisons, 1) {
            budgets.leave_out(ring.user, LeftOut { rings: 1, ..LeftOut::default() });
            continue;
        }
        let settled = known.entry(ring.user).or_default().settle(ring);
        let place = match settled {
            Settled::Same(place) => places.get(&(ring.user, place)).copied(),
            Settled::New(place) => {
                places.insert((ring.user, place), shared.len());
                None
            }
            Settled::Unknown => None,
        };
        match place.and_then(|place| shared.get_mut(place)) {
            Some(same) => same.add(ring),
            None => shared.push(SharedRing { user: ring.user, holders: vec![ring] }),
        }
    }
    shared
}

impl SharedRing {
    fn add(&mut self, ring: Ring) {
        // One descriptor names the process; in order, its others stand next to each other.
        if self.holders.last().is_none_or(|last| last.pid != ring.pid) {
            self.holders.push(ring);
        }
    }
}

impl Searcher<'_> {
    /// Looks into a ring: the files that are registered there.
    pub(super) fn visit_ring(&mut self, proc: &OwnedFd, ring: &SharedRing) {
        self.search_ring(proc.as_fd(), ring, |ring| {
            format!("{}/task/{}/fdinfo/{}", ring.pid, ring.thread, ring.descriptor)
        });
    }

    /// Reads a ring by the first descriptor of it that is still open.
    pub(super) fn search_ring(
        &mut self,
        parent: BorrowedFd<'_>,
        ring: &SharedRing,
        path: impl Fn(&Ring) -> String,
    ) {
        let budgets = self.shared.budgets;
        let mut read = ring.holders.iter().map(|one| read(parent, &path(one), ring.user, budgets));
        let Some(registered) = read.find_map(|registered| registered) else { return };
        self.findings.silent_rings += usize::from(registered.is_silent);
        if registered.is_cut {
            self.leave_out(ring.user, LeftOut { rings: 1, ..LeftOut::default() });
        }
        let wanted = registered.sockets.iter().filter(|inode| self.shared.wanted.contains(inode));
        let pids = self.holders_of(ring);
        for inode in wanted {
            if !budgets.take(ring.user, Kind::Processes, pids.len() as u64) {
                let descriptors = pids.len();
                self.leave_out(ring.user, LeftOut { descriptors, ..LeftOut::default() });
                continue;
            }
            let holders = pids.iter().map(|pid| Holder { pid: *pid, descriptor: None });
            self.findings.held.extend(holders.map(|holder| (*inode, holder)));
        }
    }

    /// The processes that have a descriptor of the ring, be it in a table that they share.
    fn holders_of(&self, ring: &SharedRing) -> Vec<Pid> {
        let sharers = |pid| self.shared.sharers.get(&pid).into_iter().flatten().copied();
        ring.holders.iter().flat_map(|one| [one.pid].into_iter().chain(sharers(one.pid))).collect()
    }
}

/// What was read of a ring.
#[derive(Debug, Default)]
struct Registered {
    /// The sockets that are registered there.
    sockets: Vec<u64>,
    /// Whether the kernel reported nothing.
    is_silent: bool,
    /// Whether the budget ended before the ring did.
    is_cut: bool,
}

/// Reads the ring whose fdinfo is at `path`, again while it is in use, which is soon over; none
/// when it is gone.
fn read(parent: BorrowedFd<'_>, path: &str, user: Uid, budgets: &Budgets) -> Option<Registered> {
    let mut stopwatch = Stopwatch::start();
    let mut reading = Reading::default();
    for number in 1..=READINGS {
        match Reading::of(parent, path, user, budgets) {
            Err(error) if is_gone(error) => return None,
            read => reading = read.unwrap_or_default(),
        }
        if reading.is_cut || !ring_info::was_in_use(&reading.text) {
            break;
        }
        if number < EAGER_READINGS { thread::yield_now() } else { thread::sleep(PAUSE) }
    }
    budgets.note_time(user, stopwatch.lap());
    let is_silent = !reading.is_cut && ring_info::is_silent(&reading.text);
    let files = ring_info::registered_files(&reading.text).filter(|_| !is_silent);
    Some(Registered {
        sockets: files.filter_map(socket_inode).collect(),
        is_silent,
        is_cut: reading.is_cut,
    })
}

#[derive(Debug, Default)]
struct Reading {
    text: Vec<u8>,
    is_cut: bool,
}

impl Reading {
    fn of(
        parent: BorrowedFd<'_>,
        path: &str,
        user: Uid,
        budgets: &Budgets,
    ) -> rustix::io::Result<Self> {
        if !budgets.take(user, Kind::Rings, bounds::SEARCH_RING_READING) {
            return Ok(Self { text: Vec::new(), is_cut: true });
        }
        let flags = OFlags::RDONLY | OFlags::CLOEXEC;
        let file = rustix::fs::openat(parent, path, flags, Mode::empty())?;
        let mut text = Vec::with_capacity(PIECE);
        loop {
            text.reserve(PIECE);
            match rustix::io::read(&file, spare_capacity(&mut text)) {
                Ok(0) => return Ok(Self { text, is_cut: false }),
                Ok(count) => budgets.charge(user, Kind::Rings, count as u64),
                Err(Errno::INTR) => {}
                Err(error) => return Err(error),
            }
            if budgets.left(user, Kind::Rings) == 0 {
                return Ok(Self { text, is_cut: true });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd;

    use super::super::super::proc_dir::open_dir;
    use super::*;

    #[test]
    fn a_ring_without_a_report_is_silent() {
        let folder = std::env::temp_dir().join(format!("portwho-rings-{}", std::process::id()));
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("silent"), "pos:\t0\n").unwrap();
        std::fs::write(folder.join("told"), "UserFiles:\t1\n    0: socket:[4711]\n").unwrap();
        let parent = open_dir(rustix::fs::CWD, folder.as_path()).unwrap();
        let budgets = Budgets::default();
        let read = |file| read(parent.as_fd(), file, Uid(7), &budgets);
        assert!(read("silent").unwrap().is_silent);
        assert!(read("gone").is_none());
        let told = read("told").unwrap();
        assert!(!told.is_silent && !told.is_cut);
        assert_eq!(told.sockets, [4711]);
        budgets.charge(Uid(7), Kind::Rings, u64::MAX / 2);
        assert!(read("told").unwrap().is_cut);
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
