//! What keys do in the place of the table: in a text, in an action, and in a line that is typed.

use std::borrow::Cow;

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use tui_input::{Input, InputRequest};

use super::event::Effect;
use super::mode::{Act, Mode, Stage, Text, TextKind};
use super::state::State;
use crate::text::watch as text;

impl State {
    pub(super) fn in_name(&mut self, key: KeyEvent, mut input: Input) -> Vec<Effect> {
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

    pub(super) fn in_text(&mut self, key: KeyEvent, mut pane: Text) -> Vec<Effect> {
        let is_selected = self.shows_details_of_selected(&pane.kind);
        match key.code {
            KeyCode::Esc | KeyCode::Enter | KeyCode::Char('q' | '?' | 'e') => return Vec::new(),
            KeyCode::Char('x' | 'c') if is_selected => return self.in_table(key),
            KeyCode::Up | KeyCode::Char('k') => pane.top = pane.top.saturating_sub(1),
            KeyCode::Down | KeyCode::Char('j') => pane.top = pane.top.saturating_add(1),
            KeyCode::PageUp => pane.top = pane.top.saturating_sub(self.room),
            KeyCode::PageDown | KeyCode::Char(' ') => pane.top = pane.top.saturating_add(self.room),
            KeyCode::Home => pane.top = 0,
            KeyCode::End => pane.top = usize::MAX,
            _ => {}
        }
        // The text has a line more than the table, which has titles.
        pane.top = pane.top.min(self.lines(&pane.kind).len().saturating_sub(self.room + 1));
        self.mode = Mode::Text(pane);
        Vec::new()
    }

    /// Whether it tells of the socket that keys act on: another one is selected when it is gone.
    pub(super) fn shows_details_of_selected(&self, kind: &TextKind) -> bool {
        matches!(kind, TextKind::Details(it) if self.selected == Some(it.row.socket.key()))
    }

    /// A text, in lines that the screen has room for.
    pub(super) fn lines<'a>(&'a self, kind: &'a TextKind) -> Vec<Cow<'a, str>> {
        let all: Vec<Cow<'_, str>> = match kind {
            TextKind::Help => text::keys(self.settings.read_only).map(Cow::Borrowed).collect(),
            TextKind::Log => self.log.lines().flat_map(|line| self.layout.folded(line)).collect(),
            TextKind::Details(it) => it.lines.iter().map(|line| line.as_str().into()).collect(),
        };
        match (kind, all.is_empty()) {
            (TextKind::Log, true) => vec![text::NO_CHANGES.into()],
            (_, true) => vec![text::LOOKING.into()],
            (_, false) => all,
        }
    }

    pub(super) fn in_act(&mut self, key: KeyEvent, mut act: Act) -> Vec<Effect> {
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
                    act.lines.push(format!("{question} {}", act.token));
                    Stage::Working
                }
                KeyCode::Enter => {
                    self.message = Some(text::not_the_token(&act.token));
                    Stage::Answering(question, Input::default())
                }
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
pub(super) fn edit(input: &mut Input, key: KeyEvent) {
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
