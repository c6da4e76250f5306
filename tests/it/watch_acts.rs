//! watch on a terminal: kill and close of real sockets, by real keys.

use crate::kill::{NOBODY, named, shared_listeners};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, can_become, server};
use crate::support::{flight, portwho, skip};
use crate::wait::later;
use crate::watch_live::{View, state_of};

#[trial]
fn kill_takes_the_pid_and_enter() {
    let server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    let pid = server.pid().to_string();
    view.says("x", &format!("Type {pid} and press Enter to confirm"));
    view.says(&format!("{pid}\r"), "127.0.0.1:80 is free");
    view.shows("Esc back");
    assert_eq!(server.ended_by(), Some(15));
    view.says("\u{1b}", "- TCP    127.0.0.1:80");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

/// What is pasted, and what is typed before the question can be read, kills nobody.
#[trial]
fn a_pasted_xy() {
    let server = server(80);
    let pid = server.pid();
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    // Bracketed, as a terminal pastes: the table takes no text.
    view.terminal.type_in(&format!("\u{1b}[200~xy{pid}\r\u{1b}[201~"));
    view.says("?", "Signs: + new");
    view.shows("Esc back");
    view.says("\u{1b}", "? help  q quit");
    // And as keys, with the very answer.
    view.says(&format!("xy\r{pid}\r"), &format!("Type {pid} and press Enter to confirm"));
    view.says(&format!("\u{1b}[200~{pid}\u{1b}[201~\r"), "Terminate server");
    view.says("\u{1b}", "not confirmed; nothing was sent to server");
    view.shows("Esc back");
    assert!(!server.has_exited());
    view.terminal.type_in("\u{3}");
    assert_eq!(view.ends().code, Some(130));
    assert!(!server.has_exited());
}

/// Behind the question the server has closed the socket, and opened another on its port.
#[trial]
fn a_socket_that_changes_behind_the_question() {
    let mut server = later("server", "127.0.0.1:80");
    server.tell("listen");
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    let pid = server.pid().to_string();
    view.says("x", &format!("Type {pid} and press Enter to confirm"));
    assert_eq!(server.tell("close"), "closed");
    view.says(&format!("{pid}\r"), "Esc back");
    assert_eq!(state_of(server.pid()), 'S');
    view.quits_after_act();
    assert_eq!(state_of(server.pid()), 'S');
}

#[trial]
fn close_takes_the_count_and_enter() {
    let pair = makers::established(Loopback::V4);
    let client = Owner::named("client").holding(pair.client);
    let _far = Owner::named("far").holding(pair.server);
    let mut view = View::start(&["--name", "client"]);
    view.shows("ESTABLISHED");
    view.says("x", "kill terminates what listens");
    // In one burst with the key, as where a terminal knows no brackets around what is pasted.
    view.says("c1\r", "Type 1 and press Enter to confirm");
    view.says("1\r", "closed 1 socket; client (PID");
    view.shows("Esc back");
    assert!(!client.has_exited());
    view.quits_after_act();
}

#[trial]
fn read_only_neither_kills_nor_closes_nor_writes() {
    let _server = server(80);
    let mut view = View::start(&["--read-only"]);
    view.shows("127.0.0.1:80");
    for key in ["x", "c", "w"] {
        view.says(key, &format!("{key} is off: --read-only"));
    }
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

/// Another socket on the port keeps it, which is known before the answer.
#[trial]
fn the_question_names_other_holders() {
    let [first, second] = shared_listeners(Loopback::V4.port(80));
    let (one, other) = (Owner::named("one").holding(first), Owner::named("other").holding(second));
    let mut view = View::start(&["--name", "one"]);
    view.shows("127.0.0.1:80");
    let (one_named, other_named) = (named("one", one.pid()), named("other", other.pid()));
    view.says("x", &format!("port 80 is also held by {other_named}. Terminate {one_named}?"));
    let pid = one.pid().to_string();
    view.shows(&format!("Type {pid} and press Enter to confirm"));
    view.says(&format!("{pid}\r"), &format!("but port 80 is still held by {other_named}"));
    assert_eq!(one.ended_by(), Some(15));
    assert!(!other.has_exited());
    view.quits_after_act();
}

/// It serves everybody: the question says what ends.
#[trial]
fn a_listener_has_its_own_question() {
    let server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    let question = format!(
        "Close 1 listener of {}, so that no new connections come to it?",
        named("server", server.pid())
    );
    view.says("c", &question);
    view.shows("Type 1 and press Enter to confirm");
    view.says("1\r", "closed 1 socket; server (PID");
    assert!(!server.has_exited());
    view.quits_after_act();
}

/// One socket, two processes that have nothing to do with each other: each is asked about by its own PID.
#[trial]
fn each_question_takes_its_own_pid() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let (from, to) = flight::pair();
    let server = Owner::named("server").user(NOBODY);
    let mut server = server.playing_with("hand-over", &["127.0.0.1:28111"], from);
    server.line();
    let mut daemon = Owner::named("daemon").playing_with("keep", &[], to);
    daemon.line();
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:28111");
    view.terminal.type_in("x");
    let mut holders = [("server", server.pid()), ("daemon", daemon.pid())];
    holders.sort_by_key(|(_, pid)| *pid);
    for (name, pid) in holders {
        view.shows(&format!("Terminate {}?", named(name, pid)));
        view.shows(&format!("Type {pid} and press Enter to confirm"));
        view.terminal.type_in(&format!("{pid}\r"));
    }
    view.shows("127.0.0.1:28111 is free");
    assert_eq!((server.process.ended_by(), daemon.process.ended_by()), (Some(15), Some(15)));
    view.quits_after_act();
}

/// A command that it proposes takes this socket and no other.
#[trial]
fn a_refused_close_proposes_the_same_socket() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let _server = server(80);
    let mut view = View::of(&portwho(["watch", "--interval", "0.1"]).user(NOBODY), (120, 25));
    view.shows("127.0.0.1:80");
    view.says("c", "run: sudo portwho close -l");
    view.quits_after_act();
}
