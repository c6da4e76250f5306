//! watch in a console of Windows: what is drawn, keys, text that is pasted, and how it ends.

use std::cell::RefCell;
use std::fmt::{self, Display, Formatter};
use std::path::Path;

use vt100::Parser;

use crate::support::console::Console;
use crate::support::peer::Peer;
use crate::support::{wait_until, wine};

const SIZE: (u16, u16) = (100, 25);

/// The view of the sockets of a peer.
struct View {
    console: Console,
    size: (u16, u16),
    /// Where that begins which was drawn since the last key.
    from: usize,
}

/// A text without its blanks, and without the escapes between its parts.
fn squeezed(text: &str) -> String {
    let mut parts = text.split('\u{1b}');
    let first = parts.next().unwrap_or_default().to_owned();
    let rest = parts.map(|part| part.trim_start_matches(|c: char| !c.is_ascii_alphabetic()));
    let rest = rest.map(|part| part.get(1..).unwrap_or_default());
    let all: String = [first.as_str()].into_iter().chain(rest).collect();
    all.chars().filter(|c| !c.is_whitespace() && !c.is_control()).collect()
}

/// A text on the screen, and what is there instead.
struct Awaited<'a>(&'a str, &'a RefCell<String>);

impl Display for Awaited<'_> {
    fn fmt(&self, out: &mut Formatter<'_>) -> fmt::Result {
        write!(out, "{:?} on the screen:\n{}", self.0, self.1.borrow())
    }
}

impl View {
    fn of(peer: &Peer) -> Self {
        let pid = peer.pid().to_string();
        let words = ["watch", "--interval", "0.1", "--pid", &pid];
        let program = Path::new(env!("CARGO_BIN_EXE_portwho"));
        let (columns, rows) = (SIZE.0.cast_signed(), SIZE.1.cast_signed());
        let console = Console::start(program, &words, columns, rows).expect("a console");
        Self { console, size: SIZE, from: 0 }
    }

    fn screen(&self) -> String {
        let mut parser = Parser::new(self.size.1, self.size.0, 0);
        parser.process(&self.console.drawn());
        parser.screen().contents()
    }

    /// Waits until the screen has this. Wine's console takes escapes for text, and puts what follows them in
    /// other places: there it is enough that it was drawn since the last key.
    #[track_caller]
    fn shows(&self, text: &str) {
        let screen = RefCell::new(String::new());
        wait_until(Awaited(text, &screen), || {
            if wine::is_wine() {
                let drawn = self.console.drawn();
                screen.replace(squeezed(&String::from_utf8_lossy(&drawn[self.from..])));
                return screen.borrow().contains(&squeezed(text)).then_some(());
            }
            screen.replace(self.screen());
            screen.borrow().contains(text).then_some(())
        });
    }

    #[track_caller]
    fn says(&mut self, typed: &str, text: &str) {
        self.from = self.console.drawn().len();
        self.console.type_in(typed);
        self.shows(text);
    }

    #[track_caller]
    fn ends(&self) -> u32 {
        wait_until("the view to end", || self.console.code())
    }
}

/// A key counts when it goes down: Windows tells when it comes up, too, and then the help would be left
/// at once.
#[trial]
fn it_draws_and_takes_keys() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0", "udp:127.0.0.1:0"]);
    let mut view = View::of(&peer);
    view.shows("2 sockets  1 owner");
    view.shows(&format!("TCP    {:22} 0.0.0.0:0              LISTENING", peer.at[0].to_string()));
    view.shows(&format!("UDP    {:22} *:*", peer.at[1].to_string()));
    view.says("?", "Signs: + new");
    view.console.type_in("?");
    view.says(" ", "frozen");
    view.console.type_in("q");
    assert_eq!(view.ends(), 0);
}

/// A console has no brackets around what is pasted: it comes as keys, before the question is drawn.
#[trial]
fn a_pasted_answer_is_no_answer() {
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let mut view = View::of(&peer);
    view.shows(&peer.at[0].to_string());
    let pid = peer.pid();
    let question = format!("Type {pid} and press Enter to confirm");
    view.says(&format!("xy\r{pid}\r"), &question);
    view.says("8\r", "");
    view.says("\u{1b}", "Esc back");
    view.console.type_in("\r");
    view.says("x", &question);
    view.says(&format!("{pid}\r"), "is free");
    view.console.type_in("\r");
    view.console.type_in("q");
    assert_eq!(view.ends(), 0);
}

#[trial]
fn ctrl_c_ends_it() {
    if wine::lacks("Ctrl-C by a pseudo-console") {
        return;
    }
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let mut view = View::of(&peer);
    view.shows(&peer.at[0].to_string());
    view.console.type_in("\u{3}");
    assert_eq!(view.ends(), 130);
}

#[trial]
fn it_fits_another_size() {
    if wine::lacks("consoles that draw what escapes say") {
        return;
    }
    let peer = Peer::holding(&["tcp:127.0.0.1:0"]);
    let mut view = View::of(&peer);
    view.shows(&peer.at[0].to_string());
    view.console.resize(60, 15).expect("another size");
    view.size = (60, 15);
    view.shows("? help  q quit  / filter  x kill  c close  Enter details");
    view.console.type_in("q");
    assert_eq!(view.ends(), 0);
}
