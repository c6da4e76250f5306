#![allow(clippy::print_stderr, reason = "skips are printed")]

use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::os::linux::fs::MetadataExt;
use std::time::{Duration, Instant};

use super::*;
use crate::platform::decode::task_records::What;

/// The programs; none where this kernel, or what this test may do, does not allow them.
fn kernel() -> Option<Kernel> {
    match Kernel::open() {
        Ok(kernel) => Some(kernel),
        Err(refusal) => {
            eprintln!("skipped: {refusal}");
            None
        }
    }
}

fn later() -> Deadline {
    Deadline::after(Duration::from_mins(1))
}

fn own_inode(descriptor: i32) -> u64 {
    std::fs::metadata(format!("/proc/self/fd/{descriptor}")).unwrap().st_ino()
}

fn references_of(found: &[Record]) -> u64 {
    match found {
        [Record { what: What::Socket { references, .. }, .. }, ..] => *references,
        _ => 0,
    }
}

#[test]
fn each_descriptor_is_a_reference_and_the_iterators_own_is_none() {
    let Some(kernel) = kernel() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let held: Vec<_> = (0..3).map(|_| listener.try_clone().unwrap()).collect();
    kernel.sift([own_inode(listener.as_raw_fd())]).unwrap();
    let latest = Instant::now() + Duration::from_mins(1);
    loop {
        let mut found = Vec::new();
        kernel.descriptors(None, later(), |record| found.push(record)).unwrap();
        found.retain(|record| matches!(record.what, What::Socket { .. }));
        let references = references_of(&found);
        // A child that another test starts has them too, until it executes.
        if found.len() == held.len() + 1 && references == 4 {
            return;
        }
        assert!(references >= 4 && Instant::now() < latest, "{found:?}");
    }
}

#[test]
fn an_own_socket_is_found_with_its_process_thread_and_descriptor() {
    let Some(kernel) = kernel() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let descriptor = listener.as_raw_fd();
    let inode = own_inode(descriptor);
    kernel.sift([inode]).unwrap();
    let mut found = Vec::new();
    let seen = |record: Record| found.push(record);
    assert_eq!(kernel.descriptors(None, later(), seen).unwrap(), Reach::Everything);
    let own = std::process::id();
    found.retain(|record| record.process == own);
    let [Record { thread, what: What::Socket { table, .. }, .. }] = found[..] else {
        panic!("{found:?}")
    };
    assert_eq!(thread, own);
    let descriptor = descriptor.cast_unsigned();
    // A child of another test may have it for a moment.
    let references = references_of(&found);
    assert!(references >= 1, "{found:?}");
    assert_eq!(found[0].what, What::Socket { inode, descriptor, table, references });
}

#[test]
fn what_is_not_wanted_is_not_reported() {
    let Some(kernel) = kernel() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    // Another place in the sieve.
    kernel.sift([own_inode(listener.as_raw_fd()) ^ 1]).unwrap();
    let own = std::process::id();
    let mut found = Vec::new();
    let seen = |record: Record| found.extend((record.process == own).then_some(record));
    kernel.descriptors(None, later(), seen).unwrap();
    let inode = own_inode(listener.as_raw_fd());
    let is_it =
        |record: &Record| matches!(record.what, What::Socket { inode: it, .. } if it == inode);
    assert!(!found.iter().any(is_it), "{found:?}");
}

#[test]
fn every_process_has_its_table() {
    let Some(kernel) = kernel() else { return };
    let own = std::process::id();
    let mut tables = Vec::new();
    kernel.tables(later(), |record| tables.push(record)).unwrap();
    let mine: Vec<_> = tables.iter().filter(|record| record.process == own).collect();
    assert!(matches!(mine[..], [Record { thread, .. }] if *thread == own), "{mine:?}");
    let parent = std::os::unix::process::parent_id();
    assert!(tables.iter().any(|record| record.process == parent), "{parent}: {tables:?}");
}

#[test]
fn the_time_ends_a_reading() {
    let Some(kernel) = kernel() else { return };
    kernel.sift([]).unwrap();
    let over = Deadline::after(Duration::ZERO);
    assert_eq!(kernel.tables(over, |_| {}).unwrap(), Reach::Cut);
}

#[test]
fn the_task_that_is_asked_for_comes_alone_where_that_works() {
    let Some(kernel) = kernel() else { return };
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    kernel.sift([own_inode(listener.as_raw_fd())]).unwrap();
    if !kernel.chooses_tasks(later()).unwrap() {
        return eprintln!("skipped: no task can be chosen (Linux 6.1)");
    }
    let own = std::process::id();
    let mut found = Vec::new();
    kernel.descriptors(Some(own), later(), |record| found.push(record)).unwrap();
    assert!(!found.is_empty() && found.iter().all(|record| record.thread == own), "{found:?}");
}

/// Nothing is proven by a reading that did not come to its end.
#[test]
fn without_time_no_task_can_be_chosen() {
    let Some(kernel) = kernel() else { return };
    assert!(!kernel.chooses_tasks(Deadline::after(Duration::ZERO)).unwrap());
}

#[test]
fn threads_of_the_kernel_have_room_for_nothing() {
    let Some(kernel) = kernel() else { return };
    if std::fs::read("/proc/2/comm").ok().as_deref() != Some(b"kthreadd\n") {
        return eprintln!("skipped: PID 2 is not kthreadd");
    }
    let mut sizes = Vec::new();
    let own = std::process::id();
    let seen = |record: Record| {
        if let What::Table { size, .. } = record.what
            && [2, own].contains(&record.process)
        {
            sizes.push((record.process, size > 0));
        }
    };
    kernel.tables(later(), seen).unwrap();
    assert_eq!(sizes, [(2, false), (own, true)]);
}

#[test]
fn records_that_fill_more_than_a_reading_come_whole() {
    let count: u32 = 5000;
    let record = |thread: u32| {
        let kind = 3_u32;
        [&[0; 28][..], &thread.to_ne_bytes(), &[0; 4], &kind.to_ne_bytes()].concat()
    };
    let file = rustix::fs::memfd_create("records", rustix::fs::MemfdFlags::CLOEXEC).unwrap();
    let bytes: Vec<u8> = (0..count).flat_map(record).collect();
    assert!(bytes.len() > 2 * BUFFER);
    assert_eq!(rustix::io::pwrite(&file, &bytes, 0).unwrap(), bytes.len());
    let mut threads = Vec::new();
    let reach = read(&file, later(), |record| threads.push(record.thread)).unwrap();
    assert_eq!(reach, Reach::Everything);
    assert_eq!(threads, (0..count).collect::<Vec<_>>());
}
