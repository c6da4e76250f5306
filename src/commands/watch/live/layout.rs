//! How the view fits a screen.

use std::borrow::Cow;

use ratatui::layout::Rect;
use unicode_width::UnicodeWidthStr;

use super::draw;
use super::state::State;
use crate::render::{Grid, Named, without};
use crate::text::watch as text;

/// How the table fits a screen.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// How many columns the screen has.
    width: u16,
    /// The filter that is applied.
    filter: String,
    /// How many columns of the table are left out. They do not come back with each row that would allow it:
    /// the table would jump.
    left_out: usize,
}

impl Layout {
    /// A line of the log, in as many lines as it takes where it is too long.
    pub(super) fn folded<'a>(&self, line: &'a str) -> Vec<Cow<'a, str>> {
        let width = usize::from(self.width);
        if line.width() <= width || width < LEAST {
            return vec![line.into()];
        }
        let options = textwrap::Options::new(width).subsequent_indent("  ");
        let line = text::narrow_change(line);
        textwrap::wrap(&line, options).into_iter().map(|it| it.into_owned().into()).collect()
    }
}

/// Where less fits, lines are cut.
const LEAST: usize = 20;

impl State {
    /// Fits the view to a screen.
    pub(super) fn fit(&mut self, area: Rect) {
        self.room = draw::room(area).max(1);
        self.scroll();
        let is_same = self.layout.width == area.width && self.layout.filter == self.applied;
        let at_least = if is_same { self.layout.left_out } else { 0 };
        let left_out = self.left_out(area.width, at_least);
        self.layout = Layout { width: area.width, filter: self.applied.clone(), left_out };
    }

    fn left_out(&self, width: u16, at_least: usize) -> usize {
        // What was asked for by its name is shown.
        if self.settings.has_own_columns {
            return 0;
        }
        let visible = self.visible(self.room);
        let known = self.table.names(visible);
        let cells = self.table.cells(visible, known.as_ref());
        let room = draw::table_width(width);
        Grid::left_out(&self.settings.columns, &cells, room, at_least)
    }

    /// The table on this screen.
    pub(super) fn grid(&self, rows: &[Named<'_>], room: usize) -> Grid {
        if self.settings.has_own_columns {
            return Grid::fitted(&self.settings.columns, rows, room);
        }
        Grid::on_screen(&without(&self.settings.columns, self.layout.left_out), rows, room)
    }
}
