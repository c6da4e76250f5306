//! What changes between the plan and the signal. The question stands on a terminal meanwhile, so
//! that each process that is ended afterwards was ended after the change.

use std::net::TcpListener;
use std::os::fd::OwnedFd;

use rustix::process::{PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

use crate::kind::{Kind, Seen};
use crate::support::process::{Actor, Owner, can_become};
use crate::support::terminal::Terminal;
use crate::support::{Output, portwho, wait_until};
use crate::turn;

/// The kinds.
pub const KINDS: &[Kind] = &[
    Kind { what: "kill: releases the port at the question", attempt: lets_go },
    Kind { what: "kill: exits, another takes the port", attempt: exits_and_another_takes_it },
    Kind { what: "kill: forks; the child was not named", attempt: forks },
    Kind { what: "kill: forks and closes", attempt: forks_and_closes },
    Kind { what: "kill: AF_UNSPEC, and another port", attempt: rebinds },
    Kind { what: "kill: AF_UNSPEC, and a connection", attempt: connects },
    Kind { what: "kill: a listener passed to another user's process", attempt: is_passed_on },
    Kind { what: "kill: a supervisor restarts it", attempt: is_restarted },
    Kind { what: "kill: its port is reopened every 2 ms", attempt: is_reopened },
];

const ADDRESS: &str = "127.0.0.1:80";
const NOBODY: u32 = 65534;

fn listening(name: &str) -> Actor {
    let mut actor = Owner::named(name).playing("listen", &[ADDRESS]);
    actor.line();
    actor
}

/// Runs kill, lets something happen at its question, and answers yes.
fn at_question(happens: impl FnOnce()) -> Output {
    at_question_of("80", happens)
}

fn at_question_of(port: &str, happens: impl FnOnce()) -> Output {
    let mut terminal = Terminal::asked(&portwho(["kill", port]));
    terminal.await_text("[y/N] ");
    happens();
    terminal.type_in("y\n");
    terminal.finish()
}

fn require(holds: bool, what: &str, output: &Output) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}: {output:?}")) }
}

/// Whether a process runs; one that was killed and not reaped does not.
fn runs(pid: u32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with(['Z', 'X']))
}

fn says_free(output: &Output) -> bool {
    output.stdout.contains("is free") || output.stderr.contains("is free")
}

/// Whether anything listens on the port: no other listener can be bound there.
fn is_held() -> bool {
    TcpListener::bind(ADDRESS).is_err()
}

fn lets_go() -> Result<Seen, String> {
    let mut web = listening("web");
    let output = at_question(|| assert_eq!(web.tell("close"), "closed"));
    require(!web.process.has_exited(), "ended what let go", &output)?;
    Ok(None)
}

fn exits_and_another_takes_it() -> Result<Seen, String> {
    let web = listening("web");
    let mut next = None;
    let output = at_question(|| {
        drop(web);
        next = Some(listening("web"));
    });
    let next = next.expect("the next one");
    require(!next.process.has_exited(), "ended the next one", &output)?;
    require(!says_free(&output), "free, and held", &output)?;
    Ok(None)
}

fn forks() -> Result<Seen, String> {
    let mut web = listening("web");
    let mut child = 0;
    let output = at_question(|| child = web.tell("fork").parse().expect("a PID"));
    let result = require(runs(child), "ended the child", &output)
        .and_then(|()| require(!says_free(&output), "free, and held", &output));
    end(child);
    result.map(|()| None)
}

fn forks_and_closes() -> Result<Seen, String> {
    let mut web = listening("web");
    let mut child = 0;
    let output = at_question(|| {
        child = web.tell("fork").parse().expect("a PID");
        assert_eq!(web.tell("close"), "closed");
    });
    let result = require(runs(child), "ended the child", &output)
        .and_then(|()| require(!web.process.has_exited(), "ended what let go", &output))
        .and_then(|()| require(!says_free(&output), "free, and held", &output));
    end(child);
    result.map(|()| None)
}

/// Ends a child that a role left, so that the next try finds the port free.
fn end(pid: u32) {
    let raw = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    if let Some(raw) = raw {
        let _ = rustix::process::kill_process(raw, rustix::process::Signal::KILL);
    }
    wait_until("the child to be gone", || (!runs(pid)).then_some(()));
}

fn turns(address: &str, order: &str) -> Result<Seen, String> {
    let mut web = Owner::named("web").playing(turn::NAME, &[address]);
    let port = web.line();
    let output = at_question_of(&port, || assert_eq!(web.tell(order), "done"));
    require(!web.process.has_exited(), "ended what no longer holds the port", &output)?;
    Ok(None)
}

fn rebinds() -> Result<Seen, String> {
    turns("anywhere", "rebind 127.0.0.1:81")
}

fn connects() -> Result<Seen, String> {
    let other = TcpListener::bind("127.0.0.1:0").expect("bind");
    turns(ADDRESS, &format!("connect {}", other.local_addr().expect("an address")))
}

/// Without a terminal and without `-y` neither of them may be ended.
fn is_passed_on() -> Result<Seen, String> {
    if !can_become(NOBODY) {
        return Ok(Some("without another user"));
    }
    let mut theirs = Owner::named("theirs").user(NOBODY).playing("listen", &["127.0.0.1:8080"]);
    theirs.line();
    let daemon = Owner::named("daemon").holding(socket_of(theirs.pid()));
    let output = portwho(["kill", "8080"]).run();
    require(output.code == Some(2), "did not refuse", &output)?;
    require(!theirs.process.has_exited(), "ended the user's process", &output)?;
    require(!daemon.has_exited(), "ended root's process", &output)?;
    Ok(None)
}

/// A copy of the process's listener.
fn socket_of(pid: u32) -> OwnedFd {
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).expect("a PID"));
    let process = pidfd_open(process.expect("a PID"), PidfdFlags::empty()).expect("pidfd_open");
    let links = std::fs::read_dir(format!("/proc/{pid}/fd")).expect("descriptors");
    let is_socket = |entry: &std::fs::DirEntry| {
        std::fs::read_link(entry.path()).is_ok_and(|to| to.to_string_lossy().starts_with("socket:"))
    };
    let entry = links.flatten().find(is_socket).expect("a socket");
    let number = entry.file_name().to_string_lossy().parse().expect("a number");
    pidfd_getfd(&process, number, PidfdGetfdFlags::empty()).expect("pidfd_getfd")
}

/// The next server starts 5 ms later: that is no free port.
fn is_restarted() -> Result<Seen, String> {
    let mut supervisor = Owner::named("supervisor").playing("supervise", &["5", ADDRESS]);
    supervisor.line();
    let output = portwho(["kill", "-y", "80"]).run();
    require(!supervisor.process.has_exited(), "ended the supervisor", &output)?;
    require(!says_free(&output), "free, and restarted", &output)?;
    Ok(None)
}

fn is_reopened() -> Result<Seen, String> {
    let words = ["listening", "overlapping", "2000", ADDRESS];
    let mut web = Owner::named("web").playing("reopen", &words);
    web.line();
    let output = portwho(["kill", "-y", "80"]).run();
    let lives = !web.process.has_exited();
    require(!(says_free(&output) && is_held()), "free, and held", &output)?;
    require(lives || output.code != Some(1), "ended, and not told", &output)?;
    Ok(Some(if lives { "not signaled" } else { "ended" }))
}
