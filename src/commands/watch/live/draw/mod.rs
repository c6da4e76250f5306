//! The screen: a function of the state. Only visible rows are built.

mod header;
mod panes;
mod table;

use ratatui::Frame;
use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};

use super::mode::{Mode, Stage, TextKind};
use super::state::State;
use crate::text::watch as text;

/// From so many columns and rows on there are sparklines.
const WIDE: u16 = 100;
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
        let is_large = area.width >= WIDE && area.height >= TALL;
        let header = (if is_large { 2 } else { 1 }).min(area.height);
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
            footer(state, parts.footer, buffer);
            return cursor;
        }
        _ => table::draw(state, parts.titles, parts.rows, buffer),
    }
    footer(state, parts.footer, buffer)
}

/// The last line: what is typed, what is said, or the keys of the moment.
fn footer(state: &State, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let (prompt, input) = match &state.mode {
        Mode::Filter { input, .. } => ("/", input),
        Mode::Name(input) => (text::FILE_NAME, input),
        mode => {
            let (line, style) = match (&state.message, mode) {
                (Some(message), _) => (message.as_str(), Style::new()),
                (None, Mode::Text(pane)) if matches!(pane.kind, TextKind::Details(_)) => {
                    (text::details_keys(state.settings.read_only), dim)
                }
                (None, Mode::Text(_)) => (text::TEXT_KEYS, dim),
                (None, Mode::Act(act)) => match act.stage {
                    Stage::Done => (text::DONE_KEYS, dim),
                    Stage::Working | Stage::Asked(_) => (text::WORKING, dim),
                    Stage::Answering(..) => ("", dim),
                },
                (None, _) => (text::table_keys(state.settings.read_only), dim),
            };
            put(buffer, area, line, style);
            return None;
        }
    };
    let typed = format!("{prompt}{}", input.value());
    let wrong = state.wrong.as_ref().filter(|_| matches!(state.mode, Mode::Filter { .. }));
    let wrong = wrong.map(|why| format!("   {why}")).unwrap_or_default();
    put(buffer, area, &typed, Style::new());
    let width = u16::try_from(prompt.len() + input.visual_cursor()).unwrap_or(u16::MAX);
    let typed_width = u16::try_from(unicode_width::UnicodeWidthStr::width(typed.as_str()));
    let after = typed_width.unwrap_or(u16::MAX).min(area.width);
    let rest = Rect { x: area.x + after, width: area.width - after, ..area };
    put(buffer, rest, &wrong, tint(state, Color::Red));
    Some(Position { x: area.x + width.min(area.width.saturating_sub(1)), y: area.y })
}

/// A line, cut where the screen ends.
fn put(buffer: &mut Buffer, area: Rect, line: &str, style: Style) {
    if area.height > 0 {
        buffer.set_stringn(area.x, area.y, line, area.width.into(), style);
    }
}

/// A color, where there are any.
fn tint(state: &State, color: Color) -> Style {
    if state.settings.color { Style::new().fg(color) } else { Style::new() }
}
