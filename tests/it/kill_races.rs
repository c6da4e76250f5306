//! What happens between the look and the signal, made certain: portwho waits at its question
//! meanwhile.

use rustix::process::set_child_subreaper;

use crate::kill::{
    TERM, assert_free, assert_held, assert_lives, freed, held_here, identity, kill, listener,
    named, runs, server, timeless,
};
use crate::support::Output;
use crate::support::process::Owner;
use crate::support::terminal::Terminal;

const QUESTION: &str = "Terminate WEB? [y/N] ";

pub fn asked(pid: u32) -> String {
    QUESTION.replace("WEB", &named("web", pid))
}

/// Lets something happen while it waits for the answer, which is yes.
pub fn meanwhile(happens: impl FnOnce()) -> Output {
    let mut terminal = Terminal::asked(&kill(["80"]));
    terminal.await_text("[y/N] ");
    happens();
    terminal.type_in("y\n");
    timeless(terminal.finish())
}

#[trial]
pub fn it_lets_go() {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let output = meanwhile(|| assert_eq!(web.tell("close"), "closed"));
    let line =
        format!("portwho: {} no longer holds port 80; nothing was sent\n", named("web", web.pid()));
    output.is(1, &held_here(80, "web", web.pid()), &(asked(web.pid()) + &line));
    assert_lives(&web.process);
    assert_free(80);
}

pub fn already_exited(pid: u32) -> String {
    held_here(80, "web", pid) + &format!("PID {pid} had already exited; port 80 is free\n")
}

#[trial]
pub fn it_exits() {
    let web = server("web", 80);
    let pid = web.pid();
    let output = meanwhile(|| drop(web));
    output.is(0, &already_exited(pid), &asked(pid));
    assert_free(80);
}

pub fn taken_again(pid: u32, next: u32) -> String {
    asked(pid)
        + &format!(
            "portwho: PID {pid} had already exited, but port 80 was taken again by {}\n",
            named("web", next)
        )
}

#[trial]
fn it_exits_and_another_takes_the_port() {
    let web = server("web", 80);
    let pid = web.pid();
    let mut next = None;
    let output = meanwhile(|| {
        drop(web);
        next = Some(server("web", 80));
    });
    let next = next.expect("the next one");
    output.is(2, &held_here(80, "web", pid), &taken_again(pid, next.pid()));
    assert_lives(&next);
    assert_held(80);
}

/// The child was born after the question: whoever said yes does not know it. Whoever adopts it
/// when it is an orphan has not started it.
#[trial]
fn it_forks() {
    set_child_subreaper(Some(rustix::process::getpid())).expect("become a subreaper");
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let mut child = 0;
    let output = meanwhile(|| child = web.tell("fork").parse().expect("a PID"));
    let pid = web.pid();
    let line = format!(
        "portwho: PID {pid} exited after T, but port 80 was taken again by {}\n",
        named("web", child)
    );
    output.is(2, &held_here(80, "web", pid), &(asked(pid) + &line));
    assert_eq!(web.process.ended_by(), TERM);
    assert!(runs(child));
    assert_held(80);
}

/// The one that was confirmed let go, and its child was not confirmed.
#[trial]
fn it_forks_and_closes() {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let mut child = 0;
    let output = meanwhile(|| {
        child = web.tell("fork").parse().expect("a PID");
        assert_eq!(web.tell("close"), "closed");
    });
    let pid = web.pid();
    let line = format!(
        "portwho: {} no longer holds port 80; nothing was sent\n\
         portwho: port 80 was taken again by {}\n",
        named("web", pid),
        named("web", child)
    );
    output.is(2, &held_here(80, "web", pid), &(asked(pid) + &line));
    assert_lives(&web.process);
    assert!(runs(child));
    assert_held(80);
}

/// It closes its socket and listens again, as servers do that read their settings again. It was there before,
/// so nobody has started it: that its parent also started what was asked about says nothing.
#[trial]
fn it_reopens_its_port() {
    let mut parent = Owner::named("web").playing("employer", &["listen", "127.0.0.1:80"]);
    let pid: u32 = parent.line().parse().expect("a PID");
    let output = meanwhile(|| assert_eq!(parent.tell("reopen"), "reopened"));
    let name = named("web", pid);
    let line = format!(
        "portwho: {name} no longer holds port 80; nothing was sent\n\
         portwho: port 80 was taken again by {name}\n"
    );
    output.is(2, &held_here(80, "web", pid), &(asked(pid) + &line));
    assert!(runs(pid));
    assert_held(80);
}

/// The other one is ended, and the first is not signaled.
#[trial]
fn one_of_two_lets_go() {
    let socket = listener(80);
    let script = "trap 'exec </dev/null; echo closed' USR1; echo ready; \
                  while :; do sleep 3600 & wait; done";
    let mut first = Owner::named("web").running(script, socket.try_clone().expect("dup"));
    assert_eq!(first.line(), "ready");
    let second = Owner::named("web").holding(socket);
    let mut terminal = Terminal::asked(&kill(["80"]));
    terminal.await_text("[y/N] ");
    first.process.signal(rustix::process::Signal::USR1);
    assert_eq!(first.line(), "closed");
    // They are of different programs, and asked about one by one.
    terminal.type_in("y\ny\n");
    let output = timeless(terminal.finish());
    let [one, other] = [first.pid(), second.pid()];
    let held = |one, other| {
        let [one, other] = [identity("web", one), identity("web", other)];
        format!("127.0.0.1:80 is held by {one}\n  also held by {other}, which is unrelated\n")
    };
    let expected = held(one, other) + &held(other, one) + &freed(other, 80, "");
    let said = format!(
        "Terminate {0}? [y/N] Terminate {1}? [y/N] portwho: {0} no longer holds port 80; nothing \
         was \
         sent\n",
        named("web", one),
        named("web", other)
    );
    output.is(1, &expected, &said);
    assert_lives(&first.process);
    assert_eq!(second.ended_by(), TERM);
    assert_free(80);
}
