//! A table of descriptors, named instead of listed where that is cheaper.

use std::ops::Range;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::SeekFrom;

use super::super::proc_dir::{Entries, is_gone, open_dir};
use crate::model::Uid;

/// Where descriptor 0 stands in its directory: after `.` and `..`.
const FIRST: u64 = 2;

/// How many numbers without a descriptor are tried before the rest is listed.
const HOLES: u32 = 2;

/// Larger tables are searched in parts of this size, which several threads can share.
const PART: u32 = 4096;

/// Whether a descriptor's number is its place in the directory, so that the rest can be listed
/// when some have been named. Other makers of a /proc may do otherwise, so our own are looked at,
/// while nothing opens others.
pub(in crate::platform::linux) fn can_be_named(proc: &OwnedFd) -> bool {
    let own = Table::open(proc, c"self/fd", false);
    own.is_ok_and(|own| own.is_some_and(|own| own.has_expected_places().unwrap_or(false)))
}

/// The descriptors of a thread.
#[derive(Debug)]
pub(in crate::platform::linux) struct Table {
    directory: OwnedFd,
    /// How many there are, as the size of the directory has shown since Linux 6.2. Only a hint: 0 where it
    /// shows nothing, or where they cannot be named.
    size: u32,
    /// Whom the directory belongs to: the user of the process, or root where it is not dumpable.
    user: Uid,
}

impl Table {
    /// The table whose directory is at `path`; none when its thread is gone.
    ///
    /// # Errors
    /// When it may not be looked at.
    pub(in crate::platform::linux) fn open(
        parent: impl AsFd,
        path: impl rustix::path::Arg,
        can_be_named: bool,
    ) -> rustix::io::Result<Option<Self>> {
        let directory = match open_dir(parent, path) {
            Err(error) if is_gone(error) => return Ok(None),
            opened => opened?,
        };
        // A thread that has ended meanwhile no longer has a size, and nothing to list either.
        let stat = rustix::fs::fstat(&directory).ok();
        let size = stat.as_ref().filter(|_| can_be_named).map(|stat| stat.st_size);
        let size = size.and_then(|size| u32::try_from(size).ok()).unwrap_or_default();
        let user = Uid(stat.map_or(0, |stat| stat.st_uid));
        Ok(Some(Self { directory, size, user }))
    }

    /// How many descriptors there are; 0 where that is not known.
    pub(in crate::platform::linux) const fn size(&self) -> u32 {
        self.size
    }

    /// Whom the process belongs to, as far as is shown.
    pub(in crate::platform::linux) const fn user(&self) -> Uid {
        self.user
    }

    /// Its directory.
    pub(in crate::platform::linux) fn directory(&self) -> &OwnedFd {
        &self.directory
    }

    /// All numbers, in parts of which each is worth a thread's while, and how many descriptors each
    /// has if there are no holes.
    pub(in crate::platform::linux) fn parts(&self) -> impl Iterator<Item = (Range<u32>, u32)> {
        let last = self.size / PART;
        (0..=last).map(move |part| {
            let end = if part == last { u32::MAX } else { (part + 1) * PART };
            (part * PART..end, if part == last { self.size % PART } else { PART })
        })
    }

    /// Calls `visit` with every descriptor in `numbers`, which tells whether there is one.
    ///
    /// The lowest free number is given out first (open(2)), so most tables are 0, 1, 2 and so on,
    /// with few holes, and the kernel is quicker when it need not list those before they are read.
    /// What stays open meanwhile is found, whatever else is opened and closed: by its number, or in
    /// the list of the rest. (What moves to a lower number may be missed, as it may in a list.)
    pub(in crate::platform::linux) fn for_each(
        &self,
        numbers: Range<u32>,
        entries: &mut Entries,
        mut visit: impl FnMut(u32) -> rustix::io::Result<bool>,
    ) -> rustix::io::Result<()> {
        let (mut left, mut holes) = (self.size.saturating_sub(numbers.start), HOLES);
        let mut next = numbers.start;
        while left > 0 && holes > 0 && next < numbers.end {
            let passed = if visit(next)? { &mut left } else { &mut holes };
            *passed -= 1;
            next += 1;
        }
        if next == numbers.end {
            return Ok(());
        }
        if next > 0 {
            self.go_to(next)?;
        }
        for listed in entries.numbers(&self.directory) {
            let descriptor = listed?;
            if descriptor >= numbers.end {
                break;
            }
            visit(descriptor)?;
        }
        Ok(())
    }

    /// Goes to where `descriptor` stands in the directory, or the next one.
    fn go_to(&self, descriptor: u32) -> rustix::io::Result<()> {
        let place = SeekFrom::Start(FIRST + u64::from(descriptor));
        rustix::fs::seek(&self.directory, place).map(drop)
    }

    fn has_expected_places(&self) -> rustix::io::Result<bool> {
        // Without a hole a number and a place would be the same.
        let behind_a_hole = self.directory.as_raw_fd() + 8;
        let _far = rustix::io::fcntl_dupfd_cloexec(&self.directory, behind_a_hole)?;
        let mut entries = Entries::new();
        let mut rest = || entries.numbers(&self.directory).collect::<Result<Vec<_>, _>>();
        let Some(highest) = rest()?.into_iter().max() else { return Ok(false) };
        self.go_to(highest)?;
        Ok(rest()? == [highest])
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::sync::mpsc;
    use std::thread;
    use std::time::{Duration, Instant};

    use super::super::super::proc_dir::open_proc;
    use super::*;

    /// Descriptors of this process, which other tests open and close too.
    fn own() -> Table {
        Table::open(open_proc().unwrap(), c"self/fd", true).unwrap().unwrap()
    }

    /// A thread is joined a little before the kernel forgets it.
    fn wait_until_gone(path: &str) {
        let deadline = Instant::now() + Duration::from_secs(10);
        while std::fs::exists(format!("/proc/{path}")).unwrap() {
            assert!(Instant::now() < deadline, "{path} is still there");
            thread::yield_now();
        }
    }

    #[test]
    fn what_is_opened_meanwhile_hides_nothing() {
        let file = File::open("/dev/null").unwrap();
        let far = rustix::io::fcntl_dupfd_cloexec(&file, 200).unwrap();
        let mut opened = Vec::new();
        let mut found = Vec::new();
        let table = own();
        let visit = |number| {
            // As many as were counted stand before the far one now.
            opened.extend((opened.len() < 40).then(|| File::open("/dev/null").unwrap()));
            found.push(number);
            Ok(true)
        };
        table.for_each(0..u32::MAX, &mut Entries::new(), visit).unwrap();
        assert!(found.contains(&far.as_raw_fd().cast_unsigned()), "{found:?}");
    }

    #[test]
    fn an_ended_thread_has_an_empty_table() {
        let (say, hear) = mpsc::channel();
        let (end, wait) = mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            say.send(rustix::thread::gettid().as_raw_nonzero()).unwrap();
            wait.recv()
        });
        let proc = open_proc().unwrap();
        let path = format!("self/task/{}/fd", hear.recv().unwrap());
        let table = Table::open(&proc, path.as_str(), true).unwrap().unwrap();
        drop(end);
        assert!(thread.join().unwrap().is_err());
        wait_until_gone(&path);
        let visited = table.for_each(0..u32::MAX, &mut Entries::new(), |_| Ok(false));
        assert!(visited.is_err_and(is_gone));
        assert!(Table::open(&proc, path.as_str(), true).unwrap().is_none());
    }

    #[test]
    fn parts_follow_each_other_to_the_end() {
        let ends = |(numbers, _): (Range<u32>, u32)| (numbers.start, numbers.end);
        let parts = |size| Table { size, ..own() }.parts().map(ends).collect::<Vec<_>>();
        assert_eq!(parts(0), [(0, u32::MAX)]);
        assert_eq!(parts(PART - 1), [(0, u32::MAX)]);
        assert_eq!(parts(PART), [(0, PART), (PART, u32::MAX)]);
        assert_eq!(parts(2 * PART + 1), [(0, PART), (PART, 2 * PART), (2 * PART, u32::MAX)]);
    }
}
