//! close at a terminal: it asks for each owner, and closes what it was told, if that is still
//! what it was.

use std::net::TcpStream;

use rustix::net::{SocketFlags, SocketType, accept_with, connect};

use crate::close::{
    app, assert_gone, assert_there, close, closed_one, closes, is_of, sockets_held,
};
use crate::kill::{assert_lives, named};
use crate::support::kernel_table::{State, await_state};
use crate::support::makers::{self, Loopback};
use crate::support::process::{Actor, Owner};
use crate::support::terminal::Terminal;

const ASKED: &str = "[y/N] ";

fn question(name: &str, pid: u32) -> String {
    format!("Close 1 socket of {}? {ASKED}", named(name, pid))
}

fn declined(name: &str, pid: u32) -> String {
    format!("portwho: 1 CLOSE_WAIT of {}: not confirmed; nothing was closed\n", named(name, pid))
}

#[trial]
fn yes() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    let mut terminal = Terminal::asked(&close(["-s", "CLOSE_WAIT"]));
    terminal.await_text(ASKED);
    assert_there(made.server_address, made.client_address);
    terminal.type_in("y\n");
    terminal.finish().is(0, &closes("CLOSE_WAIT", &app), &question("app", app.pid()));
    assert_gone(made.server_address, made.client_address);
    assert_lives(&app);
}

#[trial]
fn anything_else_is_no() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    let described = is_of("1 CLOSE_WAIT", "app", app.pid());
    for answer in ["n\n", "\n", "yess\n", "n\ny\n", "\x04"] {
        let mut terminal = Terminal::asked(&close(["-s", "CLOSE_WAIT"]));
        terminal.await_text(ASKED);
        terminal.type_in(answer);
        let end = if answer == "\x04" { "\n" } else { "" };
        let said = question("app", app.pid()) + end + &declined("app", app.pid());
        terminal.finish().is(2, &described, &said);
    }
    assert_there(made.server_address, made.client_address);
}

#[trial]
fn yes_skips_the_question() {
    let made = makers::half_closed(Loopback::V4);
    let app = app(made.server);
    let output = Terminal::asked(&close(["--yes", "-s", "CLOSE_WAIT"])).finish();
    output.is(0, &closes("CLOSE_WAIT", &app), "");
    assert_gone(made.server_address, made.client_address);
}

/// What ends is said: a listener serves everybody.
#[trial]
fn listeners_have_their_own_question() {
    let end = Loopback::V4.port(8080);
    let web = Owner::named("web").holding(makers::listening(end).socket);
    let dns = Owner::named("dns").holding(makers::udp(end).socket);
    for (protocol, kind, noun, name, process, effect) in [
        ("-t", "1 LISTENING", "listener", "web", &web, "no new connections come to it"),
        ("-u", "1 UDP", "unconnected UDP socket", "dns", &dns, "nothing more comes to it"),
    ] {
        let owner = named(name, process.pid());
        let mut terminal = Terminal::asked(&close(["-l", protocol, "8080"]));
        terminal.await_text(ASKED);
        terminal.type_in("n\n");
        let said = format!(
            "Close 1 {noun} of {owner}, so that {effect}? {ASKED}portwho: {kind} of {owner}: not \
             confirmed; nothing was closed\n"
        );
        terminal.finish().is(2, &is_of(kind, name, process.pid()), &said);
    }
}

/// In the order of their rows.
#[trial]
fn each_owner() {
    let mut made = [makers::half_closed(Loopback::V4), makers::half_closed(Loopback::V4)];
    made.sort_by_key(|one| one.server_address.port());
    let [first, second] = made;
    let (kept, lost) = (Owner::named("kept").holding(first.server), app(second.server));
    let mut terminal = Terminal::asked(&close(["-s", "CLOSE_WAIT"]));
    terminal.await_text(&question("kept", kept.pid()));
    terminal.type_in("n\n");
    terminal.await_text(&question("app", lost.pid()));
    terminal.type_in("y\n");
    let said = is_of("1 CLOSE_WAIT", "kept", kept.pid()) + &closes("CLOSE_WAIT", &lost);
    let asked =
        question("kept", kept.pid()) + &declined("kept", kept.pid()) + &question("app", lost.pid());
    terminal.finish().is(2, &said, &asked);
    assert_there(first.server_address, first.client_address);
    assert_gone(second.server_address, second.client_address);
}

#[trial]
fn refused_without_a_question() {
    let made = makers::bound(Loopback::V4.port(6800));
    let app = app(made.socket);
    let line = format!(
        "portwho: 1 BOUND of {}: refused: there is no connection to close; to free the port, run: \
         portwho kill \
         6800\n",
        named("app", app.pid())
    );
    Terminal::asked(&close(["6800"])).finish().is(2, "", &line);
}

/// Its process ended it meanwhile.
#[trial]
fn gone_while_asked() {
    let made = makers::half_closed(Loopback::V4);
    let mut app = app(made.server);
    let pid = app.pid();
    let mut terminal = Terminal::asked(&close(["-s", "CLOSE_WAIT"]));
    terminal.await_text(ASKED);
    app.make_zombie();
    drop(made.client);
    crate::support::wait_until("the connection to end", || {
        let found = crate::support::kernel_table::find(made.server_address, made.client_address);
        found.is_none().then_some(())
    });
    terminal.type_in("y\n");
    let said = is_of("1 CLOSE_WAIT", "app", pid)
        + &format!("1 socket of {} had already closed\n", named("app", pid));
    terminal.finish().is(0, &said, &question("app", pid));
}

/// SYN_SENT was asked for; by the time of the answer it is a connection that works.
#[trial]
fn connected_while_asked() {
    let listening = makers::listening_with(Loopback::V4.port(0), 0, |_| {});
    let filler = TcpStream::connect(listening.address).expect("connect");
    let client = rustix::net::socket_with(
        rustix::net::AddressFamily::INET,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    );
    let client = client.expect("socket");
    rustix::io::ioctl_fionbio(&client, true).expect("FIONBIO");
    assert!(connect(&client, &listening.address).is_err(), "the queue is full");
    let near = rustix::net::getsockname(&client).expect("getsockname");
    let near: std::net::SocketAddr = near.try_into().expect("an address");
    await_state(near, listening.address, State::SYN_SENT);
    let app = app(client);
    let mut terminal = Terminal::asked(&close(["-s", "SYN_SENT"]));
    terminal.await_text(ASKED);
    let accepted = accept_with(&listening.socket, SocketFlags::CLOEXEC).expect("accept");
    await_state(near, listening.address, State::ESTABLISHED);
    terminal.type_in("y\n");
    let said = format!(
        "{}portwho: 1 SYN_SENT of {}: not closed: changed since it was listed\n",
        question("app", app.pid()),
        named("app", app.pid())
    );
    terminal.finish().is(1, &is_of("1 SYN_SENT", "app", app.pid()), &said);
    assert_there(near, listening.address);
    drop((filler, accepted));
}

/// The same socket with another peer: that connection was not asked about.
#[trial]
fn reconnected_while_asked() {
    let end = |port| Loopback::V4.port(port);
    let _servers = [8080, 8081].map(|port| makers::listening(end(port)));
    let mut app = Owner::named("app").playing("change", &["tcp", "127.0.0.1:80"]);
    app.line();
    let connect = |app: &mut Actor, port: u16| {
        app.tell("disconnect");
        app.tell(&format!("connect 127.0.0.1:{port}"));
    };
    connect(&mut app, 8080);
    let mut terminal = Terminal::asked(&close(["-s", "ESTAB", "--pid", &app.pid().to_string()]));
    terminal.await_text(ASKED);
    connect(&mut app, 8081);
    terminal.type_in("y\n");
    let left = format!(
        "portwho: 1 ESTABLISHED of {}: not closed: changed since it was listed\n",
        named("app", app.pid())
    );
    let said = question("app", app.pid()) + &left;
    terminal.finish().is(1, &is_of("1 ESTABLISHED", "app", app.pid()), &said);
    assert_there(end(80), end(8081));
    assert_lives(&app.process);
}

#[trial]
fn a_hostile_name() {
    let made = makers::half_closed(Loopback::V4);
    let evil = Owner::named("a\u{1b}[2J? y").holding(made.server);
    let shown = "a\\x1b[2J? y";
    let mut terminal = Terminal::asked(&close(["-s", "CLOSE_WAIT"]));
    terminal.await_text(ASKED);
    terminal.type_in("y\n");
    let said = is_of("1 CLOSE_WAIT", shown, evil.pid()) + &closed_one(shown, evil.pid());
    terminal.finish().is(0, &said, &question(shown, evil.pid()));
    assert_eq!(sockets_held(evil.pid()), 1);
}
