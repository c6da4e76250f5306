//! Roles that attack the programs that read them.

use std::env;
use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpListener;
use std::os::fd::AsRawFd;
use std::process::{Command, Stdio};

use memmap2::MmapMut;

use super::ffi::set_command_line;
use super::process::ROLE;

/// `command-line FILL BYTES`: has a command line of this many bytes that stands in memory of its
/// own: `nothing` (memory that was never touched, and reads as NULs), `letters` (one argument) or
/// `marks` (its own name, and then combining marks). Prints `ready`, or why that is refused.
pub fn command_line(words: &[String]) {
    let length = words[1].parse().expect("a number of bytes");
    let mut memory = MmapMut::map_anon(length).expect("memory");
    match words[0].as_str() {
        "nothing" => {}
        "letters" => memory[..length - 1].fill(b'a'),
        "marks" => fill_with_marks(&mut memory),
        other => panic!("command-line cannot {other:?}"),
    }
    let memory: &'static MmapMut = Box::leak(Box::new(memory));
    match set_command_line(memory) {
        Ok(()) => say("ready"),
        Err(error) => say(&format!("refused: {error}")),
    }
    loop {
        std::thread::park();
    }
}

/// The name of this process, and after it combining acute accents, which take no column.
fn fill_with_marks(memory: &mut [u8]) {
    let name = std::fs::read("/proc/self/comm").expect("comm");
    let name = name.trim_ascii_end();
    let marks = "\u{301}".bytes().cycle();
    for (place, byte) in memory.iter_mut().zip(name.iter().copied().chain(marks)) {
        *place = byte;
    }
    if let Some(last) = memory.last_mut() {
        *last = 0;
    }
}

/// `long-path DIRECTORY ADDRESS`: opens a directory whose path is longer than the kernel can tell
/// (`PATH_MAX`), and then listens; prints the address.
pub fn long_path(words: &[String]) {
    let part = "d".repeat(200);
    env::set_current_dir(&words[0]).expect("enter the directory");
    for _ in 0..25 {
        std::fs::create_dir(&part).expect("make a directory");
        env::set_current_dir(&part).expect("enter it");
    }
    let deep = std::fs::File::open(".").expect("open it");
    let listener = TcpListener::bind(&words[1]).expect("bind");
    assert!(deep.as_raw_fd() < listener.as_raw_fd(), "it is not met first");
    say(&words[1]);
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// `command-lines COUNT FILL BYTES`: COUNT processes of that kind, which hold what stands on
/// stdin. Prints `ready` when all of them are, or why that is refused.
pub fn command_lines(words: &[String]) {
    let count: usize = words[0].parse().expect("a number of processes");
    let start = |_| first_line("command-line", &words[1..], Stdio::inherit());
    let started: Vec<String> = (0..count).map(start).collect();
    let refused = started.into_iter().find(|line| line != "ready");
    say(&refused.unwrap_or_else(|| "ready".to_owned()));
    loop {
        std::thread::park();
    }
}

/// Starts a child of the same name that plays a role, and returns its first line. It ends with the
/// test.
#[expect(clippy::zombie_processes, reason = "the harness ends and reaps what a test started")]
fn first_line(role: &str, words: &[String], stdin: Stdio) -> String {
    let mut child = Command::new(env::args_os().next().expect("own name"));
    child.args(words).env(ROLE, role).stdin(stdin).stdout(Stdio::piped());
    let mut child = child.spawn().expect("spawn a child");
    let mut line = String::new();
    let stdout = child.stdout.take().expect("a pipe");
    BufReader::new(stdout).read_line(&mut line).expect("read");
    line.trim_end().to_owned()
}

fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().expect("flush");
}
