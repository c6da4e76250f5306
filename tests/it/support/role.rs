//! Other programs that a test needs, played by the test binary itself: what a shell cannot do,
//! and what a fresh machine may not have.
//!
//! A role speaks in lines: it prints what it has done, and obeys what it reads. At the end of
//! its input it exits, so that no role outlives its test.

mod changing;
mod connections;
mod descriptor_tables;
mod passing;

use std::env;
use std::io::{self, BufRead, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::thread;

use nix::sched::CloneFlags;
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags};
use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};

use super::attackers;
use super::budgets;
use super::faulty;
use super::limits::allow_descriptors;
use super::netns;
use super::process::ROLE;
use super::reopen::reopen;
use super::stalling_files;
use super::supervisor::{employer, listen_later, supervise};

/// What a role does, given by the words that follow the program's name.
pub type Play = fn(&[String]);

const ROLES: &[(&str, Play)] = &[
    ("listen", listen),
    ("connections", connections::connections),
    ("family", family),
    ("supervise", supervise),
    ("listen-later", listen_later),
    ("employer", employer),
    ("zombie-leader", zombie_leader),
    ("crowd", crowd),
    ("notice", notice),
    ("namespaces", namespaces),
    ("thread-elsewhere", thread_elsewhere),
    ("own-table", descriptor_tables::own_table),
    ("own-table-alone", descriptor_tables::own_table_alone),
    ("ring", descriptor_tables::ring),
    ("reopen", reopen),
    ("scattered", descriptor_tables::scattered),
    ("command-line", attackers::command_line),
    ("command-lines", attackers::command_lines),
    ("long-path", attackers::long_path),
    ("stalling-files", stalling_files::serve),
    ("change", changing::change),
    ("hand-over", passing::hand_over),
    ("keep", passing::keep),
    ("employ", passing::employ),
    ("faulty-watch", faulty::watch),
];

/// Plays the role that this process was started for; false if it was started for none.
pub fn played() -> bool {
    let Ok(name) = env::var(ROLE) else {
        return false;
    };
    let words: Vec<String> = env::args().skip(1).collect();
    let (_, play) = ROLES
        .iter()
        .chain(budgets::ROLES)
        .find(|(role, _)| *role == name)
        .expect("a role of that name");
    play(&words);
    true
}

/// `listen ADDRESS...`: listens on each, prints the addresses in a line, and then obeys `close`
/// (close all of them, say `closed`, live on), `reopen` (the same, and listen there anew, say `reopened`),
/// `accept` (take one connection of the first, say `accepted`, keep it), `fork` (start a child that holds
/// the first too, say its PID) and `exit`.
pub fn listen(words: &[String]) {
    let bind = |word: &String| TcpListener::bind(word.as_str()).expect("bind");
    let mut listeners: Vec<TcpListener> = words.iter().map(bind).collect();
    let address = |listener: &TcpListener| listener.local_addr().expect("local address");
    let addresses: Vec<SocketAddr> = listeners.iter().map(address).collect();
    let mut accepted = Vec::new();
    say(&addresses.iter().map(SocketAddr::to_string).collect::<Vec<_>>().join(" "));
    for line in io::stdin().lock().lines().map_while(Result::ok) {
        match line.as_str() {
            "close" => {
                listeners.clear();
                say("closed");
            }
            "reopen" => {
                listeners.clear();
                listeners = words.iter().map(bind).collect();
                say("reopened");
            }
            "accept" => {
                accepted.push(listeners[0].accept().expect("accept"));
                say("accepted");
            }
            "fork" => {
                let copy = OwnedFd::from(listeners[0].try_clone().expect("dup"));
                say(&worker(copy.into()).to_string());
            }
            "exit" => return,
            other => panic!("listen cannot {other:?}"),
        }
    }
}

/// `family N`: a parent and N children that all hold the socket on stdin, as a server that forks
/// its workers does; prints the children's PIDs in a line, and waits for its end.
fn family(words: &[String]) {
    let count: usize = words[0].parse().expect("a number of children");
    let pids: Vec<String> = (0..count).map(|_| worker(Stdio::inherit()).to_string()).collect();
    say(&pids.join(" "));
    loop {
        thread::park();
    }
}

/// Starts a child of the same name that does nothing but hold this, and returns its PID.
fn worker(stdin: Stdio) -> u32 {
    let mut worker = Command::new(env::args_os().next().expect("own name"));
    worker.arg("0").env(ROLE, "family").stdin(stdin).stdout(Stdio::null());
    worker.spawn().expect("spawn a worker").id()
}

/// `crowd N`: a listener and N connections with both their ends; prints `ready` when it has them,
/// and exits at the end of its input.
fn crowd(words: &[String]) {
    let pairs: u64 = words[0].parse().expect("a number of pairs");
    allow_descriptors(2 * pairs + 100).expect("more descriptors");
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("bind");
    let address = listener.local_addr().expect("local address");
    let connect = |_| {
        let client = TcpStream::connect(address).expect("connect");
        (client, listener.accept().expect("accept"))
    };
    let _held: Vec<_> = (0..pairs).map(connect).collect();
    say("ready");
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// `zombie-leader`: its first thread ends and leaves a zombie, while another, and the socket on
/// stdin, live on. The kernel ends the thread at a forbidden call: there is no safe way to ask.
fn zombie_leader(_words: &[String]) {
    thread::spawn(|| {
        loop {
            thread::park();
        }
    });
    say("ready");
    end_first_thread();
}

/// Ends the calling thread alone, by a forbidden call.
fn end_first_thread() -> ! {
    let rules = [(libc::SYS_getppid, Vec::new())].into_iter().collect();
    let arch = env::consts::ARCH.try_into().expect("an architecture that seccomp knows");
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, SeccompAction::KillThread, arch);
    let program: BpfProgram = filter.expect("filter").try_into().expect("program");
    seccompiler::apply_filter(&program).expect("seccomp");
    let _ = rustix::process::getppid();
    unreachable!("the thread outlived its forbidden call");
}

/// `notice [CALLS]`: waits until the socket on stdin hangs up, which says `waiting`, then makes these
/// calls, `r` to read 4 bytes and `w` to write, which is the only one without CALLS; says what came of
/// them, and lives on.
fn notice(words: &[String]) {
    let stdin = io::stdin();
    let mut watched = [PollFd::new(&stdin, PollFlags::empty())];
    say("waiting");
    let hung_up = PollFlags::ERR | PollFlags::HUP;
    // The kernel reports the error a moment before the socket is closed.
    while !watched[0].revents().contains(hung_up) {
        poll(&mut watched, None).expect("poll");
    }
    let calls = words.first().map_or("w", String::as_str);
    let noticed: Vec<String> = calls.chars().map(|call| what_comes_of(call, &stdin)).collect();
    say(&format!("hung up, {}", noticed.join(", ")));
    loop {
        thread::park();
    }
}

fn what_comes_of(call: char, socket: impl AsFd) -> String {
    let result = match call {
        'r' => rustix::net::recv(socket, &mut [0; 4], RecvFlags::DONTWAIT).map(|(read, _)| read),
        'w' => rustix::net::send(socket, b"x", SendFlags::NOSIGNAL),
        other => panic!("no call {other}"),
    };
    match result {
        Ok(bytes) => bytes.to_string(),
        Err(Errno::CONNABORTED) => "ECONNABORTED".to_owned(),
        Err(Errno::PIPE) => "EPIPE".to_owned(),
        Err(error) => format!("{error:?}"),
    }
}

/// `thread-elsewhere ADDRESS`: a thread other than the first listens there, in a network namespace
/// of its own; prints the address when it does.
fn thread_elsewhere(words: &[String]) {
    let address = words[0].clone();
    let listen = move || {
        netns::enter().expect("a network namespace");
        let listener = TcpListener::bind(address).expect("bind");
        say(&listener.local_addr().expect("local address").to_string());
        loop {
            thread::park();
        }
    };
    let _ = thread::spawn(listen).join();
}

/// `namespaces N`: N threads of a user namespace of its own, each with a network namespace of its
/// own; prints how many it could make, and waits for the end of its input.
fn namespaces(words: &[String]) {
    let count: usize = words[0].parse().expect("a number of namespaces");
    nix::sched::unshare(CloneFlags::CLONE_NEWUSER).expect("a user namespace");
    let (say_made, made) = std::sync::mpsc::channel();
    for _ in 0..count {
        let say_made = say_made.clone();
        thread::spawn(move || {
            say_made.send(nix::sched::unshare(CloneFlags::CLONE_NEWNET).is_ok()).expect("tell");
            loop {
                thread::park();
            }
        });
    }
    say(&made.iter().take(count).filter(|made| *made).count().to_string());
    io::copy(&mut io::stdin().lock(), &mut io::sink()).expect("read");
}

/// Says a line to whoever started the role.
pub fn say(line: &str) {
    println!("{line}");
    io::stdout().flush().expect("flush");
}
