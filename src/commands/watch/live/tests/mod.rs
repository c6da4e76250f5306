//! The view on recorded looks: what keys do, and what is on the screen.

mod acts;
mod screens;

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use ratatui::buffer::Buffer;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::super::print::COLUMNS;
use super::super::seen::Look;
use super::draw;
use super::event::{Effect, Event, Pace};
use super::narrow;
use super::order::Sort;
use super::state::{Settings, State};
use crate::model::{
    About, Capabilities, Endpoint, OwnedSocket, Owner, Pid, Process, Protocol, Snapshot, Socket,
    TcpState,
};
use crate::platform::ThisSystem;
use crate::query::{Change, SortKey, Unread, changes};

/// A listener of PID 7, or a connection of PID 8.
fn row(cookie: u64, port: u16, state: TcpState) -> OwnedSocket {
    let end = |port| Endpoint::new([127, 0, 0, 1].into(), port);
    let socket = Socket {
        state: Some(state),
        foreign: (!state.holds_port()).then(|| end(5000)),
        cookie: Some(cookie),
        inode: Some(cookie + 100),
        ..Socket::at(Protocol::Tcp, end(port))
    };
    let pid = if state.holds_port() { 7 } else { 8 };
    OwnedSocket { socket, owner: Owner::of_process(Pid(pid)) }
}

fn listener(cookie: u64, port: u16) -> OwnedSocket {
    row(cookie, port, TcpState::Listening)
}

fn connection(cookie: u64, port: u16) -> OwnedSocket {
    row(cookie, port, TcpState::Established)
}

fn look(sockets: &[OwnedSocket]) -> Look {
    let process = |(pid, name): (u32, &str)| (Pid(pid), Process::named(Pid(pid), name.into()));
    let snapshot = Snapshot {
        sockets: sockets.to_vec(),
        processes: [(7, "server"), (8, "client")].map(process).into(),
        ..Snapshot::empty(Capabilities::LINUX)
    };
    Look::new(snapshot, Vec::new(), Unread::default(), Duration::ZERO)
}

/// A view, and the looks that it gets.
struct Trial(State);

impl Trial {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let (read_only, has_port, color, count) = (false, false, true, None);
        let columns = COLUMNS.to_vec();
        let mut settings = Settings { columns, read_only, has_port, color, count };
        change(&mut settings);
        Self(State::new(settings, Sort::Key(SortKey::Port)))
    }

    /// One that sees these at its first look, and has drawn them.
    fn of(sockets: &[OwnedSocket]) -> Self {
        let mut trial = Self::new();
        trial.sees(sockets);
        trial.is_drawn();
        trial
    }

    /// A look that sees these.
    fn sees(&mut self, sockets: &[OwnedSocket]) -> Vec<Effect> {
        let now = look(sockets);
        let before = self.0.table.look.clone();
        let changes = before.map(|before| changes(before.seen(), now.seen())).unwrap_or_default();
        self.looked(now, changes)
    }

    fn looked(&mut self, look: Look, changes: Vec<Change>) -> Vec<Effect> {
        let pace = Pace { interval: Duration::from_secs(1), ..Pace::default() };
        let at = SystemTime::UNIX_EPOCH;
        self.0.note(Event::Looked { look: Arc::new(look), changes, at, pace })
    }

    fn is_drawn(&mut self) {
        self.0.note_drawn();
    }

    fn press(&mut self, code: KeyCode) -> Vec<Effect> {
        let effects = self.0.press(KeyEvent::new(code, KeyModifiers::NONE));
        self.parsed(effects)
    }

    fn paste(&mut self, text: &str) -> Vec<Effect> {
        let effects = self.0.paste(text);
        self.parsed(effects)
    }

    /// The effects but the filters, which are parsed at once.
    fn parsed(&mut self, effects: Vec<Effect>) -> Vec<Effect> {
        let of = |effect| match effect {
            Effect::Parse(typed) => {
                let parsed = narrow::parse(&typed, &ThisSystem::default()).map(Box::new);
                self.0.note(Event::Parsed(typed, parsed))
            }
            other => vec![other],
        };
        effects.into_iter().flat_map(of).collect()
    }

    fn types(&mut self, text: &str) -> Vec<Effect> {
        text.chars().flat_map(|c| self.press(KeyCode::Char(c))).collect()
    }

    fn passes(&mut self, seconds: u64) {
        self.0.now += Duration::from_secs(seconds);
        self.0.note(Event::Tick);
    }

    /// The local ports of the rows in order, with their signs, and a `>` before the selected one.
    fn rows(&self) -> Vec<String> {
        let table = &self.0.table;
        let line = |item| {
            let Some((row, _, sign)) = table.row(item) else { return "group".to_owned() };
            let selected = if self.0.selected == Some(row.socket.key()) { ">" } else { "" };
            let sign = sign.map(|sign| sign.char().to_string()).unwrap_or_default();
            format!("{selected}{}{sign}", row.socket.local.port)
        };
        table.items.iter().map(line).collect()
    }

    fn screen(&mut self, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        self.0.room = draw::room(area);
        self.0.scroll();
        draw::screen(&self.0, area, &mut buffer);
        buffer
    }
}

#[test]
fn the_selection_is_a_socket_and_not_a_line() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    trial.press(KeyCode::Down);
    assert_eq!(trial.rows(), ["80", ">90"]);
    trial.sees(&[listener(3, 70), listener(4, 85), listener(1, 80), listener(2, 90)]);
    assert_eq!(trial.rows(), ["70+", "80", "85+", ">90"]);
    trial.press(KeyCode::Char('r'));
    assert_eq!(trial.rows(), [">90", "85+", "80", "70+"]);
}

#[test]
fn what_is_gone_stays_for_five_seconds_and_what_changes_stays_in_its_place() {
    let mut trial = Trial::of(&[connection(1, 80), connection(2, 90), connection(3, 95)]);
    assert_eq!(trial.rows(), [">80", "90", "95"], "the first look has no signs");
    for _ in 0..4 {
        trial.press(KeyCode::Char('s'));
    }
    assert_eq!(trial.0.how.sort, Sort::Key(SortKey::Pid));
    for _ in 0..5 {
        trial.press(KeyCode::Char('s'));
    }
    while trial.0.how.sort != Sort::Key(SortKey::State) {
        trial.press(KeyCode::Char('s'));
    }
    trial.sees(&[row(1, 80, TcpState::CloseWait), connection(3, 95)]);
    assert_eq!(trial.rows(), [">80~", "90-", "95"]);
    trial.passes(4);
    assert_eq!(trial.rows(), [">80~", "90-", "95"]);
    trial.passes(1);
    assert_eq!(trial.rows(), ["95", ">80"]);
}

#[test]
fn a_frozen_order_goes_on_collecting() {
    let mut trial = Trial::of(&[listener(1, 80), listener(2, 90)]);
    trial.press(KeyCode::Char(' '));
    trial.sees(&[listener(3, 70), listener(2, 90)]);
    assert_eq!(trial.rows(), [">80-", "90", "70+"]);
    trial.passes(60);
    assert_eq!(trial.rows(), [">80-", "90", "70"]);
    trial.press(KeyCode::Char(' '));
    assert_eq!(trial.rows(), [">70", "90"]);
}

#[test]
fn groups_have_lines_that_cannot_be_selected() {
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90), listener(3, 95)]);
    trial.press(KeyCode::Char('g'));
    assert_eq!(trial.rows(), ["group", "90", "95", "group", ">80"]);
    trial.press(KeyCode::Up);
    assert_eq!(trial.rows(), ["group", "90", ">95", "group", "80"]);
    trial.press(KeyCode::Home);
    trial.press(KeyCode::Up);
    assert_eq!(trial.rows(), ["group", ">90", "95", "group", "80"]);
    trial.press(KeyCode::End);
    assert_eq!(trial.rows(), ["group", "90", "95", "group", ">80"]);
}

#[test]
fn a_filter_applies_while_it_is_typed_and_a_wrong_one_leaves_the_last() {
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90)]);
    trial.types("/state:listen");
    assert_eq!(trial.rows(), [">90"]);
    trial.types("n");
    assert_eq!(trial.rows(), [">90"]);
    assert!(trial.0.wrong.as_ref().is_some_and(|why| why.contains("unknown state")));
    trial.press(KeyCode::Esc);
    assert_eq!((trial.rows(), &trial.0.wrong), (vec!["80".to_owned(), ">90".to_owned()], &None));
    trial.types("/");
    trial.paste("server\n");
    trial.press(KeyCode::Enter);
    assert_eq!((trial.rows(), trial.0.typed.as_str()), (vec![">90".to_owned()], "server"));
    trial.press(KeyCode::Esc);
    assert_eq!(trial.rows(), ["80", ">90"]);
}

#[test]
fn keys_that_end_stop_and_ring() {
    let control = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::CONTROL);
    let mut trial = Trial::with(|settings| {
        settings.has_port = true;
        settings.count = Some(3);
    });
    assert_eq!(trial.sees(&[listener(1, 80)]), []);
    assert_eq!(trial.types("/q"), []);
    assert_eq!(trial.0.press(control('z')), [Effect::Stop]);
    assert_eq!(trial.0.press(control('c')), [Effect::Quit(130)]);
    trial.press(KeyCode::Esc);
    assert_eq!(trial.types("q"), [Effect::Quit(0)]);
    assert_eq!(trial.sees(&[]), [Effect::Ring]);
    assert_eq!(trial.sees(&[connection(2, 80)]), [Effect::Quit(0)], "a connection does not ring");
}

#[test]
fn a_row_goes_to_the_clipboard_as_one_line() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    let line = "TCP 127.0.0.1:80 0.0.0.0:0 LISTENING 7 server".to_owned();
    assert_eq!(trial.types("y"), [Effect::Copy(line)]);
}

#[test]
fn what_is_shown_goes_to_a_new_file_and_never_over_another() {
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 90)]);
    let directory = std::env::temp_dir().join(format!("portwho-watch-{}", std::process::id()));
    std::fs::create_dir(&directory).unwrap();
    let name = directory.join("rows.csv").to_str().unwrap().to_owned();
    trial.types("/80");
    trial.press(KeyCode::Enter);
    trial.types("w");
    trial.types(&name);
    assert_eq!(trial.press(KeyCode::Enter), [Effect::Write(name.clone())]);
    assert_eq!(trial.0.write(&name), format!("wrote 1 socket to {name}"));
    let text = std::fs::read_to_string(&name).unwrap();
    let row = "TCP,127.0.0.1:80,0.0.0.0:0,LISTENING,7,server";
    assert_eq!(text, format!("proto,local,foreign,state,pid,image\n{row}\n"));
    let again = trial.0.write(&name);
    assert!(again.starts_with(&format!("{name}: cannot be written: ")), "{again}");
    std::fs::remove_dir_all(directory).unwrap();
}

/// A port opens when something listens on it, not when it is bound.
#[test]
fn the_bell_is_about_what_listens() {
    let mut trial = Trial::with(|settings| settings.has_port = true);
    let bound = || row(1, 80, TcpState::Bound);
    assert_eq!(trial.sees(&[]), []);
    assert_eq!(trial.sees(&[bound()]), []);
    assert_eq!(trial.sees(&[listener(1, 80)]), [Effect::Ring]);
    assert_eq!(trial.sees(&[listener(1, 80), connection(2, 80)]), []);
    assert_eq!(trial.sees(&[connection(2, 80)]), [Effect::Ring]);
    assert_eq!(trial.sees(&[]), []);
}

/// What is parsed comes when it comes, and only counts if it is what is typed.
#[test]
fn a_filter_that_is_parsed_late() {
    let parsed = |text: &str| {
        Event::Parsed(text.to_owned(), narrow::parse(text, &ThisSystem::default()).map(Box::new))
    };
    let mut trial = Trial::of(&[connection(1, 80), listener(2, 90)]);
    let key = |c| KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE);
    trial.0.press(key('/'));
    for c in "90".chars() {
        trial.0.press(key(c));
    }
    trial.0.note(parsed("9"));
    assert_eq!(trial.rows(), [">80", "90"]);
    trial.0.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    trial.0.note(parsed("90"));
    assert_eq!(trial.rows(), [">90"]);
    // One that turns out to be wrong after Enter.
    trial.0.press(key('/'));
    trial.0.press(key('x'));
    trial.0.press(KeyEvent::new(KeyCode::Enter, KeyModifiers::NONE));
    trial.0.note(Event::Parsed("90x".to_owned(), Err("not a port".to_owned())));
    assert_eq!((trial.rows(), trial.0.typed.as_str()), (vec![">90".to_owned()], "90"));
    assert_eq!(trial.0.message.as_deref(), Some("not a port"));
}

/// A frozen order keeps what is gone for two minutes, and 5,000 of them at most.
#[test]
fn what_is_gone_is_kept_within_bounds_while_frozen() {
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.press(KeyCode::Char(' '));
    trial.sees(&[]);
    trial.passes(119);
    assert_eq!(trial.rows(), [">80-"]);
    trial.passes(1);
    assert_eq!(trial.rows(), [""; 0]);
    let port = |cookie: u64| u16::try_from(cookie % 50_000 + 1).unwrap();
    let many: Vec<OwnedSocket> = (10..6_010).map(|one| listener(one, port(one))).collect();
    trial.sees(&many);
    trial.sees(&[]);
    assert_eq!(trial.0.table.marks.gone().len(), 5_000);
    assert_eq!(trial.0.table.items.len(), 5_000);
    trial.sees(&many);
    trial.sees(&[]);
    assert_eq!(trial.0.table.marks.gone().len(), 5_000);
}

/// Of users nothing is known until a look asks for them.
#[test]
fn a_filter_or_an_order_that_takes_a_deeper_look() {
    let deepen = Effect::Deepen(About::Identity);
    let mut trial = Trial::of(&[listener(1, 80), connection(2, 90)]);
    trial.types("/");
    assert_eq!(trial.paste("user:root"), std::slice::from_ref(&deepen));
    assert_eq!((trial.rows(), trial.0.applied.as_str()), (vec![">80".into(), "90".into()], ""));
    let mut deep = look(&[listener(1, 80), connection(2, 90)]);
    deep.about = About::Identity;
    for (pid, process) in &mut deep.snapshot.processes {
        process.user = Some(if *pid == Pid(7) { "root" } else { "www" }.into());
    }
    assert_eq!(trial.looked(deep, Vec::new()), []);
    assert_eq!((trial.rows(), trial.0.applied.as_str()), (vec![">80".to_owned()], "user:root"));
    // One that needs no more is applied at once.
    let mut trial = Trial::of(&[listener(1, 80)]);
    trial.types("/pid:8");
    assert_eq!(trial.rows(), [""; 0]);
    let mut trial = Trial::of(&[listener(1, 80)]);
    let sorts = Sort::all(&COLUMNS).len();
    let effects: Vec<Effect> = (0..sorts).flat_map(|_| trial.types("s")).collect();
    assert_eq!(effects, [deepen], "by age");
}
