//! What is taken out of the view: a row for the clipboard, and all that is shown for a file.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use super::rows::Item;
use super::state::State;
use crate::platform::{new_file, reason};
use crate::query::{Filter, Rows};
use crate::render::{Csv, Grid, Json, View};
use crate::text::watch as text;

/// The longest line that goes to the clipboard.
const LONGEST: usize = 4096;

/// Wide enough for every column.
const UNBOUNDED: usize = 1 << 16;

impl State {
    /// A row as one line.
    pub(super) fn line(&self, item: &Item) -> Option<String> {
        let (row, snapshot, _) = self.table.row(item)?;
        let grid = Grid::fitted(&self.settings.columns, &[(row, snapshot)], UNBOUNDED);
        let line = grid.row((row, snapshot));
        let line = line.split_whitespace().collect::<Vec<_>>().join(" ");
        let mut end = line.len().min(LONGEST);
        while !line.is_char_boundary(end) {
            end -= 1;
        }
        line.get(..end).map(str::to_owned)
    }

    /// Writes what is shown and is there into a new file; says what came of it.
    pub(super) fn write(&self, name: &str) -> String {
        let Some(look) = &self.table.look else { return text::LOOKING.to_owned() };
        let snapshot = &look.snapshot;
        let places = self.table.items.iter().filter_map(|item| match item {
            Item::There(place) => snapshot.sockets.get(*place),
            _ => None,
        });
        let filter = Filter::everything();
        let rows = Rows { rows: places.collect(), snapshot, filter: &filter };
        let is_csv = Path::new(name).extension().is_some_and(|it| it.eq_ignore_ascii_case("csv"));
        let view: Box<dyn View> = if is_csv {
            Box::new(Csv { header: true, columns: self.settings.columns.clone() })
        } else {
            Box::new(Json)
        };
        let mut bytes = Vec::new();
        // Writing into memory does not fail.
        let _ = view.write(&rows, &mut bytes);
        match write_new(Path::new(name), &bytes) {
            Ok(()) => text::written(name, rows.rows.len()),
            Err(error) => text::not_written(name, &reason(&error)),
        }
    }
}

/// Writes all of these bytes into a new file, or leaves none.
fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = new_file(path)?;
    let written = file.write_all(bytes);
    if written.is_err() {
        drop(file);
        // Where it cannot be removed, the first error is what is told.
        let _ = fs::remove_file(path);
    }
    written
}

/// The escape that sends a text to the terminal's clipboard (OSC 52 of xterm's control sequences).
pub(super) fn to_clipboard(text: &str) -> String {
    format!("\u{1b}]52;c;{}\u{7}", base64(text.as_bytes()))
}

/// RFC 4648, section 4.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for three in bytes.chunks(3) {
        let byte = |place: usize| u32::from(three.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for place in 0..4 {
            let digit = usize::try_from(bits >> (18 - 6 * place) & 63).unwrap_or_default();
            let digit = DIGITS.get(digit).copied().map_or('=', char::from);
            text.push(if place > three.len() { '=' } else { digit });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_that_of_the_rfc() {
        for (text, expected) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(text.as_bytes()), expected, "{text}");
        }
        assert_eq!(to_clipboard("foo"), "\u{1b}]52;c;Zm9v\u{7}");
    }
}
