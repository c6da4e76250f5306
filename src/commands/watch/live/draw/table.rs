//! The table: titles, and the rows that are visible.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::super::marks::Sign;
use super::super::rows::Item;
use super::super::state::State;
use super::{put, tint};
use crate::model::{Snapshot, StateSet, TcpState};
use crate::query::Row;
use crate::render::Grid;
use crate::text::watch as text;

/// The sign and a space before each row.
const SIGN: u16 = 2;

/// How many columns of a screen the cells have.
pub(super) fn width(screen: u16) -> usize {
    screen.saturating_sub(SIGN).into()
}

/// Draws it.
pub(super) fn draw(state: &State, titles: Rect, rows: Rect, buffer: &mut Buffer) {
    let visible = state.visible(rows.height.into());
    let known = state.table.names(visible);
    let cells = state.table.cells(visible, known.as_ref());
    let grid = state.grid(&cells, width(rows.width));
    let bold = Style::new().add_modifier(Modifier::BOLD);
    put(buffer, titles, &format!("  {}", grid.titles()), bold);
    if state.table.look.is_some() && visible.is_empty() {
        put(buffer, rows, text::NO_ROWS, Style::new());
    }
    for (y, item) in (rows.y..rows.bottom()).zip(visible) {
        let line = Rect { y, height: 1, ..rows };
        row(state, item, known.as_ref(), &grid, line, buffer);
    }
}

fn row(
    state: &State,
    item: &Item,
    known: Option<&Snapshot>,
    grid: &Grid,
    area: Rect,
    buffer: &mut Buffer,
) {
    if let Item::Group(name) = item {
        return put(buffer, area, name, Style::new().add_modifier(Modifier::BOLD));
    }
    let Some((cells, sign)) = state.table.named(item, known) else { return };
    let (row, _) = cells;
    let char = sign.map_or(' ', Sign::char);
    let style = sign.map_or_else(|| of_state(state, row), |sign| of_sign(state, sign));
    let is_selected = state.selected == Some(row.socket.key());
    let style = if is_selected { style.add_modifier(Modifier::REVERSED) } else { style };
    let width = usize::from(area.width);
    let line = format!("{char} {}", grid.row(cells));
    put(buffer, area, &format!("{line:width$}"), style);
}

/// The colors of the list, which are legible on dark and on light.
fn of_state(state: &State, row: Row<'_>) -> Style {
    match row.socket.state {
        Some(TcpState::Listening) => tint(state, Color::Green),
        Some(TcpState::TimeWait) => Style::new().add_modifier(Modifier::DIM),
        Some(it) if StateSet::STUCK.contains(it) => tint(state, Color::Yellow),
        _ => Style::new(),
    }
}

fn of_sign(state: &State, sign: Sign) -> Style {
    let color = match sign {
        Sign::New => Color::Green,
        Sign::Changed => Color::Yellow,
        Sign::Gone => Color::Red,
    };
    tint(state, color).add_modifier(Modifier::BOLD)
}
