//! The table: titles, and the rows that are visible.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::super::marks::Sign;
use super::super::rows::Item;
use super::super::state::State;
use super::{put, tint};
use crate::model::{StateSet, TcpState};
use crate::query::Row;
use crate::render::{Grid, Named};
use crate::text::watch as text;

/// The sign and a space before each row.
const SIGN: u16 = 2;

/// Draws it.
pub(super) fn draw(state: &State, titles: Rect, rows: Rect, buffer: &mut Buffer) {
    let visible = visible(state, rows.height.into());
    let named: Vec<Named<'_>> = visible
        .iter()
        .filter_map(|item| state.table.row(item))
        .map(|(row, snapshot, _)| (row, snapshot))
        .collect();
    let width = usize::from(rows.width.saturating_sub(SIGN));
    let grid = Grid::fitted(&state.settings.columns, &named, width);
    let bold = Style::new().add_modifier(Modifier::BOLD);
    put(buffer, titles, &format!("  {}", grid.titles()), bold);
    if state.table.look.is_some() && visible.is_empty() {
        put(buffer, rows, text::NO_ROWS, Style::new());
    }
    for (y, item) in (rows.y..rows.bottom()).zip(visible) {
        let line = Rect { y, height: 1, ..rows };
        row(state, item, &grid, line, buffer);
    }
}

fn visible(state: &State, height: usize) -> &[Item] {
    let rest = state.table.items.get(state.top..).unwrap_or_default();
    rest.get(..height).unwrap_or(rest)
}

fn row(state: &State, item: &Item, grid: &Grid, area: Rect, buffer: &mut Buffer) {
    if let Item::Group(name) = item {
        return put(buffer, area, name, Style::new().add_modifier(Modifier::BOLD));
    }
    let Some((row, snapshot, sign)) = state.table.row(item) else { return };
    let char = sign.map_or(' ', Sign::char);
    let style = sign.map_or_else(|| of_state(state, row), |sign| of_sign(state, sign));
    let is_selected = state.selected == Some(row.socket.key());
    let style = if is_selected { style.add_modifier(Modifier::REVERSED) } else { style };
    let width = usize::from(area.width);
    let line = format!("{char} {}", grid.row((row, snapshot)));
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
