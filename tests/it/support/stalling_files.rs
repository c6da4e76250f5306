//! A file system of fuse(4) with a single program in it, which stops answering when it is told to:
//! whoever asks it for anything then waits until its server is gone, and no signal ends that.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use nix::mount::{MsFlags, mount};

/// What is served: nodes 1 (the directory) and 2 (the program).
struct Program {
    file: File,
    name: Vec<u8>,
    length: u64,
}

/// Set when nothing is answered anymore.
static STALLED: AtomicBool = AtomicBool::new(false);

// Requests of linux/fuse.h.
const LOOKUP: u32 = 1;
const FORGET: u32 = 2;
const GETATTR: u32 = 3;
const OPEN: u32 = 14;
const READ: u32 = 15;
const RELEASE: u32 = 18;
const FLUSH: u32 = 25;
const INIT: u32 = 26;
const OPENDIR: u32 = 27;
const RELEASEDIR: u32 = 29;
const INTERRUPT: u32 = 36;
const BATCH_FORGET: u32 = 42;

/// The length of `struct fuse_in_header`, and of the largest request.
const HEADER: usize = 40;
const LARGEST_REQUEST: usize = 1 << 20;

/// `stalling-files DIRECTORY NAME PROGRAM`: mounts itself on the directory with a copy of the
/// program under that name, for all users; prints `ready`, or why that is refused. When it reads a
/// line, it stops answering, and says `stalled`.
pub fn serve(words: &[String]) {
    let [directory, name, program] = words else { panic!("three words") };
    let file = File::open(program).expect("open the program");
    let length = file.metadata().expect("metadata").len();
    let program = Program { file, name: name.clone().into_bytes(), length };
    match mount_on(directory) {
        Ok(device) => {
            thread::spawn(move || answer(&device, &program));
        }
        Err(error) => return say(&format!("refused: {error}")),
    }
    say("ready");
    let mut lines = io::stdin().lines();
    if lines.next().is_some() {
        STALLED.store(true, Ordering::SeqCst);
        say("stalled");
    }
    for _ in lines {}
}

fn mount_on(directory: &str) -> io::Result<File> {
    let device = fs::OpenOptions::new().read(true).write(true).open("/dev/fuse")?;
    let options = format!(
        "fd={},rootmode=40000,user_id=0,group_id=0,allow_other,default_permissions",
        device.as_raw_fd()
    );
    let flags = MsFlags::empty();
    mount(Some("stalling"), directory, Some("fuse"), flags, Some(options.as_str()))?;
    Ok(device)
}

/// Answers until nothing is mounted anymore.
fn answer(mut device: &File, program: &Program) {
    let mut request = vec![0; LARGEST_REQUEST];
    while let Ok(length) = device.read(&mut request) {
        if STALLED.load(Ordering::SeqCst) {
            continue;
        }
        let reply = reply(&request[..length], program);
        if let Some((error, body)) = reply {
            let mut message = Vec::new();
            let whole = u32::try_from(16 + body.len()).expect("a short message");
            message.extend(whole.to_ne_bytes());
            message.extend((-error).to_ne_bytes());
            message.extend(&request[8..16]);
            message.extend(body);
            // One whose asker is gone is refused.
            let _ = device.write(&message);
        }
    }
}

/// The errno and the body of a reply; none for requests that have none.
fn reply(request: &[u8], program: &Program) -> Option<(i32, Vec<u8>)> {
    let node = number(request, 16);
    let body = match u32::from_ne_bytes(request[4..8].try_into().expect("four bytes")) {
        FORGET | BATCH_FORGET | INTERRUPT => return None,
        INIT => welcome(),
        LOOKUP if request[HEADER..].strip_suffix(&[0]) == Some(&program.name) => {
            // Its number, and no time for which anything of it is remembered.
            let mut entry = [2_u64, 0, 0, 0, 0].map(u64::to_ne_bytes).concat();
            entry.extend(attributes(2, program));
            entry
        }
        LOOKUP => return Some((libc::ENOENT, Vec::new())),
        GETATTR => [[0; 16].to_vec(), attributes(node, program)].concat(),
        OPEN | OPENDIR => vec![0; 16],
        READ => {
            let offset = number(request, HEADER + 8);
            let size = number(request, HEADER + 16) & 0xffff_ffff;
            let mut bytes = vec![0; usize::try_from(size).expect("a size")];
            let read = program.file.read_at(&mut bytes, offset).expect("read");
            bytes.truncate(read);
            bytes
        }
        RELEASE | RELEASEDIR | FLUSH => Vec::new(),
        _ => return Some((libc::ENOSYS, Vec::new())),
    };
    Some((0, body))
}

/// `struct fuse_init_out` of version 7.31.
fn welcome() -> Vec<u8> {
    let mut body = [7_u32, 31, 0, 0].map(u32::to_ne_bytes).concat();
    body.extend([0; 4]);
    // The largest write, and the steps of its clock.
    body.extend([4096_u32, 1].map(u32::to_ne_bytes).concat());
    body.resize(64, 0);
    body
}

/// `struct fuse_attr`.
fn attributes(node: u64, program: &Program) -> Vec<u8> {
    let (mode, size) = if node == 1 { (0o40_755, 0) } else { (0o100_755, program.length) };
    let mut body = [node, size, size.div_ceil(512), 0, 0, 0].map(u64::to_ne_bytes).concat();
    body.extend([0_u32, 0, 0, mode, 1, 0, 0, 0, 4096, 0].map(u32::to_ne_bytes).concat());
    body
}

fn number(request: &[u8], place: usize) -> u64 {
    u64::from_ne_bytes(request[place..place + 8].try_into().expect("eight bytes"))
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().expect("flush");
}
