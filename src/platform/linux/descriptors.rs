//! The descriptors of a thread, named instead of listed where that is cheaper.

use std::os::fd::OwnedFd;

use rustix::fs::SeekFrom;

use super::proc_dir::{Entries, open_dir};

/// Where descriptor 0 stands in its directory: behind `.` and `..`.
const FIRST: u64 = 2;

/// How many numbers without a descriptor are tried before the rest is listed.
const HOLES: u64 = 2;

/// Whether a descriptor's number is its place in the directory, so that the rest can be listed
/// when some have been named. Other makers of a /proc may do otherwise, so our own are looked at,
/// while nothing opens others.
pub(super) fn can_be_named(proc: &OwnedFd) -> bool {
    open_dir(proc, c"self/fd").and_then(|own| has_expected_places(&own)).unwrap_or(false)
}

fn has_expected_places(own: &OwnedFd) -> rustix::io::Result<bool> {
    let mut entries = Entries::new();
    let Some(last) = list(own, &mut entries)?.into_iter().max() else { return Ok(false) };
    seek(own, last)?;
    Ok(list(own, &mut entries)? == [last])
}

fn list(directory: &OwnedFd, entries: &mut Entries) -> rustix::io::Result<Vec<u32>> {
    let mut numbers = Vec::new();
    entries.for_each_number(directory, |_, number| {
        numbers.push(number);
        Ok(())
    })?;
    Ok(numbers)
}

/// Calls `visit` with every descriptor in `directory`, which tells whether there is one.
///
/// The lowest free number is given out first (open(2)), so most tables are 0, 1, 2 and so on, with
/// few holes, and the kernel is quicker when it need not list those before they are read. What
/// stays open meanwhile is found, whatever else is opened and closed: by its number, or in the
/// list of the rest.
pub(super) fn for_each(
    directory: &OwnedFd,
    can_be_named: bool,
    entries: &mut Entries,
    mut visit: impl FnMut(u32) -> rustix::io::Result<bool>,
) -> rustix::io::Result<()> {
    if can_be_named {
        let (mut left, mut holes, mut next) = (size(directory)?, HOLES, 0);
        while left > 0 && holes > 0 {
            let passed = if visit(next)? { &mut left } else { &mut holes };
            *passed -= 1;
            next += 1;
        }
        seek(directory, next)?;
    }
    entries.for_each_number(directory, |_, number| visit(number).map(drop))
}

/// Goes to where `descriptor` stands, or the next one.
fn seek(directory: &OwnedFd, descriptor: u32) -> rustix::io::Result<()> {
    rustix::fs::seek(directory, SeekFrom::Start(FIRST + u64::from(descriptor))).map(drop)
}

/// How many descriptors are open: the size of their directory since Linux 6.2, 0 before that.
fn size(directory: &OwnedFd) -> rustix::io::Result<u64> {
    Ok(rustix::fs::fstat(directory)?.st_size.cast_unsigned())
}
