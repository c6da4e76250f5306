//! kill at a terminal: it asks, and does what it is told and nothing else.

use rustix::process::Signal;

use crate::kill::{
    KILL, TERM, assert_free, assert_held, assert_lives, declined, ended, freed, held_here, kill,
    listener, named, run, server, shared_listeners, survives, timeless,
};
use crate::support::makers::Loopback;
use crate::support::process::{Owner, Process};
use crate::support::terminal::{self, Terminal};
use crate::support::wait_until;

const ASKED: &str = "[y/N] ";

fn question(verb: &str, server: &Process) -> String {
    format!("{verb} {}? {ASKED}", named("web", server.pid()))
}

#[trial]
fn yes() {
    for answer in ["y\n", "Y\n", " yes \n"] {
        let web = server("web", 80);
        let mut terminal = Terminal::asked(&kill(["80"]));
        terminal.await_text(ASKED);
        assert_lives(&web);
        terminal.type_in(answer);
        let output = timeless(terminal.finish());
        output.is(0, &ended(&web, "web", 80), &question("Terminate", &web));
        assert_eq!(web.ended_by(), TERM, "{answer:?}");
        assert_free(80);
    }
}

#[trial]
fn anything_else_is_no() {
    let web = server("web", 80);
    for answer in ["n\n", "\n", "N\n", "no\n", "yess\n", "1\n", "\u{e4}\n", "n\ny\n", " \n"] {
        let mut terminal = Terminal::asked(&kill(["80"]));
        terminal.await_text(ASKED);
        terminal.type_in(answer);
        let expected = question("Terminate", &web) + &declined("web", web.pid());
        terminal.finish().is(2, &held_here(80, "web", web.pid()), &expected);
        assert_lives(&web);
        assert_held(80);
    }
}

/// Control-D, alone or after a word that has no end: the verdict has a line to itself.
#[trial]
fn the_end_of_the_input_is_no() {
    let web = server("web", 80);
    for input in ["\x04", "n\x04\x04"] {
        let mut terminal = Terminal::asked(&kill(["80"]));
        terminal.await_text(ASKED);
        terminal.type_in(input);
        let expected = question("Terminate", &web) + "\n" + &declined("web", web.pid());
        terminal.finish().is(2, &held_here(80, "web", web.pid()), &expected);
        assert_lives(&web);
    }
}

#[trial]
fn the_question_names_the_signal() {
    let cases = [
        (&["80"][..], "Terminate WEB?"),
        (&["-s", "15", "80"], "Terminate WEB?"),
        (&["-9", "80"], "Kill WEB with SIGKILL?"),
        (&["-s", "KILL", "80"], "Kill WEB with SIGKILL?"),
        (&["-s", "INT", "80"], "Send SIGINT to WEB?"),
    ];
    let web = server("web", 80);
    for (words, question) in cases {
        let mut terminal = Terminal::asked(&kill(words));
        terminal.await_text(ASKED);
        terminal.type_in("n\n");
        let question = question.replace("WEB", &named("web", web.pid()));
        let expected = format!("{question} {ASKED}{}", declined("web", web.pid()));
        terminal.finish().is(2, &held_here(80, "web", web.pid()), &expected);
        assert_lives(&web);
    }
}

/// Who keeps the port by another socket, which the filters exclude.
#[trial]
fn the_question_names_other_holders() {
    let [first, second] = shared_listeners(Loopback::V4.port(80));
    let (one, other) = (Owner::named("one").holding(first), Owner::named("other").holding(second));
    let mut terminal = Terminal::asked(&kill(["--name", "one", "80"]));
    terminal.await_text(ASKED);
    terminal.type_in("n\n");
    let other_holders = format!("port 80 is also held by {}", named("other", other.pid()));
    let asked = format!("{other_holders}. {}", question("Terminate", &one).replace("web", "one"));
    let declined = declined("one", one.pid());
    let held = held_here(80, "one", one.pid());
    terminal.finish().is(2, &held, &format!("{asked}{declined}"));
    let would = format!("{other_holders}: would send SIGTERM to {}\n", named("one", one.pid()));
    run(kill(["-n", "--name", "one", "80"])).is(0, &(held + &would), "");
    assert_lives(&one);
    assert_lives(&other);
}

#[trial]
fn yes_skips_the_question() {
    for word in ["-y", "--yes"] {
        let web = server("web", 80);
        let output = timeless(Terminal::asked(&kill([word, "80"])).finish());
        output.is(0, &ended(&web, "web", 80), "");
        assert_eq!(web.ended_by(), TERM);
    }
}

#[trial]
fn a_dry_run() {
    let web = server("web", 80);
    let expected = held_here(80, "web", web.pid())
        + &format!("would send SIGTERM to {}\n", named("web", web.pid()));
    Terminal::asked(&kill(["-n", "80"])).finish().is(0, &expected, "");
    assert_lives(&web);
}

/// stdin is no terminal; stdout may be one.
#[trial]
fn no_terminal_to_ask_on() {
    let (master, screen) = terminal::open();
    let web = server("web", 80);
    run(kill(["80"]).stdout(screen)).is(0, "", "");
    drop(master);
    assert_eq!(web.ended_by(), TERM);
}

#[trial]
fn nothing_to_ask() {
    let bystander = server("web", 8080);
    let line = "portwho: port 80: nothing holds it\n";
    Terminal::asked(&kill(["80"])).finish().is(1, "", line);
    assert_lives(&bystander);
}

#[trial]
fn refused_without_a_question() {
    let forwarder = server("docker-proxy", 80);
    let line = format!(
        "portwho: port 80: refused: {} serves a container; stop the container instead; to find it \
         with docker or podman, run: docker ps \
         --filter publish=80\n",
        named("docker-proxy", forwarder.pid())
    );
    let first = held_here(80, "docker-proxy", forwarder.pid());
    Terminal::asked(&kill(["80"])).finish().is(2, &first, &line);
    assert_lives(&forwarder);
}

/// A no to one is no answer for the other, and no process is signaled before the last answer.
#[trial]
fn each_of_several() {
    let [first, second] = [server("first", 80), server("second", 81)];
    let mut terminal = Terminal::asked(&kill(["80", "81"]));
    terminal.await_text(ASKED);
    terminal.type_in("n\n");
    terminal.await_text(&format!("Terminate {}? {ASKED}", named("second", second.pid())));
    terminal.type_in("y\n");
    let questions = format!(
        "Terminate {}? {ASKED}{}Terminate {}? {ASKED}",
        named("first", first.pid()),
        declined("first", first.pid()),
        named("second", second.pid())
    );
    let expected = held_here(80, "first", first.pid()) + &ended(&second, "second", 81);
    timeless(terminal.finish()).is(2, &expected, &questions);
    assert_lives(&first);
    assert_eq!(second.ended_by(), TERM);
}

/// Here a person can choose.
#[trial]
fn unrelated_holders() {
    let [first, second] = shared_listeners(Loopback::V4.port(80));
    let one = Owner::named("one").holding(first);
    let other = Owner::named("other").holding(second);
    let mut terminal = Terminal::asked(&kill(["80"]));
    terminal.await_text(&format!("Terminate {}? {ASKED}", named("one", one.pid())));
    terminal.type_in("y\n");
    terminal.await_text(&format!("Terminate {}? {ASKED}", named("other", other.pid())));
    terminal.type_in("n\n");
    let expected = held_here(80, "one", one.pid()) + &held_here(80, "other", other.pid());
    let said = format!(
        "Terminate {}? {ASKED}Terminate {1}? {ASKED}{2}portwho: PID {3} exited after T, but port 80 \
         is still held by {1}\n",
        named("one", one.pid()),
        named("other", other.pid()),
        declined("other", other.pid()),
        one.pid()
    );
    timeless(terminal.finish()).is(2, &expected, &said);
    assert_eq!(one.ended_by(), TERM);
    assert_lives(&other);
}

fn stubborn() -> Process {
    Owner::named("web").ignoring_term().holding(listener(80))
}

/// At the offer of SIGKILL.
fn offered(web: &Process) -> Terminal {
    let mut terminal = Terminal::asked(&kill(["--timeout", "0.3", "80"]));
    terminal.await_text(ASKED);
    terminal.type_in("y\n");
    terminal.await_text(&question("Kill", web).replace('?', " with SIGKILL?"));
    assert_lives(web);
    terminal
}

fn both_questions(web: &Process) -> String {
    question("Terminate", web) + &question("Kill", web).replace('?', " with SIGKILL?")
}

fn first_lines(web: &Process) -> String {
    held_here(80, "web", web.pid())
        + &format!("{} is still running after 300ms\n", named("web", web.pid()))
}

#[trial]
fn still_running_and_yes() {
    let web = stubborn();
    let terminal = offered(&web);
    terminal.type_in("y\n");
    let expected = first_lines(&web) + &freed(web.pid(), 80, "");
    timeless(terminal.finish()).is(0, &expected, &both_questions(&web));
    assert_eq!(web.ended_by(), KILL);
    assert_free(80);
}

#[trial]
fn still_running_and_no() {
    let web = stubborn();
    let terminal = offered(&web);
    terminal.type_in("n\n");
    let expected = both_questions(&web) + &survives("web", web.pid(), "0.3");
    terminal.finish().is(2, &first_lines(&web), &expected);
    assert_lives(&web);
    assert_held(80);
}

/// `--yes` is an answer to one question, and this would be another.
#[trial]
fn yes_skips_the_question_about_survivors() {
    let web = stubborn();
    let output = Terminal::asked(&kill(["-y", "--timeout", "0.3", "80"])).finish();
    output.is(
        2,
        &held_here(80, "web", web.pid()),
        &survives("web", web.pid(), "0.3").replace("--force", "--force -y"),
    );
    assert_lives(&web);
}

/// Another process was faster.
#[trial]
fn still_running_and_killed_by_another() {
    let web = stubborn();
    let terminal = offered(&web);
    web.signal(Signal::KILL);
    wait_until("it to be killed", || web.has_exited().then_some(()));
    terminal.type_in("y\n");
    let expected = first_lines(&web) + &freed(web.pid(), 80, "");
    timeless(terminal.finish()).is(0, &expected, &both_questions(&web));
    assert_free(80);
}

/// All three streams on it: the lines come in the order of what happens.
#[trial]
fn on_one_screen() {
    let web = server("web", 80);
    let mut terminal = Terminal::whole(&kill(["80"]));
    terminal.await_text(ASKED);
    terminal.type_in("y\n");
    let expected =
        held_here(80, "web", web.pid()) + &question("Terminate", &web) + &freed(web.pid(), 80, "");
    timeless(terminal.finish()).is(0, &expected, "");
    assert_eq!(web.ended_by(), TERM);
}
