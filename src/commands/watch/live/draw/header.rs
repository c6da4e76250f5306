//! The header: how many sockets there are, in which states, and how often is looked.

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::{Color, Modifier, Style};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::super::counts::spark;
use super::super::state::State;
use super::{GAP, WIDE, put, tint, whole_parts};
use crate::text::durations::duration;
use crate::text::{counted, watch as text};

/// Draws it.
pub(super) fn draw(state: &State, area: Rect, buffer: &mut Buffer) {
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let top = Rect { height: area.height.min(1), ..area };
    let has_line_for_states = area.height > 1;
    match &state.failure {
        Some(why) => {
            let whole = text::failed(why);
            let line = if whole.width() <= usize::from(area.width) { &whole } else { why };
            put(buffer, top, line, tint(state, Color::Red));
        }
        None => put(buffer, top, &summary(state, area.width, has_line_for_states), bold),
    }
    if has_line_for_states {
        let second = Rect { y: area.y + 1, height: 1, ..area };
        let states = states(state, area.width >= WIDE);
        let line = whole_parts(states.iter().map(String::as_str), area.width);
        put(buffer, second, &line, Style::new());
    }
}

/// One line, with as much as it has room for: each part whole, in short where it is long.
fn summary(state: &State, width: u16, has_line_for_states: bool) -> String {
    if state.table.look.is_none() {
        return text::LOOKING.to_owned();
    }
    let counts = &state.counts;
    let mut parts = vec![counted(counts.sockets, "socket"), counted(counts.owners, "owner")];
    parts.extend((counts.gaps > 0).then(|| counted(counts.gaps, "gap")));
    parts.extend(state.table.frozen.is_some().then(|| text::FROZEN.to_owned()));
    let reversed = if state.how.reverse { " reversed" } else { "" };
    let order = format!("by {}{reversed}", state.how.sort.name());
    let filter =
        (!state.applied.is_empty()).then(|| cut(&format!("/{}", state.applied), width / 3));
    let rest: Vec<String> = [order].into_iter().chain(filter).collect();
    let (long, short) = pace(state);
    parts.push(fitting(parts.iter().chain(&rest), long, short, width));
    parts.extend(rest);
    if has_line_for_states {
        let (long, short) = (text::UNSEEN.to_owned(), text::UNSEEN_SHORT.to_owned());
        parts.push(fitting(parts.iter(), long, short, width));
    } else {
        parts.extend(states(state, false));
    }
    whole_parts(parts.iter().map(String::as_str), width)
}

/// How far looks are apart, at length and in short.
fn pace(state: &State) -> (String, String) {
    let pace = state.pace;
    if pace.is_slowed {
        return (text::slowed(pace.interval, pace.cost), text::slowed_short(pace.interval));
    }
    let every = format!("every {}", duration(pace.interval));
    (every.clone(), every)
}

/// The long form of a part, if there is room for it after these.
fn fitting<'a>(
    parts: impl Iterator<Item = &'a String>,
    long: String,
    short: String,
    width: u16,
) -> String {
    let used: usize = parts.map(|part| part.width() + GAP).sum();
    if used + long.width() <= usize::from(width) { long } else { short }
}

/// Less of a text says nothing.
const LEAST: usize = 4;

/// A text that is cut to so many columns.
fn cut(text: &str, columns: u16) -> String {
    let columns = usize::from(columns);
    if text.width() <= columns {
        return text.to_owned();
    }
    let mut line = String::new();
    if columns < LEAST {
        return line;
    }
    for c in text.chars() {
        if line.width() + c.width().unwrap_or_default() >= columns {
            break;
        }
        line.push(c);
    }
    line + "…"
}

/// Each state with its count, and how it has gone where there is room for `sparks`.
fn states(state: &State, sparks: bool) -> Vec<String> {
    let all = state.counts.states().map(|(state, history)| {
        let name = state.map_or_else(|| "UDP".to_owned(), |state| state.to_string());
        let count = history.back().copied().unwrap_or_default();
        let spark = if sparks { format!(" {}", spark(history)) } else { String::new() };
        (count, format!("{count} {name}{spark}"))
    });
    all.filter(|(count, _)| sparks || *count > 0).map(|(_, line)| line).collect()
}
