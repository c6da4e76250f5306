//! Holders of one socket that have nothing to do with each other: a user passes its listener
//! (SCM_RIGHTS) to a daemon that keeps what it is sent.

use crate::kill::{
    NOBODY, TERM, assert_free, assert_held, assert_lives, held, kill, named, run, timeless,
};
use crate::support::process::{Actor, Owner, can_become};
use crate::support::terminal::Terminal;
use crate::support::{flight, skip};

const PORT: &str = "28111";
const END: &str = "127.0.0.1:28111";

/// A user's server, and root's daemon that holds its listener too.
struct Strangers {
    server: Actor,
    daemon: Actor,
}

impl Strangers {
    fn new() -> Option<Self> {
        if !can_become(NOBODY) {
            skip("there is no other user here");
            return None;
        }
        let (from, to) = flight::pair();
        let mut server =
            Owner::named("server").user(NOBODY).playing_with("hand-over", &[END], from);
        server.line();
        let mut daemon = Owner::named("daemon").playing_with("keep", &[], to);
        daemon.line();
        Some(Self { server, daemon })
    }

    /// The lines on each, in the order of their PIDs.
    fn described(&self) -> String {
        let server = format!("server (PID {}, user nobody)", self.server.pid());
        let daemon = format!("daemon (PID {}, user root)", self.daemon.pid());
        format!(
            "{END} is held by {server}\n  also held by {daemon}, which is unrelated\n\
             {END} is held by {daemon}\n  its socket belongs to user nobody\n  also held by \
             {server}, which is unrelated\n"
        )
    }

    #[track_caller]
    fn live(&self) {
        assert_lives(&self.server.process);
        assert_lives(&self.daemon.process);
        assert_held(28111);
    }
}

#[trial]
fn a_listener_passed_to_a_daemon() {
    let Some(strangers) = Strangers::new() else { return };
    for options in [&[][..], &["-n"], &["-f"], &["--name", "*e*"]] {
        let words = [options, &[PORT]].concat();
        let again = match options {
            [] | ["-n"] => String::new(),
            options => options.join(" ").replace("*e*", "\"*e*\"") + " ",
        };
        let why = format!(
            "portwho: port {PORT}: unrelated processes hold it: server (PID {}, user nobody), \
             daemon (PID {}, user root); choose with --pid, --name or --user; to terminate all of \
             them, run: portwho kill -y {again}{PORT}\n",
            strangers.server.pid(),
            strangers.daemon.pid()
        );
        run(kill(words)).is(2, &strangers.described(), &why);
        strangers.live();
    }
}

#[trial]
fn confirmed_with_yes() {
    let Some(strangers) = Strangers::new() else { return };
    let output = run(kill(["-y", PORT]));
    assert_eq!(output.code, Some(0), "{output:?}");
    assert_eq!(strangers.server.process.ended_by(), TERM);
    assert_eq!(strangers.daemon.process.ended_by(), TERM);
    assert_free(28111);
}

/// The user of the socket names the server only: the daemon is another user's.
#[trial]
fn named_by_a_filter() {
    for option in ["--user", "--name", "--pid"] {
        let Some(strangers) = Strangers::new() else { return };
        let pid = strangers.server.pid().to_string();
        let value = match option {
            "--user" => "nobody",
            "--name" => "server",
            _ => &pid,
        };
        let daemon = named("daemon", strangers.daemon.pid());
        let first = held(END, "server", strangers.server.pid()).replace("user root", "user nobody")
            + &format!("  also held by {daemon}, which the filters exclude\n");
        let still = format!(
            "portwho: PID {pid} exited after T, but port {PORT} is still held by {}\n",
            named("daemon", strangers.daemon.pid())
        );
        run(kill([option, value, PORT])).is(2, &first, &still);
        assert_eq!(strangers.server.process.ended_by(), TERM, "{option}");
        assert_lives(&strangers.daemon.process);
    }
}

#[trial]
fn each_is_asked_about() {
    let Some(strangers) = Strangers::new() else { return };
    let (server, daemon) = (strangers.server.pid(), strangers.daemon.pid());
    let mut terminal = Terminal::asked(&kill([PORT]));
    terminal.await_text(&format!("Terminate {}? [y/N] ", named("server", server)));
    terminal.type_in("y\n");
    terminal.await_text(&format!("Terminate {}? [y/N] ", named("daemon", daemon)));
    terminal.type_in("n\n");
    let output = timeless(terminal.finish());
    let said = format!(
        "Terminate {}? [y/N] Terminate {1}? [y/N] portwho: port {PORT}: not confirmed; nothing was \
         sent to {1}\nportwho: PID {server} exited after T, but port {PORT} is still held by {1}\n",
        named("server", server),
        named("daemon", daemon),
    );
    output.is(2, &strangers.described(), &said);
    assert_eq!(strangers.server.process.ended_by(), TERM);
    assert_lives(&strangers.daemon.process);
}

/// Descent relates no process to a socket that another user has made.
#[trial]
fn a_daemon_that_is_the_parent() {
    if !can_become(NOBODY) {
        return skip("there is no other user here");
    }
    let mut daemon = Owner::named("daemon").copied().playing("employ", &[&NOBODY.to_string(), END]);
    let child: u32 = daemon.line().parse().expect("a PID");
    let output = run(kill([PORT]));
    let root = format!("daemon (PID {}, user root)", daemon.pid());
    let user = format!("daemon (PID {child}, user nobody)");
    let why = format!("portwho: port {PORT}: unrelated processes hold it: {root}, {user}; choose");
    assert!(output.stderr.starts_with(&why), "{output:?}");
    assert_eq!(output.code, Some(2), "{output:?}");
    assert_lives(&daemon.process);
    assert_held(28111);
    let child = child.to_string();
    let output = run(kill(["--user", "nobody", PORT]));
    let still = format!(
        "portwho: PID {child} exited after T, but port {PORT} is still held by {}\n",
        named("daemon", daemon.pid())
    );
    output.is(2, &output.stdout, &still);
    assert_lives(&daemon.process);
}
