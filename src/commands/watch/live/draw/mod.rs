//! The screen: a function of the state. Only visible rows are built.

mod footer;
mod header;
mod panes;
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Style};
use ratatui::widgets::{Clear, Widget};
use unicode_width::UnicodeWidthStr;

use super::mode::Mode;
use super::state::State;

/// From so many columns on there are sparklines.
const WIDE: u16 = 100;
/// From so many rows on there is a line for states.
const TALL: u16 = 20;

/// The parts of a screen.
#[derive(Clone, Copy, Debug)]
struct Parts {
    header: Rect,
    titles: Rect,
    rows: Rect,
    footer: Rect,
}

impl Parts {
    fn of(area: Rect) -> Self {
        let header = (if area.height >= TALL { 2 } else { 1 }).min(area.height);
        let line = |y: u16, height: u16| {
            let y = area.y + y.min(area.height);
            Rect { x: area.x, y, width: area.width, height: height.min(area.bottom() - y) }
        };
        let rows = area.height.saturating_sub(header + 2);
        Self {
            header: line(0, header),
            titles: line(header, 1),
            rows: line(header + 1, rows),
            footer: line(header + 1 + rows, 1),
        }
    }
}

/// How many rows a screen has room for.
pub(super) fn room(area: Rect) -> usize {
    Parts::of(area).rows.height.into()
}

/// How many columns the cells of the table have.
pub(super) fn table_width(screen: u16) -> usize {
    table::width(screen)
}

/// Draws everything.
pub(super) fn draw(state: &State, frame: &mut Frame<'_>) {
    let cursor = screen(state, frame.area(), frame.buffer_mut());
    if let Some(cursor) = cursor {
        frame.set_cursor_position(cursor);
    }
}

/// The same into a buffer; returns where the cursor is, where something is typed.
pub(super) fn screen(state: &State, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let parts = Parts::of(area);
    header::draw(state, parts.header, buffer);
    let body = parts.titles.union(parts.rows);
    match &state.mode {
        Mode::Text(pane) => panes::text(state, pane, body, buffer),
        Mode::Act(act) => {
            let cursor = panes::act(act, body, buffer);
            footer::draw(state, parts.footer, body, buffer);
            return cursor;
        }
        _ => table::draw(state, parts.titles, parts.rows, buffer),
    }
    footer::draw(state, parts.footer, body, buffer)
}

/// What stands between the parts of a line.
const GAP: usize = 2;

/// Those of `parts` that a line of this width has room for, each whole: the first come first.
fn whole_parts<'a>(parts: impl IntoIterator<Item = &'a str>, width: u16) -> String {
    let mut line = String::new();
    for part in parts {
        let before = if line.is_empty() { 0 } else { line.width() + GAP };
        if !part.is_empty() && before + part.width() <= usize::from(width) {
            line.extend([if line.is_empty() { "" } else { "  " }, part]);
        }
    }
    line
}

/// A line, cut where the screen ends.
fn put(buffer: &mut Buffer, area: Rect, line: &str, style: Style) {
    if area.height > 0 {
        buffer.set_stringn(area.x, area.y, line, area.width.into(), style);
    }
}

/// A text in as many lines as it takes at the bottom of an area, over what is there.
fn put_over(buffer: &mut Buffer, area: Rect, text: &str, style: Style) {
    let lines = textwrap::wrap(text, usize::from(area.width).max(1));
    let height = u16::try_from(lines.len()).unwrap_or(u16::MAX).min(area.height);
    let area = Rect { y: area.bottom() - height, height, ..area };
    Clear.render(area, buffer);
    for (y, line) in (area.y..area.bottom()).zip(lines) {
        put(buffer, Rect { y, height: 1, ..area }, &line, style);
    }
}

/// A color, where there are any.
fn tint(state: &State, color: Color) -> Style {
    if state.settings.color { Style::new().fg(color) } else { Style::new() }
}
