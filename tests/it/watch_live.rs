//! watch on a terminal: what it shows, and what real keys do.

use std::cell::RefCell;
use std::fmt::{self, Display, Formatter};
use std::process::Command;
use std::{env, fs};

use vt100::Parser;

use crate::support::mounts;
use crate::support::process::{ROLE, server};
use crate::support::terminal::Terminal;
use crate::support::{Output, Run, Scratch, portwho, wait_until};
use crate::wait::later;

/// What leaves the alternate screen and bracketed paste (xterm's control sequences).
const LEFT: [&str; 2] = ["\u{1b}[?2004l", "\u{1b}[?1049l"];

/// A view, and the screen that it draws.
pub struct View {
    pub terminal: Terminal,
    size: (u16, u16),
    /// Where its output begins for a screen of this size.
    from: usize,
}

/// A text on the screen, and what is there instead.
struct Awaited<'a>(&'a str, &'a RefCell<String>);

impl Display for Awaited<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} on the screen:\n{}", self.0, self.1.borrow())
    }
}

impl View {
    pub fn start(words: &[&str]) -> Self {
        Self::of_size(words, (100, 25))
    }

    pub fn of_size(words: &[&str], size: (u16, u16)) -> Self {
        let words = ["watch", "--interval", "0.1"].iter().chain(words);
        Self::of(&portwho(words), size)
    }

    pub fn of(run: &Run, size: (u16, u16)) -> Self {
        Self { terminal: Terminal::of_size(run, size.0, size.1), size, from: 0 }
    }

    /// The view on a system with this fault, as the role `faulty-watch` plays it.
    pub fn faulty(fault: &str) -> Self {
        let mut command = Command::new(env::current_exe().expect("own path"));
        command.args([fault, "watch", "--interval", "0.1"]).env(ROLE, "faulty-watch");
        Self { terminal: Terminal::of(command, fault), size: (120, 50), from: 0 }
    }

    /// Another size of the screen, which is drawn anew.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.from = self.terminal.written().len();
        self.size = size;
        self.terminal.resize(size.0, size.1);
    }

    pub fn screen(&mut self) -> String {
        let (columns, rows) = self.size;
        let mut parser = Parser::new(rows, columns, 0);
        parser.process(&self.terminal.written()[self.from..]);
        parser.screen().contents()
    }

    /// Waits until the screen has this.
    #[track_caller]
    pub fn shows(&mut self, text: &str) {
        let screen = RefCell::new(String::new());
        wait_until(Awaited(text, &screen), || {
            screen.replace(self.screen());
            screen.borrow().contains(text).then_some(())
        });
    }

    /// Types this, and waits for that.
    #[track_caller]
    pub fn says(&mut self, typed: &str, text: &str) {
        self.terminal.type_in(typed);
        self.shows(text);
    }

    /// Leaves an action that is over, and quits.
    #[track_caller]
    pub fn quits_after_act(mut self) {
        self.shows("Esc back");
        self.says("\u{1b}", "? help  q quit");
        self.terminal.type_in("q");
        assert_eq!(self.ends().code, Some(0));
    }

    /// It has ended, and the terminal is as it was.
    #[track_caller]
    pub fn ends(self) -> Output {
        let output = self.terminal.finish_with(|terminal| assert!(terminal.is_canonical()));
        for sequence in LEFT {
            assert!(output.stdout.contains(sequence), "{sequence:?}: {output:?}");
        }
        output
    }
}

/// The state of a process, as in /proc/PID/stat.
pub fn state_of(pid: u32) -> char {
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
    // The line is too long for a hundred columns, and loses its date and its padding.
    view.says("e", "Z closed TCP 127.0.0.1:80 ");
    view.says("\u{1b}", "? help  q quit");
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
    let list = portwho(["--json", "-l"]).run().json(0, "");
    assert_eq!(written["sockets"], list["sockets"]);
    assert_eq!(written["processes"], list["processes"]);
    let mode = std::os::unix::fs::MetadataExt::mode(&fs::metadata(&name).expect("the file"));
    assert_eq!(mode & 0o777, 0o600);
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
}

/// What is known of it is what was seen: nothing is asked of its port, which may be another's.
#[trial]
fn details_of_a_socket_that_is_gone() {
    let mut server = later("server", "127.0.0.1:80");
    server.tell("listen");
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    assert_eq!(server.tell("close"), "closed");
    view.shows("- TCP    127.0.0.1:80");
    view.says("\r", "this socket has closed");
    let screen = view.screen();
    assert!(
        !screen.contains("Findings") && !screen.contains("waiting for connections"),
        "{screen}"
    );
    view.says("\u{1b}", "? help  q quit");
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
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

/// Rows are fitted to another size, the selection stays, and nothing is left of the old one.
#[trial]
fn a_terminal_that_changes_its_size() {
    let servers: Vec<_> = (1000..1040).map(server).collect();
    let mut view = View::of_size(&[], (120, 40));
    view.shows(":1000");
    view.says("\u{1b}[F", ":1039");
    for size in [(60, 15), (200, 50), (80, 24), (100, 25)] {
        view.resize(size);
        let rows = usize::from(size.1) - if size.1 < 20 { 3 } else { 4 };
        let (last, lines) = (1039_usize, rows.min(40));
        let screen = RefCell::new(String::new());
        wait_until(Awaited("the screen of another size", &screen), || {
            screen.replace(view.screen());
            let screen = screen.borrow();
            let shown = screen.lines().filter(|line| line.contains("127.0.0.1:10")).count();
            (shown == lines && screen.contains(&format!(":{last}"))).then_some(())
        });
    }
    view.terminal.type_in("q");
    assert_eq!(view.ends().code, Some(0));
    drop(servers);
}

/// What is known of users is asked for when a filter needs it.
#[trial]
fn a_filter_of_users() {
    let _server = server(80);
    let mut view = View::start(&[]);
    view.shows("127.0.0.1:80");
    view.says("/user:nosuchuser", "no socket matches");
    view.says("\u{15}user:root", "127.0.0.1:80");
    view.terminal.type_in("\u{3}");
    assert_eq!(view.ends().code, Some(130));
}

/// Where a file cannot be written to its end, none is left.
#[trial]
fn a_disk_that_is_full() {
    let scratch = Scratch::new();
    let directory = scratch.path().join("disk");
    fs::create_dir(&directory).expect("a directory");
    mounts::small_disk(directory.to_str().expect("UTF-8")).expect("mount");
    let servers: Vec<_> = (1000..1020).map(server).collect();
    let mut view = View::of_size(&[], (200, 25));
    view.shows("127.0.0.1:1019");
    let name = directory.join("rows.json");
    view.says("w", "Write to a new file");
    view.says(&format!("{}\r", name.display()), "cannot be written: No space left");
    assert!(!name.exists());
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
