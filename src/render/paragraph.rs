//! Labeled paragraphs for a terminal of 80 columns.

use std::borrow::Cow;
use std::io::{self, Write};

use anstyle::Style as Ansi;
use textwrap::{Options, WordSplitter};

/// How wide the text is.
pub(super) const WIDTH: usize = 80;
/// The width of a label; the paragraph starts after it.
pub(super) const LABEL: usize = 13;

/// The style of labels.
pub(super) const fn bold(color: bool) -> Ansi {
    if color { Ansi::new().bold() } else { Ansi::new() }
}

/// Writes a label, and a paragraph to its right.
pub(super) fn write(label: &str, text: &str, ansi: Ansi, out: &mut dyn Write) -> io::Result<()> {
    let lines = wrapped(text, WIDTH - LABEL);
    for (index, line) in lines.iter().enumerate() {
        match label {
            label if index == 0 && !label.is_empty() => {
                writeln!(out, "{ansi}{label:LABEL$}{ansi:#}{line}")?;
            }
            _ => writeln!(out, "{:LABEL$}{line}", "")?,
        }
    }
    Ok(())
}

/// The text in lines of at most `width` columns. Options and addresses are not split at hyphens.
pub(super) fn wrapped(text: &str, width: usize) -> Vec<String> {
    let options = Options::new(width).word_splitter(WordSplitter::NoHyphenation);
    textwrap::wrap(text, options).into_iter().map(Cow::into_owned).collect()
}
