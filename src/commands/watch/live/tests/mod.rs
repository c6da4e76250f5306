//! The view on recorded looks: what keys do, and what is on the screen.

mod acts;
mod keys;
mod layout;
mod messages;
mod names;
mod rows;
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
        let (columns, about) = (COLUMNS.to_vec(), About::Table);
        let has_own_columns = false;
        let mut settings =
            Settings { columns, about, has_own_columns, read_only, has_port, color, count };
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
            let Some((row, sign, _)) = table.row(item) else { return "group".to_owned() };
            let selected = if self.0.selected == Some(row.socket.key()) { ">" } else { "" };
            let sign = sign.map(|sign| sign.char().to_string()).unwrap_or_default();
            format!("{selected}{}{sign}", row.socket.local.port)
        };
        table.items.iter().map(line).collect()
    }

    fn screen(&mut self, width: u16, height: u16) -> Buffer {
        let area = Rect::new(0, 0, width, height);
        let mut buffer = Buffer::empty(area);
        self.0.fit(area);
        draw::screen(&self.0, area, &mut buffer);
        buffer
    }
}
