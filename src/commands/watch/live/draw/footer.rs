//! The last line: what is typed, what is said, or the keys of the moment.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Color, Modifier, Style};
use tui_input::Input;
use unicode_width::UnicodeWidthStr;

use super::super::mode::{Mode, Stage};
use super::super::rows::Item;
use super::super::state::State;
use super::{GAP, put, put_over, tint, whole_parts};
use crate::model::TcpState;
use crate::text::watch as text;
use crate::text::watch::Moment;

/// Draws it; returns where the cursor is, while something is typed. What is too long for it takes lines of
/// the body, too.
pub(super) fn draw(state: &State, area: Rect, body: Rect, buffer: &mut Buffer) -> Option<Position> {
    let dim = Style::new().add_modifier(Modifier::DIM);
    let keys_in = |buffer: &mut Buffer, area: Rect, keys: Vec<&str>| {
        put(buffer, area, &whole_parts(keys, area.width), dim);
    };
    match (&state.mode, &state.message) {
        (Mode::Filter { input, .. }, _) => {
            let (cursor, rest) = typed("/", input, area, buffer);
            let red = tint(state, Color::Red);
            match state.wrong.as_deref() {
                Some(wrong) if wrong.width() <= rest.width.into() => put(buffer, rest, wrong, red),
                Some(wrong) => put_over(buffer, body, wrong, red),
                None => keys_in(buffer, rest, text::FILTER_KEYS.to_vec()),
            }
            return Some(cursor);
        }
        (Mode::Name(input), _) => {
            let (cursor, rest) = typed(text::FILE_NAME, input, area, buffer);
            keys_in(buffer, rest, text::NAME_KEYS.to_vec());
            return Some(cursor);
        }
        (_, Some(message)) => put_over(buffer, body.union(area), message, Style::new()),
        (mode, None) => keys_in(buffer, area, keys(state, mode)),
    }
    None
}

/// What keys do, the most important first.
fn keys(state: &State, mode: &Mode) -> Vec<&'static str> {
    match mode {
        Mode::Text(pane) if state.shows_details_of_selected(&pane.kind) => {
            text::details_keys(moment(state))
        }
        Mode::Text(_) => text::TEXT_KEYS.to_vec(),
        Mode::Act(act) => match act.stage {
            Stage::Done => text::DONE_KEYS.to_vec(),
            Stage::Working | Stage::Asked(_) => text::WORKING.to_vec(),
            Stage::Answering(..) => Vec::new(),
        },
        _ => text::table_keys(moment(state)),
    }
}

fn moment(state: &State) -> Moment {
    let item = state.table.items.get(state.cursor);
    let socket = state.current().filter(|_| matches!(item, Some(Item::There(_))));
    Moment {
        read_only: state.settings.read_only,
        has_socket: socket.is_some(),
        holds_port: socket.is_some_and(|row| row.socket.holds_port()),
        can_close: socket.is_some_and(|row| row.socket.state != Some(TcpState::Bound)),
        is_frozen: state.table.frozen.is_some(),
        is_grouped: state.how.grouped,
        is_filtered: !state.applied.is_empty(),
    }
}

/// A line that is typed. Of a long one the part around the cursor is shown. Returns where the cursor is, and
/// what is left of the line.
fn typed(prompt: &str, input: &Input, area: Rect, buffer: &mut Buffer) -> (Position, Rect) {
    let width = usize::from(area.width);
    // A prompt that leaves no room to type is left out.
    let prompt = if prompt.width() + MIN_TYPED > width { "" } else { prompt };
    let room = width.saturating_sub(prompt.width());
    let hidden = input.visual_scroll(room.saturating_sub(1));
    let shown = scrolled(input.value(), hidden);
    let line = format!("{prompt}{shown}");
    put(buffer, area, &line, Style::new());
    let end = u16::try_from(line.width() + GAP).unwrap_or(u16::MAX).min(area.width);
    let rest = Rect { x: area.x + end, width: area.width - end, ..area };
    let column = prompt.width() + input.visual_cursor().saturating_sub(hidden);
    let x = u16::try_from(column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    (Position { x: area.x + x, y: area.y }, rest)
}

/// How many columns there are to type in, at least.
const MIN_TYPED: usize = 20;

/// A line without its first columns.
fn scrolled(line: &str, columns: usize) -> &str {
    let mut width = 0;
    let start = line.char_indices().find(|(_, c)| {
        let is_after = width >= columns;
        width += unicode_width::UnicodeWidthChar::width(*c).unwrap_or_default();
        is_after
    });
    start.and_then(|(start, _)| line.get(start..)).unwrap_or_default()
}
