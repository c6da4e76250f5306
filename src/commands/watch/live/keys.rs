//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::event::{Deed, Effect};
use super::mode::{Mode, Text, TextKind};
use super::order::Sort;
use super::state::State;
use crate::text::watch as text;

/// Keys that make another key of a letter.
const HELD: KeyModifiers = KeyModifiers::CONTROL.union(KeyModifiers::ALT);

/// Ctrl-C's exit code, as shells report it.
const INTERRUPTED: u8 = 130;

impl State {
    /// Does what a key is for at this moment.
    pub(super) fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => return vec![Effect::Quit(INTERRUPTED)],
            KeyCode::Char('z') if is_control => return vec![Effect::Stop],
            KeyCode::Char('l') if is_control => return vec![Effect::TakeTerminal],
            _ => {}
        }
        self.message = None;
        match std::mem::take(&mut self.mode) {
            Mode::Table => {
                let before = self.selected;
                let effects = self.in_table(key);
                self.drawn = self.drawn.take().filter(|_| self.selected == before);
                effects
            }
            Mode::Filter { input, before } => self.in_filter(key, input, before),
            Mode::Name(input) => self.in_name(key, input),
            Mode::Text(text) => self.in_text(key, text),
            Mode::Act(act) => self.in_act(key, act),
        }
    }

    /// Pasted text goes into the filter and into names, and never confirms anything. Lines become words.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let lines: Vec<&str> =
            text.split(['\r', '\n', '\t']).filter(|line| !line.is_empty()).collect();
        let line = lines.join(" ");
        let insert = |input: &mut Input| {
            for c in line.chars().filter(|c| !c.is_control()) {
                input.handle(InputRequest::InsertChar(c));
            }
        };
        match &mut self.mode {
            Mode::Name(input) => insert(input),
            Mode::Filter { input, .. } => {
                insert(input);
                let typed = input.value().to_owned();
                return self.narrow(&typed);
            }
            _ => {}
        }
        Vec::new()
    }

    pub(super) fn in_table(&mut self, key: KeyEvent) -> Vec<Effect> {
        let page = self.room.saturating_sub(1).max(1);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.up(1),
            KeyCode::Down | KeyCode::Char('j') => self.select(self.cursor.saturating_add(1)),
            KeyCode::PageUp => self.up(page),
            KeyCode::PageDown => self.select(self.cursor.saturating_add(page)),
            KeyCode::Home => self.up(usize::MAX),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Enter => return self.describe(),
            KeyCode::Esc => return self.widen(),
            // With another key held down it is another command, which there is none of.
            KeyCode::Char(c) if !key.modifiers.intersects(HELD) => return self.command(c),
            _ => {}
        }
        Vec::new()
    }

    /// What a letter does in the table.
    fn command(&mut self, letter: char) -> Vec<Effect> {
        match letter {
            'q' => return vec![Effect::Quit(0)],
            ' ' => self.freeze(),
            's' => return self.sort_next(),
            'r' => {
                self.how.reverse = !self.how.reverse;
                self.arrange();
            }
            'g' => {
                self.how.grouped = !self.how.grouped;
                self.arrange();
            }
            '/' => {
                let (input, before) = (Input::new(self.typed.clone()), self.typed.clone());
                self.mode = Mode::Filter { input, before };
            }
            '?' => self.read(TextKind::Help),
            'e' => self.read(TextKind::Log),
            'y' => return self.copy(),
            'x' | 'c' | 'w' if self.settings.read_only => {
                self.message = Some(text::read_only(letter));
            }
            'x' => return self.begin(Deed::Kill),
            'c' => return self.begin(Deed::Close),
            'w' => self.mode = Mode::Name(Input::default()),
            _ => {}
        }
        Vec::new()
    }

    /// Upwards past the line of a group.
    fn up(&mut self, lines: usize) {
        let (from, to) = (self.cursor, self.cursor.saturating_sub(lines));
        self.select(to);
        if self.cursor >= from && to > 0 {
            self.select(to - 1);
        }
        if to == 0 {
            self.top = 0;
        }
    }

    fn freeze(&mut self) {
        self.table.freeze();
        self.table.marks.expire(self.now, self.table.frozen.is_some());
        self.arrange();
    }

    fn sort_next(&mut self) -> Vec<Effect> {
        let all = Sort::all(&self.settings.columns);
        let place = all.iter().position(|sort| *sort == self.how.sort).unwrap_or_default();
        if let Some(next) = all.iter().cycle().nth(place + 1) {
            self.how.sort = *next;
        }
        self.arrange();
        self.deepen()
    }

    pub(super) fn read(&mut self, kind: TextKind) {
        self.mode = Mode::Text(Text { kind, top: 0 });
    }

    fn copy(&mut self) -> Vec<Effect> {
        let item = self.table.items.get(self.cursor).cloned();
        let Some(line) = item.and_then(|item| self.line(&item)) else { return Vec::new() };
        self.message = Some(text::SENT.to_owned());
        vec![Effect::Copy(line)]
    }
}
