//! Memory and descriptors over many runs, of the library in this process and of the program.

use std::fs;

use nix::sys::resource::{UsageWho, getrusage};
use portwho::model::Scope;
use portwho::platform::{Sockets, ThisSystem};

use crate::kind::{Kind, Seen};
use crate::support::makers::{self, Loopback};
use crate::support::portwho;

/// The kinds.
pub const KINDS: &[Kind] = &[
    Kind { what: "library: 1,000 calls keep no descriptor and no memory", attempt: library },
    Kind { what: "program: a run takes less than 200 MiB", attempt: program },
];

const CALLS: usize = 1000;

/// What the allocator may keep beyond the first calls.
const KEPT_KIB: u64 = 4096;

/// What no run may take.
const MOST_KIB: i64 = 200 * 1024;

fn library() -> Result<Seen, String> {
    let _held: Vec<_> = (0..50).map(|_| makers::listening(Loopback::V4.port(0))).collect();
    let _udp: Vec<_> = (0..50).map(|_| makers::udp(Loopback::V4.port(0))).collect();
    (0..CALLS / 10).for_each(|_| call());
    let before = (descriptors(), resident_kib());
    (0..CALLS).for_each(|_| call());
    let after = (descriptors(), resident_kib());
    if after.0 > before.0 || after.1 > before.1 + KEPT_KIB {
        return Err(format!("descriptors and KiB: {before:?} before, {after:?} after"));
    }
    Ok(None)
}

fn call() {
    let table = ThisSystem::default().sockets(&Scope::everything()).expect("the tables");
    drop(ThisSystem::default().owners_now(table.sockets, &|_| true));
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("descriptors").count()
}

fn resident_kib() -> u64 {
    let status = fs::read_to_string("/proc/self/status").expect("status");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("VmRSS");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

fn program() -> Result<Seen, String> {
    let _held: Vec<_> = (0..50).map(|_| makers::listening(Loopback::V4.port(0))).collect();
    for words in [&["--json"][..], &["-v"], &["--summary"], &["doctor"]] {
        portwho(words).run();
    }
    let peak = getrusage(UsageWho::RUSAGE_CHILDREN).expect("getrusage").max_rss();
    if peak > MOST_KIB { Err(format!("{peak} KiB")) } else { Ok(None) }
}
