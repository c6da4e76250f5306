//! watch on a terminal: real keys, kill and close of real sockets, and every way to end.

use std::cell::RefCell;
use std::fmt::{self, Display, Formatter};
use std::fs;

use rustix::process::Signal;
use vt100::Parser;

use crate::support::makers::{self, Loopback};
use crate::support::process::{Owner, server};
use crate::support::terminal::Terminal;
use crate::support::{Output, Scratch, portwho, wait_until};
use crate::wait::later;

/// What leaves the alternate screen and bracketed paste (xterm's control sequences).
const LEFT: [&str; 2] = ["\u{1b}[?2004l", "\u{1b}[?1049l"];

/// A view, and the screen that it draws.
struct View {
    terminal: Terminal,
    size: (u16, u16),
}

/// A text on the screen, and what is there instead.
struct Awaited<'a>(&'a str, &'a RefCell<String>);

impl Display for Awaited<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} on the screen:\n{}", self.0, self.1.borrow())
    }
}

impl View {
    fn start(words: &[&str]) -> Self {
        Self::of_size(words, (100, 25))
    }

    fn of_size(words: &[&str], size: (u16, u16)) -> Self {
        let words = ["watch", "--interval", "0.1"].iter().chain(words);
        Self { terminal: Terminal::of_size(&portwho(words), size.0, size.1), size }
    }

    fn screen(&mut self) -> String {
        let (columns, rows) = self.size;
        let mut parser = Parser::new(rows, columns, 0);
        parser.process(self.terminal.written());
        parser.screen().contents()
    }

    /// Waits until the screen has this.
    #[track_caller]
    fn shows(&mut self, text: &str) {
        let screen = RefCell::new(String::new());
        wait_until(Awaited(text, &screen), || {
            screen.replace(self.screen());
            screen.borrow().contains(text).then_some(())
        });
    }

    /// Types this, and waits for that.
    #[track_caller]
    fn says(&mut self, typed: &str, text: &str) {
        self.terminal.type_in(typed);
        self.shows(text);
    }

    /// It has ended, and the terminal is as it was.
    #[track_caller]
    fn ends(self) -> Output {
        let output = self.terminal.finish_with(|terminal| assert!(terminal.is_canonical()));
        for sequence in LEFT {
            assert!(output.stdout.contains(sequence), "{sequence:?}: {output:?}");
        }
        output
    }
}

/// The state of a process, as in /proc/PID/stat.
fn state_of(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).expect("a process");
    stat.rsplit(") ").next().and_then(|rest| rest.chars().next()).expect("a state")
}

#[trial]
fn a_server_that_starts_and_stops() {
    let mut server = later("server", "127.0.0.1:80");
    let mut view = View::start(&[]);
    view.shows("no socket matches");
    server.tell("listen");
    let row = |sign, pid| {
        let address = "127.0.0.1:80           0.0.0.0:0              LISTENING";
        format!("{sign} TCP    {address}       {pid:<8} server")
    };
    view.shows(&row('+', server.pid()));
    assert_eq!(server.tell("close"), "closed");
    view.shows(&row('-', server.pid()));
    view.says("e", " closed  TCP    127.0.0.1:80 ");
    view.says("\u{1b}", "? help  q quit");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

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
    view.says("\u{1b}", "? help  q quit");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
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
    view.says("c", "Type 1 and press Enter to confirm");
    view.says("1\r", "closed 1 socket; client (PID");
    view.shows("Esc back");
    assert!(!client.has_exited());
    view.says("\u{1b}", "? help  q quit");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
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

#[trial]
fn details_and_a_file() {
    let server = server(80);
    let scratch = Scratch::new();
    let name = scratch.path().join("rows.json");
    // How long the details are depends on the path of the program.
    let mut view = View::of_size(&["-l"], (100, 60));
    view.shows("127.0.0.1:80");
    view.says("\r", &format!("server (PID {})", server.pid()));
    view.shows("Findings of portwho doctor");
    view.shows("no problems found");
    view.shows("A server is waiting for connections");
    view.says("\u{1b}", "? help  q quit");
    view.says("w", "Write to a new file");
    view.says(&format!("{}\r", name.display()), "wrote 1 socket to");
    let written: serde_json::Value =
        serde_json::from_str(&fs::read_to_string(&name).expect("the file")).expect("JSON");
    assert_eq!(written["sockets"][0]["local"]["port"], 80);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&name).expect("the file"));
    assert_eq!(mode & 0o777, 0o600);
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

/// By signal, the program dies of the signal, and the terminal is restored before.
#[trial]
fn signals_restore_the_terminal() {
    let _server = server(80);
    for signal in [Signal::TERM, Signal::HUP, Signal::INT, Signal::QUIT] {
        let mut view = View::start(&[]);
        view.shows("127.0.0.1:80");
        assert!(!view.terminal.is_canonical());
        view.terminal.signal(signal);
        assert_eq!(view.ends().code, None, "{signal:?}");
    }
}

/// Ctrl-Z gives the terminal back and stops; when it runs on, it draws again.
#[trial]
fn ctrl_z_stops_and_runs_on() {
    let _server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    view.terminal.type_in("\u{1a}");
    let pid = view.terminal.pid();
    wait_until("the view to stop", || (state_of(pid) == 'T').then_some(()));
    assert!(view.terminal.is_canonical());
    let screen = String::from_utf8_lossy(view.terminal.written()).into_owned();
    assert!(screen.ends_with("\u{1b}[?25h"), "{screen:?}");
    view.terminal.signal(Signal::CONT);
    view.shows("127.0.0.1:80");
    view.says("?", "Signs: + new");
    assert!(!view.terminal.is_canonical());
    view.terminal.type_in("\u{3}");
    assert_eq!(view.ends().code, Some(130));
}

#[trial]
fn a_small_terminal() {
    let servers: Vec<_> = (1000..1030).map(server).collect();
    let mut view = View::of_size(&["--color", "always"], (60, 15));
    view.shows(":1011");
    let screen = view.screen();
    let lines: Vec<&str> = screen.lines().collect();
    assert_eq!(lines.iter().filter(|line| line.contains(" LISTENING ")).count(), 12, "{screen}");
    assert!(lines[0].starts_with("30 sockets  30 owners"), "{screen}");
    view.says("\u{1b}[F", ":1029");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
    drop(servers);
}

/// A terminal that knows no escapes gets lines.
#[trial]
fn a_dumb_terminal_gets_lines() {
    let _server = server(80);
    let run = portwho(["watch", "--count", "1"]).env("TERM", "dumb");
    let output = Terminal::of_columns(&run, 100).finish();
    assert_eq!(output.code, Some(0));
    assert!(output.stdout.starts_with("Time                 Change  Proto "), "{output:?}");
    assert!(!output.stdout.contains('\u{1b}'), "{output:?}");
}
