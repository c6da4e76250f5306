//! The header: how many sockets there are, in which states, and how often is looked.

use std::cmp::Reverse;
use std::collections::VecDeque;

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
        put(buffer, second, &states(state, area.width), Style::new());
    }
}

/// One line, with as much as it has room for: each part whole, in short where it is long.
fn summary(state: &State, width: u16, has_line_for_states: bool) -> String {
    if state.table.look.is_none() {
        return text::LOOKING.to_owned();
    }
    let counts = &state.counts;
    let sockets = if state.applied.is_empty() {
        counted(counts.sockets, "socket")
    } else {
        text::sockets_shown(state.table.sockets_shown(), counts.sockets)
    };
    let mut parts = vec![sockets, counted(counts.owners, "owner")];
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
        return whole_parts(parts.iter().map(String::as_str), width);
    }
    let line = whole_parts(parts.iter().map(String::as_str), width);
    with_states(line, state, width)
}

/// A line with as many states as it has room for, the most frequent first: without those the others would
/// mislead.
fn with_states(mut line: String, state: &State, width: u16) -> String {
    let mut states: Vec<_> = counted_states(state).filter(|(count, ..)| *count > 0).collect();
    states.sort_by_key(|(count, ..)| Reverse(*count));
    for (_, part, _) in states {
        if line.width() + GAP + part.width() > usize::from(width) {
            break;
        }
        line = format!("{line}  {part}");
    }
    line
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

/// A line with each state, and with how it has gone where there is room for that.
fn states(state: &State, width: u16) -> String {
    let all: Vec<(String, &VecDeque<usize>)> = counted_states(state)
        .filter(|(count, ..)| width >= WIDE || *count > 0)
        .map(|(_, part, history)| (part, history))
        .collect();
    let used: usize = all.iter().map(|(part, _)| part.width() + 1 + GAP).sum();
    let room = (usize::from(width) + GAP).saturating_sub(used) / all.len().max(1);
    let has_sparks = width >= WIDE && room >= LEAST;
    let parts = all.into_iter().map(|(part, history)| {
        if has_sparks { format!("{part} {}", spark(history, room)) } else { part }
    });
    let parts: Vec<String> = parts.collect();
    whole_parts(parts.iter().map(String::as_str), width)
}

/// Each state with its count, as a number and as a part of a line, and how it has gone.
fn counted_states(state: &State) -> impl Iterator<Item = (usize, String, &VecDeque<usize>)> {
    state.counts.states().map(|(state, history)| {
        let name = state.map_or_else(|| "UDP".to_owned(), |state| state.to_string());
        let count = history.back().copied().unwrap_or_default();
        (count, format!("{count} {name}"), history)
    })
}
