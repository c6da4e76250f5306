//! What keys do while the filter is typed, and when it applies.

use ratatui::crossterm::event::{KeyCode, KeyEvent};
use tui_input::Input;

use super::event::Effect;
use super::mode::Mode;
use super::panes::edit;
use super::state::State;
use crate::model::About;
use crate::query::Filter;

impl State {
    pub(super) fn in_filter(
        &mut self,
        key: KeyEvent,
        mut input: Input,
        before: String,
    ) -> Vec<Effect> {
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
    pub(super) fn narrow(&mut self, typed: &str) -> Vec<Effect> {
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
                let look = self.table.look.as_ref();
                if look.is_some_and(|look| look.about >= filter.about()) {
                    self.how.filter = *filter;
                    self.applied = typed;
                    self.arrange();
                } else {
                    self.awaited = Some((typed, filter));
                }
                return self.deepen();
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

    /// Takes the filter off.
    pub(super) fn widen(&mut self) -> Vec<Effect> {
        self.typed.clear();
        self.applied.clear();
        self.awaited = None;
        self.wrong = None;
        self.how.filter = Filter::everything();
        self.arrange();
        self.deepen()
    }

    /// How much must be known of all processes, be they on the screen or not: for the order, and for the
    /// filter that is applied or will be.
    pub(super) fn need(&self) -> Option<About> {
        let awaited = self.awaited.as_ref().map(|(_, filter)| filter.as_ref());
        let filter = awaited.unwrap_or(&self.how.filter);
        let is_by_process = !filter.names.is_empty() || !filter.users.is_empty();
        self.how.sort.about().max(is_by_process.then(|| filter.about()))
    }

    /// Tells the looks how much that is, where it is something else than before.
    pub(super) fn deepen(&mut self) -> Vec<Effect> {
        let needed = self.need();
        let before = std::mem::replace(&mut self.needed, needed);
        if before == needed { Vec::new() } else { vec![Effect::Deepen(needed)] }
    }
}
