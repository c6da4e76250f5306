//! Roles of a user who makes the search for owners expensive.
//!
//! Each prints its PIDs in a line when everything is made, or why that is refused, and lives until
//! the end of its input. Where a word is an address, something listens there that only a deep
//! search finds.

use std::env;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::net::TcpListener;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;

use io_uring::IoUring;
use nix::sched::{CloneFlags, unshare};
use rustix::process::{
    DumpableBehavior, Signal, set_dumpable_behavior, set_parent_process_death_signal,
};

use super::ffi::spawn_sharing_descriptors;
use super::limits::allow_descriptors;
use super::process::ROLE;
use super::role::{Play, say};

/// The roles, by their names.
pub const ROLES: &[(&str, Play)] = &[
    ("ring-copies", ring_copies),
    ("rings", rings),
    ("ring-family", ring_family),
    ("ring-heir", ring_heir),
    ("own-tables", own_tables),
    ("shared-table", shared_table),
    ("large-table", large_table),
];

/// `ring-copies REGISTERED COPIES`: an io_uring with REGISTERED files, whose descriptor
/// is duplicated.
fn ring_copies(words: &[String]) {
    let (registered, count) = (number(words, 0), number(words, 1));
    allow(registered.max(count));
    let made = ring(registered, None).and_then(|ring| {
        let copies = copies(ring.as_fd(), count)?;
        Ok((ring, copies))
    });
    stay(&made, &[]);
}

/// `rings COUNT REGISTERED [ADDRESS]`: COUNT io_urings, and in the last one the listener too.
fn rings(words: &[String]) {
    let (count, registered) = (number(words, 0), number(words, 1));
    allow(count.max(registered));
    let address = |place: usize| words.get(2).filter(|_| place + 1 == count);
    let made: io::Result<Vec<IoUring>> =
        (0..count).map(|place| ring(registered, address(place))).collect();
    stay(&made, &[]);
}

/// `ring-family REGISTERED PROCESSES ADDRESS`: an io_uring in which the listener is registered,
/// and that many processes that have inherited it.
fn ring_family(words: &[String]) {
    let (registered, count) = (number(words, 0), number(words, 1));
    allow(registered);
    let made = ring(registered, words.get(2));
    let Ok(ring) = &made else { return stay(&made, &[]) };
    let heirs: Vec<Child> = (0..count).map(|_| heir(rustix::io::dup(ring).expect("dup"))).collect();
    let pids: Vec<u32> = heirs.iter().map(Child::id).collect();
    stay(&made, &pids);
}

/// Starts a process that holds the ring as its standard input.
fn heir(ring: OwnedFd) -> Child {
    let mut heir = Command::new(env::args_os().next().expect("own name"));
    heir.env(ROLE, "ring-heir").stdin(Stdio::from(ring)).stdout(Stdio::piped());
    let mut heir = heir.spawn().expect("spawn");
    let mut line = String::new();
    BufReader::new(heir.stdout.take().expect("a pipe")).read_line(&mut line).expect("read");
    heir
}

/// `ring-heir`: holds what it has inherited until its parent ends.
fn ring_heir(_words: &[String]) {
    set_parent_process_death_signal(Some(Signal::KILL)).expect("prctl");
    say("ready");
    loop {
        thread::park();
    }
}

/// `own-tables THREADS DESCRIPTORS [undumpable]`: that many threads, each with a table of its own of that
/// many descriptors.
fn own_tables(words: &[String]) {
    let (threads, descriptors) = (number(words, 0), number(words, 1));
    allow(descriptors);
    if words.get(2).is_some_and(|word| word == "undumpable") {
        set_dumpable_behavior(DumpableBehavior::NotDumpable).expect("prctl");
    }
    let (made, makes) = mpsc::channel();
    for _ in 0..threads {
        let made = made.clone();
        thread::spawn(move || {
            unshare(CloneFlags::CLONE_FILES).expect("a table of its own");
            let null = File::open("/dev/null").expect("open");
            let _held = copies(null.as_fd(), descriptors).expect("dup");
            made.send(()).expect("send");
            loop {
                thread::park();
            }
        });
    }
    (0..threads).for_each(|_| makes.recv().expect("a thread"));
    stay(&Ok(()), &[]);
}

/// `shared-table PROCESSES DESCRIPTORS [ADDRESS]`: a table of that many descriptors, and the
/// listener, that that many other processes share.
fn shared_table(words: &[String]) {
    let (count, descriptors) = (number(words, 0), number(words, 1));
    allow(descriptors);
    let null = File::open("/dev/null").expect("open");
    let _listener = words.get(2).map(|address| TcpListener::bind(address).expect("bind"));
    let _held = copies(null.as_fd(), descriptors).expect("dup");
    let pids: io::Result<Vec<u32>> = (0..count).map(|_| spawn_sharing_descriptors()).collect();
    let told = pids.as_ref().map_or(Vec::new(), Clone::clone);
    stay(&pids, &told);
}

/// `large-table DESCRIPTORS`: that many descriptors.
fn large_table(words: &[String]) {
    allow(number(words, 0));
    let null = File::open("/dev/null").expect("open");
    stay(&copies(null.as_fd(), number(words, 0)), &[]);
}

fn number(words: &[String], place: usize) -> usize {
    words[place].parse().expect("a number")
}

/// This many descriptors, or as many as there may be.
fn allow(count: usize) {
    if let Err(error) = allow_descriptors(count as u64 + 100) {
        say(&format!("refused: {count} descriptors: {error}"));
        std::process::exit(0);
    }
}

/// Says what came of it, and waits for the end of the input.
fn stay<T>(made: &io::Result<T>, others: &[u32]) {
    let own = [std::process::id()];
    let pids: Vec<String> = own.iter().chain(others).map(ToString::to_string).collect();
    match made {
        Ok(_) => say(&pids.join(" ")),
        Err(error) => say(&format!("refused: {error}")),
    }
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// An io_uring in which a file is registered this many times, and a listener, where an address is
/// given; only there.
fn ring(registered: usize, address: Option<&String>) -> io::Result<IoUring> {
    let ring = IoUring::new(8)?;
    let null = File::open("/dev/null")?;
    let listener = address.map(TcpListener::bind).transpose()?;
    let mut files: Vec<RawFd> = vec![null.as_raw_fd(); registered];
    files.extend(listener.as_ref().map(AsRawFd::as_raw_fd));
    ring.submitter().register_files(&files)?;
    Ok(ring)
}

fn copies(of: BorrowedFd<'_>, count: usize) -> io::Result<Vec<OwnedFd>> {
    (0..count).map(|_| Ok(rustix::io::fcntl_dupfd_cloexec(of, 0)?)).collect()
}
