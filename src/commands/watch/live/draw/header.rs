//! The header: how many sockets there are, in which states, and how often is looked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};

use super::super::counts::spark;
use super::super::state::State;
use super::{put, tint};
use crate::text::durations::duration;
use crate::text::{counted, watch as text};

/// Draws it.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let top = Rect { height: area.height.min(1), ..area };
    match &state.failure {
        Some(why) => put(buffer, top, &text::failed(why), tint(state, Color::Red)),
        None => put(buffer, top, &summary(state, area.width), bold),
    }
    if area.height > 1 {
        let second = Rect { y: area.y + 1, height: 1, ..area };
        put(buffer, second, &sparklines(state), Style::new());
    }
}

/// One line, with as much as it has room for.
fn summary(state: &State, width: u16) -> String {
    if state.table.look.is_none() {
        return text::LOOKING.to_owned();
    }
    let counts = &state.counts;
    let mut parts = vec![counted(counts.sockets, "socket"), counted(counts.owners, "owner")];
    parts.extend((counts.gaps > 0).then(|| counted(counts.gaps, "gap")));
    parts.extend(state.table.frozen.is_some().then(|| text::FROZEN.to_owned()));
    parts.push(format!(
        "by {}{}",
        state.how.sort.name(),
        if state.how.reverse { " reversed" } else { "" }
    ));
    parts.extend((!state.typed.is_empty()).then(|| format!("/{}", state.typed)));
    let pace = state.pace;
    parts.push(if pace.is_slowed {
        text::slowed(pace.interval, pace.cost)
    } else {
        format!("every {}", duration(pace.interval))
    });
    let mut line = parts.join("  ");
    let states = state.counts.states().map(|(state, history)| {
        let name = state.map_or_else(|| "UDP".to_owned(), |state| state.to_string());
        format!("{} {name}", history.back().copied().unwrap_or_default())
    });
    let unseen = [text::UNSEEN.to_owned()];
    for part in unseen.into_iter().chain(states) {
        if line.len() + 2 + part.len() <= width.into() {
            line = format!("{line}  {part}");
        }
    }
    line
}

fn sparklines(state: &State) -> String {
    let states = state.counts.states().map(|(state, history)| {
        let name = state.map_or_else(|| "UDP".to_owned(), |state| state.to_string());
        format!("{name} {} {}", history.back().copied().unwrap_or_default(), spark(history))
    });
    states.collect::<Vec<_>>().join("  ")
}
