//! A socket that has become something else between the question and the answer: same process, same
//! descriptor, same inode, and it no longer holds what was asked for.

use crate::kill::{assert_lives, held, kill, listener, named, timeless};
use crate::support::Output;
use crate::support::features::lists_bound;
use crate::support::process::{Actor, Owner};
use crate::support::terminal::Terminal;

const ASKED: &str = "[y/N] ";

/// Asks whether to end whoever holds `address`, lets it change meanwhile, and says yes.
fn changed_meanwhile(kind: &str, address: &str, orders: &[&str]) -> (Actor, String, Output) {
    let mut web = Owner::named("web").playing("change", &[kind, address]);
    let had = web.line();
    let port = had.rsplit(':').next().expect("a port").to_owned();
    let words = if kind == "udp" { vec!["-u", &port] } else { vec![port.as_str()] };
    let mut terminal = Terminal::asked(&kill(words));
    terminal.await_text(ASKED);
    for order in orders {
        web.tell(order);
    }
    terminal.type_in("y\n");
    let output = timeless(terminal.finish());
    (web, had, output)
}

#[track_caller]
fn is_left_alone(kind: &str, address: &str, orders: &[&str]) {
    let (web, had, output) = changed_meanwhile(kind, address, orders);
    let name = named("web", web.pid());
    let port = had.rsplit(':').next().expect("a port");
    let asked = format!("Terminate {name}? {ASKED}");
    let left = format!("portwho: {name} no longer holds port {port}; nothing was sent\n");
    output.is(1, &held(&had, "web", web.pid()), &format!("{asked}{left}"));
    assert_lives(&web.process);
}

/// The kernel chose its port, so disconnecting gives it up.
#[trial]
fn listens_on_another_port() {
    is_left_alone("tcp", "127.0.0.1:0", &["disconnect", "bind 127.0.0.1:8081"]);
}

#[trial]
fn is_only_bound_elsewhere() {
    is_left_alone(
        "udp",
        "127.0.0.1:0",
        &["connect 127.0.0.1:9", "disconnect", "bind 127.0.0.1:8081"],
    );
}

#[trial]
fn has_connected() {
    let _server = listener(8080);
    is_left_alone("tcp", "127.0.0.1:80", &["disconnect", "connect 127.0.0.1:8080"]);
}

#[trial]
fn a_udp_socket_has_connected() {
    is_left_alone("udp", "127.0.0.1:80", &["connect 127.0.0.1:8080"]);
}

#[trial]
fn a_udp_socket_is_elsewhere() {
    is_left_alone("udp", "127.0.0.1:0", &["connect 127.0.0.1:9", "disconnect"]);
}

/// Nothing else can be bound there as long as it is.
#[trial]
fn a_listener_that_is_only_bound_still_holds() {
    if !lists_bound() {
        return;
    }
    let (web, had, output) = changed_meanwhile("tcp", "127.0.0.1:80", &["disconnect"]);
    let name = named("web", web.pid());
    let ended = format!("PID {} exited after T; port 80 is free\n", web.pid());
    let said = held(&had, "web", web.pid()) + &ended;
    output.is(0, &said, &format!("Terminate {name}? {ASKED}"));
}
