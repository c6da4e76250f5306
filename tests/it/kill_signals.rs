//! What is sent, and what is said of a process that does not end of it.

use std::os::fd::OwnedFd;

use crate::kill::{
    KILL, TERM, assert_free, assert_held, assert_lives, ended, freed, held_here, kill, listener,
    named, run, server, survives,
};
use crate::support::process::{Actor, Owner, Process};
use crate::support::wait_until;

trials![
    term_is_ignored,
    force_is_not,
    by_name_and_number,
    an_unknown_one,
    a_signal_that_does_not_end,
    a_timeout_that_is_none,
    draining,
    the_first_thread_is_a_zombie,
];

fn stubborn() -> Process {
    Owner::named("web").ignoring_term().holding(listener(80))
}

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

fn force_is_not() {
    for words in [&["-9"][..], &["-KILL"], &["-f"], &["-s", "KILL"]] {
        let web = stubborn();
        run(kill(words.iter().chain(&["80"]))).is(0, &ended(&web, "web", 80), "");
        assert_eq!(web.ended_by(), KILL, "{words:?}");
        assert_free(80);
    }
}

fn by_name_and_number() {
    let signals = [("INT", 2), ("SIGTERM", 15), ("15", 15), ("sigusr1", 10)];
    for (word, number) in signals {
        let web = server("web", 80);
        run(kill(["-s", word, "80"])).is(0, &ended(&web, "web", 80), "");
        assert_eq!(web.ended_by(), Some(number), "{word}");
    }
}

fn an_unknown_one() {
    let web = server("web", 80);
    for word in ["NOPE", "0", "SIG", "99", "-1"] {
        let line = format!(
            "error: invalid value '{word}' for '--signal <NAME>': no such signal; there are HUP, \
             INT, QUIT, ABRT, KILL, USR1, USR2, PIPE, ALRM, TERM, CONT, STOP, TSTP\n\n\
             For more information, try '--help'.\n"
        );
        run(kill([&format!("--signal={word}"), "80"])).is(2, "", &line);
    }
    assert_lives(&web);
    assert_held(80);
}

/// It was asked for and sent, and the process is still there.
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

fn a_timeout_that_is_none() {
    let web = server("web", 80);
    for word in ["-1", "x", "", "inf", "NaN"] {
        let output = run(kill([&format!("--timeout={word}"), "80"]));
        let error = format!("error: invalid value '{word}' for '--timeout <SECS>': ");
        assert!(output.stderr.starts_with(&error), "{output:?}");
        output.is(2, "", &output.stderr);
    }
    assert_lives(&web);
}

/// Closes its port when it is told to end, and goes on serving whom it has.
fn draining() {
    let mut web = Owner::named("web").running(
        "trap 'exec </dev/null' TERM; echo ready; while :; do sleep 3600 & wait; done",
        listener(80),
    );
    assert_eq!(web.line(), "ready");
    let line = format!(
        "portwho: {} let go of port 80, but is still running after 0.5 s: it may be draining; \
         wait, or end it with kill -9 {}\n",
        named("web", web.pid()),
        web.pid()
    );
    let first = held_here(80, "web", web.pid());
    run(kill(["--timeout", "0.5", "80"])).is(2, &first, &line);
    assert_lives(&web.process);
    assert_free(80);
}

/// Only its pidfd tells when it ends: /proc calls it a zombie from the beginning.
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
