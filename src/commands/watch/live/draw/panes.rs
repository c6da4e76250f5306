//! What is in the place of the table: a text, or an action.

use ratatui::buffer::Buffer;
use ratatui::layout::{Position, Rect};
use ratatui::style::{Modifier, Style};
use unicode_width::UnicodeWidthStr;

use super::super::mode::{Act, Stage, Text};
use super::super::state::State;
use super::put;
use crate::text::watch as text;

/// Draws a text from its first visible line on.
pub(super) fn text(state: &State, pane: &Text, area: Rect, buffer: &mut Buffer) {
    let lines = state.lines(&pane.kind);
    let last = lines.len().saturating_sub(area.height.into());
    let top = pane.top.min(last);
    for (y, line) in (area.y..area.bottom()).zip(lines.iter().skip(top)) {
        put(buffer, Rect { y, height: 1, ..area }, line, Style::new());
    }
}

/// Draws what an action says and asks; the newest lines, where there are many. Returns where the cursor
/// is, while an answer is typed.
pub(super) fn act(act: &Act, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let width = usize::from(area.width).max(1);
    let mut lines: Vec<(String, Style)> = Vec::new();
    let mut say = |line: &str, style: Style| {
        let wrapped = textwrap::wrap(line, textwrap::Options::new(width).subsequent_indent("  "));
        lines.extend(wrapped.into_iter().map(|line| (line.into_owned(), style)));
    };
    say(&act.title, Style::new().add_modifier(Modifier::UNDERLINED));
    for line in &act.lines {
        say(line, Style::new());
    }
    let bold = Style::new().add_modifier(Modifier::BOLD);
    let mut typed = None;
    match &act.stage {
        Stage::Asked(question) => say(question, bold),
        Stage::Answering(question, input) => {
            say(question, bold);
            typed = Some(input);
        }
        Stage::Working | Stage::Done => {}
    }
    if let Some(input) = typed {
        lines.push((format!("{}{}", text::confirm(&act.token), input.value()), Style::new()));
    }
    let first = lines.len().saturating_sub(area.height.into());
    let shown = lines.get(first..).unwrap_or_default();
    for (y, (line, style)) in (area.y..area.bottom()).zip(shown) {
        put(buffer, Rect { y, height: 1, ..area }, line, *style);
    }
    let input = typed?;
    let column = text::confirm(&act.token).width() + input.visual_cursor();
    let last = u16::try_from(shown.len().saturating_sub(1)).unwrap_or_default();
    let x = area.x + u16::try_from(column).unwrap_or(u16::MAX).min(area.width.saturating_sub(1));
    Some(Position { x, y: area.y + last })
}
