//! close, with sockets that change behind its question: nothing is closed that was not asked about, and
//! nothing is told of a process that no longer holds the socket.

use std::net::{SocketAddr, TcpListener, TcpStream};

use crate::close::{assert_gone, assert_there, close, closed_one, is_of};
use crate::kill::named;
use crate::support::Output;
use crate::support::kernel_table::{State, await_state};
use crate::support::process::{Actor, Owner};
use crate::support::terminal::Terminal;

const ASKED: &str = "[y/N] ";

/// A process with one connection, which it began.
struct Connected {
    app: Actor,
    peer: Option<TcpStream>,
    local: SocketAddr,
    foreign: SocketAddr,
}

impl Connected {
    fn new() -> Self {
        let listener = TcpListener::bind("127.0.0.1:8080").expect("bind");
        let mut app = Owner::named("app").playing("connections", &[]);
        app.line();
        app.tell("connect 127.0.0.1:8080 1");
        let (peer, local) = listener.accept().expect("accept");
        let foreign = peer.local_addr().expect("an address");
        await_state(local, foreign, State::ESTABLISHED);
        Self { app, peer: Some(peer), local, foreign }
    }

    /// What close says of it when something happens before the answer, which is yes.
    fn meanwhile(&mut self, happens: impl FnOnce(&mut Self)) -> Output {
        let mut terminal = Terminal::asked(&close(["--pid", &self.app.pid().to_string()]));
        terminal.await_text(ASKED);
        happens(self);
        terminal.type_in("y\n");
        terminal.finish()
    }

    fn becomes(&self, state: State) {
        await_state(self.local, self.foreign, state);
    }

    fn is_of(&self) -> String {
        is_of("1 ESTABLISHED", "app", self.app.pid())
    }

    fn question(&self) -> String {
        format!("Close 1 socket of {}? {ASKED}", named("app", self.app.pid()))
    }

    /// It is not what was asked about, and is left alone.
    #[track_caller]
    fn is_left(&self, output: &Output) {
        let line = format!(
            "portwho: 1 ESTABLISHED of {}: not closed: changed since it was listed\n",
            named("app", self.app.pid())
        );
        output.is(1, &self.is_of(), &(self.question() + &line));
        assert_there(self.local, self.foreign);
    }
}

/// Nothing of it is the process's, and nothing of it is a connection.
#[trial]
fn in_time_wait() {
    let mut connected = Connected::new();
    let output = connected.meanwhile(|it| {
        it.app.tell("close");
        it.peer = None;
        it.becomes(State::TIME_WAIT);
    });
    let app = named("app", connected.app.pid());
    let said = connected.is_of() + &format!("1 socket of {app} had already closed\n");
    output.is(0, &said, &connected.question());
    connected.becomes(State::TIME_WAIT);
}

/// Its process closed it, and the kernel goes on with what is left.
#[trial]
fn orphaned() {
    let mut connected = Connected::new();
    let output = connected.meanwhile(|it| {
        it.app.tell("close");
        it.becomes(State::FIN_WAIT_2);
    });
    connected.is_left(&output);
}

/// A child that was not asked about holds it alone.
#[trial]
fn inherited() {
    let mut connected = Connected::new();
    let output = connected.meanwhile(|it| {
        it.app.tell("share");
        it.app.tell("close");
    });
    connected.is_left(&output);
}

/// The process that was asked about holds it, and so does a child.
#[trial]
fn shared() {
    let mut connected = Connected::new();
    let output = connected.meanwhile(|it| {
        it.app.tell("share");
    });
    let said = connected.is_of() + &closed_one("app", connected.app.pid());
    output.is(0, &said, &connected.question());
    assert_gone(connected.local, connected.foreign);
}

/// The peer has closed: this is the same connection of the same process.
#[trial]
fn half_closed() {
    let mut connected = Connected::new();
    let output = connected.meanwhile(|it| {
        it.peer = None;
        it.becomes(State::CLOSE_WAIT);
    });
    let said = connected.is_of() + &closed_one("app", connected.app.pid());
    output.is(0, &said, &connected.question());
    assert_gone(connected.local, connected.foreign);
}

/// Nobody had it when it was asked about.
#[trial]
fn accepted() {
    let mut web = Owner::named("web").playing("listen", &["127.0.0.1:80"]);
    web.line();
    let client = TcpStream::connect("127.0.0.1:80").expect("connect");
    let (local, foreign) = (client.peer_addr(), client.local_addr());
    let (local, foreign) = (local.expect("an address"), foreign.expect("an address"));
    await_state(local, foreign, State::ESTABLISHED);
    let mut terminal = Terminal::asked(&close(["-s", "ESTAB", "80"]));
    terminal.await_text(ASKED);
    web.tell("accept");
    terminal.type_in("y\n");
    let said = format!(
        "Close 1 socket of the kernel (not-accepted)? {ASKED}\
         portwho: 1 ESTABLISHED of the kernel (not-accepted): not closed: changed since it was listed\n"
    );
    terminal.finish().is(1, "1 ESTABLISHED of the kernel (not-accepted)\n", &said);
    assert_there(local, foreign);
}
