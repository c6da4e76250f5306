//! What is sent, and what is said of a process that does not end of it.

use std::os::fd::OwnedFd;

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::Signal;

use crate::kill::{
    KILL, TERM, assert_free, assert_held, assert_lives, ended, freed, held_here, kill, listener,
    named, run, server, survives,
};
use crate::support::cgroup::Group;
use crate::support::process::{Actor, Owner, Process};
use crate::support::{Scratch, portwho, skip, wait_until};

fn stubborn() -> Process {
    Owner::named("web").ignoring_term().holding(listener(80))
}

#[trial]
fn term_is_ignored() {
    let web = stubborn();
    let line = survives("web", web.pid(), "0.5");
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.5", "80"])).is(2, &first, &line);
    assert_lives(&web);
    assert_held(80);
    run(kill(["--force", "80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), KILL);
    assert_free(80);
}

#[trial]
fn force_cannot_be_ignored() {
    for words in [&["-9"][..], &["-KILL"], &["-f"], &["-s", "KILL"]] {
        let web = stubborn();
        run(kill(words.iter().chain(&["80"]))).is(0, &ended(&web, "web", 80), "");
        assert_eq!(web.ended_by(), KILL, "{words:?}");
        assert_free(80);
    }
}

#[trial]
fn by_name_and_number() {
    let signals = [("INT", 2), ("SIGTERM", 15), ("15", 15), ("sigusr1", 10)];
    for (word, number) in signals {
        let web = server("web", 80);
        run(kill(["-s", word, "80"])).is(0, &ended(&web, "web", 80), "");
        assert_eq!(web.ended_by(), Some(number), "{word}");
    }
}

#[trial]
fn an_unknown_signal() {
    let web = server("web", 80);
    for word in ["NOPE", "0", "SIG", "99", "-1"] {
        let line = format!(
            "portwho: --signal '{word}': unknown signal; signals are HUP, INT, QUIT, ABRT, KILL, \
             USR1, USR2, PIPE, ALRM, TERM, CONT, STOP, TSTP, WINCH\n"
        );
        run(kill([&format!("--signal={word}"), "80"])).is(2, "", &line);
    }
    assert_lives(&web);
    assert_held(80);
}

/// It was asked for and sent, and the process is still there.
#[trial]
fn a_signal_that_does_not_end() {
    let web = server("web", 80);
    let first = held_here(80, "web", web.pid());
    for (signal, state) in [("STOP", 'T'), ("CONT", 'S')] {
        let line =
            survives("web", web.pid(), "0.2").replace("--force", &format!("--force -s {signal}"));
        run(kill(["-s", signal, "--timeout", "0.2", "80"])).is(2, &first, &line);
        wait_until("the signal to have its effect", || (web.state() == state).then_some(()));
        assert_lives(&web);
        assert_held(80);
    }
    run(kill(["--force", "-s", "STOP", "80"])).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), KILL);
}

#[trial]
fn an_invalid_timeout() {
    let web = server("web", 80);
    for word in ["-1", "x", "", "inf", "NaN"] {
        let output = run(kill([&format!("--timeout={word}"), "80"]));
        let error = format!("portwho: --timeout '{word}': not a number of seconds");
        assert!(output.stderr.starts_with(&error), "{output:?}");
        output.is(2, "", &output.stderr);
    }
    assert_lives(&web);
}

/// Closes its port when it is told to end, and goes on serving whom it has.
#[trial]
fn draining() {
    let mut web = Owner::named("web").running(
        "trap 'exec </dev/null' TERM; echo ready; while :; do sleep 3600 & wait; done",
        listener(80),
    );
    assert_eq!(web.line(), "ready");
    let line = format!(
        "portwho: {} released port 80 but is still running after 500ms; it may be draining; to \
         terminate it now, run: kill -9 {}\n",
        named("web", web.pid()),
        web.pid()
    );
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.5", "80"])).is(2, &first, &line);
    assert_lives(&web.process);
    assert_free(80);
}

/// Only its pidfd tells when it ends: /proc calls it a zombie from the beginning.
#[trial]
fn the_first_thread_is_a_zombie() {
    let mut web = zombie_leader(Owner::named("web"), listener(80));
    let expected = held_here(80, "web", web.pid()) + &freed(web.pid(), 80, "");
    run(kill(["80"])).is(0, &expected, "");
    assert_eq!(web.process.reap(), TERM);
    assert_free(80);
    let mut web = zombie_leader(Owner::named("web").ignoring_term(), listener(80));
    let line = survives("web", web.pid(), "0.3");
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.3", "80"])).is(2, &first, &line);
    assert_lives(&web.process);
    assert_held(80);
    run(kill(["-9", "80"])).is(0, &ended(&web.process, "web", 80), "");
    assert_eq!(web.process.reap(), KILL);
}

pub fn zombie_leader(owner: Owner, socket: OwnedFd) -> Actor {
    let mut actor = owner.playing_with("zombie-leader", &[], socket);
    assert_eq!(actor.line(), "ready");
    wait_until("the first thread to be a zombie", || (actor.process.state() == 'Z').then_some(()));
    actor
}

/// What is said of one that does not run.
fn does_not_run(name: &str, pid: u32, how: &str, force: &str, command: &str) -> String {
    format!(
        "portwho: {} is still running after 300ms and holds port 80: it {how} and does not act on \
         SIGTERM until it resumes{force}; to resume it, run: {command}\n",
        named(name, pid)
    )
}

const FORCE: &str = "; --force kills it immediately";

#[trial]
fn stopped() {
    let web = server("web", 80);
    web.signal(Signal::STOP);
    wait_until("it to be stopped", || (web.state() == 'T').then_some(()));
    let command = format!("kill -CONT {}", web.pid());
    let line = does_not_run("web", web.pid(), "is stopped (SIGSTOP)", FORCE, &command);
    run(kill(["--timeout", "0.3", "80"])).is(2, &held_here(80, "web", web.pid()), &line);
    assert_lives(&web);
    // SIGTERM waits for it.
    web.signal(Signal::CONT);
    wait_until("it to end", || web.has_exited().then_some(()));
    assert_eq!(web.ended_by(), TERM);
    let web = server("web", 80);
    web.signal(Signal::STOP);
    run(kill(["-f", "80"])).is(0, &ended(&web, "web", 80), "");
}

/// A group that is frozen above the process's own: what is to be thawed is the one above. A signal
/// that nothing handles ends whoever is frozen there.
#[trial]
fn frozen() {
    let Some(group) = Group::named("x y") else { return };
    let below = group.below("inner");
    let scratch = Scratch::new();
    let fifo = scratch.path().join("fifo");
    mknodat(CWD, &fifo, FileType::Fifo, Mode::RWXU, 0).expect("a FIFO");
    let script =
        format!("trap 'exit 0' TERM; exec 3<>'{}'; echo ready; read x <&3", fifo.display());
    let mut web = Owner::named("web").running(&script, listener(80));
    web.line();
    let web = web.process;
    below.take(web.pid());
    if !group.freeze(true) {
        return skip("cgroups of version 2 have no cgroup.freeze here (Linux 5.2)");
    }
    let run_here = |words: &[&str]| run(portwho([&["kill"], words].concat()));
    let output = run_here(&["--timeout", "0.3", "80"]);
    let command = format!("echo 0 > \"{}/{}/cgroup.freeze\"", group.mounted(), group.name());
    let how = "is frozen with its cgroup";
    let line = does_not_run("web", web.pid(), how, FORCE, &command);
    output.is(2, &held_here(80, "web", web.pid()), &line);
    assert_lives(&web);
    run_here(&["-f", "80"]).is(0, &ended(&web, "web", 80), "");
    assert_eq!(web.ended_by(), KILL);
    group.freeze(false);
}

#[trial]
fn frozen_in_version_1() {
    let Some(group) = Group::of_freezer("frozen") else {
        return skip("no cgroups of version 1 with a freezer");
    };
    let web = server("web", 80);
    group.take(web.pid());
    group.freeze(true);
    let how = "is frozen with its cgroup";
    let file = format!("{}/{}/freezer.state", group.mounted(), group.name());
    let line = does_not_run("web", web.pid(), how, "", &format!("echo THAWED > {file}"));
    let held = held_here(80, "web", web.pid());
    let run_here = |words: &[&str]| run(portwho([&["kill"], words].concat()));
    run_here(&["--timeout", "0.3", "80"]).is(2, &held, &line);
    let line = line.replace("SIGTERM", "SIGKILL");
    run_here(&["-f", "--timeout", "0.3", "80"]).is(2, &held, &line);
    assert_lives(&web);
    group.freeze(false);
    wait_until("it to end", || web.has_exited().then_some(()));
}
