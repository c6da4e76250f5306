//! What keys do.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::event::{Deed, Effect};
use super::mode::{Act, Mode, Stage, Text, TextKind};
use super::order::Sort;
use super::state::State;
use crate::model::About;
use crate::query::Filter;
use crate::text::watch as text;

/// Ctrl-C's exit code, as shells report it.
const INTERRUPTED: u8 = 130;

impl State {
    /// Does what a key is for at this moment.
    pub(super) fn press(&mut self, key: KeyEvent) -> Vec<Effect> {
        let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
        match key.code {
            KeyCode::Char('c') if is_control => return vec![Effect::Quit(INTERRUPTED)],
            KeyCode::Char('z') if is_control => return vec![Effect::Stop],
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

    /// Pasted text goes into the filter and into names, and never confirms anything.
    pub(super) fn paste(&mut self, text: &str) -> Vec<Effect> {
        let insert = |input: &mut Input| {
            for c in text.chars().filter(|c| !c.is_control()) {
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

    fn in_table(&mut self, key: KeyEvent) -> Vec<Effect> {
        let page = self.room.saturating_sub(1).max(1);
        match key.code {
            KeyCode::Up | KeyCode::Char('k') => self.up(1),
            KeyCode::Down | KeyCode::Char('j') => self.select(self.cursor.saturating_add(1)),
            KeyCode::PageUp => self.up(page),
            KeyCode::PageDown => self.select(self.cursor.saturating_add(page)),
            KeyCode::Home => self.up(usize::MAX),
            KeyCode::End => self.select(usize::MAX),
            KeyCode::Enter => return self.describe(),
            KeyCode::Esc => self.widen(),
            KeyCode::Char(c) => return self.command(c),
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

    /// Takes the filter off.
    fn widen(&mut self) {
        self.typed.clear();
        self.applied.clear();
        self.awaited = None;
        self.wrong = None;
        self.how.filter = Filter::everything();
        self.arrange();
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
        self.deepen(self.how.sort.about())
    }

    /// Asks for looks with so much about processes, where the last one has less.
    fn deepen(&self, about: About) -> Vec<Effect> {
        let is_known = self.table.look.as_ref().is_some_and(|look| look.about >= about);
        if is_known { Vec::new() } else { vec![Effect::Deepen(about)] }
    }

    pub(super) fn read(&mut self, kind: TextKind) {
        self.mode = Mode::Text(Text { kind, top: 0 });
    }

    fn describe(&mut self) -> Vec<Effect> {
        let Some(row) = self.current().cloned() else { return Vec::new() };
        self.read(TextKind::Details(Vec::new()));
        vec![Effect::Describe(Box::new(row))]
    }

    fn copy(&mut self) -> Vec<Effect> {
        let item = self.table.items.get(self.cursor).cloned();
        let Some(line) = item.and_then(|item| self.line(&item)) else { return Vec::new() };
        self.message = Some(text::SENT.to_owned());
        vec![Effect::Copy(line)]
    }

    fn in_filter(&mut self, key: KeyEvent, mut input: Input, before: String) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter => {
                self.give_up_wrong();
                Vec::new()
            }
            KeyCode::Esc => self.narrow(&before),
            _ => {
                edit(&mut input, key);
                let effects = self.narrow(input.value());
                self.mode = Mode::Filter { input, before };
                effects
            }
        }
    }

    /// Has a filter parsed: names of users are looked up, which may take its time.
    fn narrow(&mut self, typed: &str) -> Vec<Effect> {
        typed.clone_into(&mut self.typed);
        vec![Effect::Parse(typed.to_owned())]
    }

    /// Applies a filter that was parsed; of one that is wrong it shows why, and the last valid one stays.
    /// One that is no longer what is typed does not count.
    /// One that asks for more than the last look has waits for the next.
    pub(super) fn narrowed(
        &mut self,
        typed: String,
        parsed: Result<Box<Filter>, String>,
    ) -> Vec<Effect> {
        self.awaited = None;
        if typed != self.typed {
            return Vec::new();
        }
        match parsed {
            Ok(filter) => {
                self.wrong = None;
                let effects = self.deepen(filter.about());
                if effects.is_empty() {
                    self.how.filter = *filter;
                    self.applied = typed;
                    self.arrange();
                } else {
                    self.awaited = Some((typed, filter));
                }
                return effects;
            }
            Err(why) => {
                self.wrong = Some(why);
                if !matches!(self.mode, Mode::Filter { .. }) {
                    self.give_up_wrong();
                }
            }
        }
        Vec::new()
    }

    /// Says what is wrong with what was typed, if anything is, and goes back to the last valid filter.
    fn give_up_wrong(&mut self) {
        if let Some(why) = self.wrong.take() {
            self.message = Some(why);
            self.typed.clone_from(&self.applied);
        }
    }

    fn in_name(&mut self, key: KeyEvent, mut input: Input) -> Vec<Effect> {
        match key.code {
            KeyCode::Enter if !input.value().is_empty() => {
                return vec![Effect::Write(input.value().to_owned())];
            }
            KeyCode::Enter | KeyCode::Esc => return Vec::new(),
            _ => edit(&mut input, key),
        }
        self.mode = Mode::Name(input);
        Vec::new()
    }

    fn in_text(&mut self, key: KeyEvent, mut pane: Text) -> Vec<Effect> {
        let is_details = matches!(pane.kind, TextKind::Details(_));
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'e') => return Vec::new(),
            KeyCode::Char('x' | 'c') if is_details => return self.in_table(key),
            KeyCode::Up | KeyCode::Char('k') => pane.top = pane.top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => pane.top = pane.top.saturating_add(1),
            KeyCode::PageUp => pane.top = pane.top.saturating_sub(self.room),
            KeyCode::PageDown | KeyCode::Char(' ') => pane.top = pane.top.saturating_add(self.room),
            KeyCode::Home => pane.top = 0,
            KeyCode::End => pane.top = usize::MAX,
            _ => {}
        }
        // The text has a line more than the table, which has titles.
        pane.top = pane.top.min(self.length(&pane.kind).saturating_sub(self.room + 1));
        self.mode = Mode::Text(pane);
        Vec::new()
    }

    /// How many lines a text has.
    fn length(&self, kind: &TextKind) -> usize {
        match kind {
            TextKind::Help => text::KEYS.lines().count(),
            TextKind::Log => self.log.lines().count(),
            TextKind::Details(lines) => lines.len(),
        }
    }

    fn in_act(&mut self, key: KeyEvent, mut act: Act) -> Vec<Effect> {
        let mut effects = Vec::new();
        act.stage = match act.stage {
            // One that is over is left by any of these; others may be typed ahead.
            Stage::Done => match key.code {
                KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | ' ') => return Vec::new(),
                _ => Stage::Done,
            },
            Stage::Answering(question, mut input) => match key.code {
                KeyCode::Esc => {
                    effects.push(Effect::Answer(false));
                    Stage::Working
                }
                KeyCode::Enter if !act.token.is_empty() && input.value().trim() == act.token => {
                    effects.push(Effect::Answer(true));
                    Stage::Working
                }
                KeyCode::Enter => Stage::Answering(question, Input::default()),
                _ => {
                    edit(&mut input, key);
                    Stage::Answering(question, input)
                }
            },
            // What is typed before the question can be read is no answer.
            stage @ (Stage::Working | Stage::Asked(_)) => stage,
        };
        self.mode = Mode::Act(act);
        effects
    }
}

/// Edits a line as shells do.
fn edit(input: &mut Input, key: KeyEvent) {
    let is_control = key.modifiers.contains(KeyModifiers::CONTROL);
    let request = match key.code {
        KeyCode::Char('u') if is_control => InputRequest::DeleteLine,
        KeyCode::Char('w') if is_control => InputRequest::DeletePrevWord,
        KeyCode::Char('a') if is_control => InputRequest::GoToStart,
        KeyCode::Char('e') if is_control => InputRequest::GoToEnd,
        KeyCode::Char(c) if !is_control => InputRequest::InsertChar(c),
        KeyCode::Backspace => InputRequest::DeletePrevChar,
        KeyCode::Delete => InputRequest::DeleteNextChar,
        KeyCode::Left => InputRequest::GoToPrevChar,
        KeyCode::Right => InputRequest::GoToNextChar,
        KeyCode::Home => InputRequest::GoToStart,
        KeyCode::End => InputRequest::GoToEnd,
        _ => return,
    };
    input.handle(request);
}
