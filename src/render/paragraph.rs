//! Text in paragraphs, each beside a label, for a terminal that nobody has made wider.

use std::io::{self, Write};

use anstyle::Style as Ansi;
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

/// How wide the text is.
pub(super) const WIDTH: usize = 80;
/// Where paragraphs begin, behind their labels.
pub(super) const LABEL: usize = 13;

/// How labels are written.
pub(super) const fn bold(color: bool) -> Ansi {
    if color { Ansi::new().bold() } else { Ansi::new() }
}

/// Writes a label, and a paragraph beside it.
pub(super) fn write(label: &str, text: &str, ansi: Ansi, out: &mut dyn Write) -> io::Result<()> {
    let lines = wrapped(text, WIDTH - LABEL);
    for (place, line) in lines.iter().enumerate() {
        match label {
            label if place == 0 && !label.is_empty() => {
                writeln!(out, "{ansi}{label:LABEL$}{ansi:#}{line}")?;
            }
            _ => writeln!(out, "{:LABEL$}{line}", "")?,
        }
    }
    Ok(())
}

/// The text in lines of at most so many columns.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX)).add_row([text]);
    for column in table.column_iter_mut() {
        column.set_padding((0, 0));
    }
    table.lines().map(|line| line.trim_end().to_owned()).collect()
}
