//! Escaped text, cut to a number of columns.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use super::{Escaped, MORE};
use crate::model::Untrusted;

/// How many columns a text has in a sentence at most: no file's name has more bytes (`NAME_MAX`).
const IN_A_SENTENCE: usize = 255;

/// How many bytes a column may hold: a letter of three bytes, and three marks that stand on it.
const BYTES_PER_COLUMN: usize = 12;

/// The text escaped and cut to `width` columns of a terminal, and to as many bytes as these may
/// hold; never inside an escape or a character that is composed of several.
#[must_use]
pub fn fitted(text: &Untrusted, width: usize) -> String {
    let mut escaped = Escaped(text).to_string();
    let length = beginning(&escaped, width, width * BYTES_PER_COLUMN).len();
    escaped.truncate(length);
    escaped
}

/// The text escaped, and as long as a name may be in a sentence.
#[must_use]
pub fn brief(text: &Untrusted) -> String {
    let mut escaped = Escaped(text).to_string();
    let length = beginning(&escaped, IN_A_SENTENCE, IN_A_SENTENCE * BYTES_PER_COLUMN).len();
    if length < escaped.len() {
        escaped.truncate(length);
        escaped.push_str(MORE);
    }
    escaped
}

/// Escaped text in `width` columns: the whole of it, or its beginning and an ellipsis.
#[must_use]
pub fn shortened(escaped: &str, width: usize) -> String {
    if escaped.width() <= width {
        return escaped.to_owned();
    }
    let columns = width.saturating_sub(MORE.width());
    beginning(escaped, columns, columns * BYTES_PER_COLUMN).to_owned() + MORE
}

/// Escaped text in `width` columns: the whole of it, or both its ends with an ellipsis between them, the
/// beginning longer: of `127.0.0.1` it says more than the end.
#[must_use]
pub fn shortened_in_the_middle(escaped: &str, width: usize) -> String {
    if escaped.width() <= width {
        return escaped.to_owned();
    }
    let columns = width.saturating_sub(MORE.width());
    let at_the_end = (columns * 2 / 5).min(columns.saturating_sub(3));
    let first = beginning(escaped, columns - at_the_end, columns * BYTES_PER_COLUMN);
    let mut room = columns - first.width().min(columns);
    let rest: Vec<&str> = units(escaped.get(first.len()..).unwrap_or_default()).collect();
    let kept = rest.iter().rev().take_while(|unit| {
        let left = room.checked_sub(unit.width());
        room = left.unwrap_or(0);
        left.is_some()
    });
    let kept = kept.count();
    let last = rest.get(rest.len() - kept..).unwrap_or_default();
    format!("{first}{MORE}{}", last.concat())
}

/// The beginning of escaped text that has no more columns and bytes than these.
#[must_use]
pub fn beginning(escaped: &str, columns: usize, bytes: usize) -> &str {
    let mut length = 0;
    let mut room = columns;
    for unit in units(escaped) {
        let Some(left) = room.checked_sub(unit.width()).filter(|_| length + unit.len() <= bytes)
        else {
            break;
        };
        room = left;
        length += unit.len();
    }
    escaped.get(..length).unwrap_or_default()
}

/// Splits escaped text into what may not be cut apart: an escape, or a grapheme cluster.
fn units(escaped: &str) -> impl Iterator<Item = &str> {
    let mut rest = escaped;
    std::iter::from_fn(move || {
        let length = escape_length(rest).or_else(|| rest.graphemes(true).next().map(str::len))?;
        let (unit, tail) = rest.split_at_checked(length)?;
        rest = tail;
        Some(unit)
    })
}

/// The length of the escape that `text` begins with.
fn escape_length(text: &str) -> Option<usize> {
    let escape = text.strip_prefix('\\')?;
    match escape.chars().next()? {
        'x' => Some(4),
        'u' => Some(escape.find('}')? + 2),
        _ => Some(2),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::LONGEST;
    use super::*;

    #[test]
    fn an_ellipsis_stands_for_what_was_cut() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("a\\x1bdef", 4), "a…");
        assert_eq!(shortened("abcdef", 0), "…");
        assert_eq!(shortened_in_the_middle("2001:db8::1:2", 8), "2001:…:2");
        assert_eq!(shortened_in_the_middle("fe80::1%\\x1b", 6), "fe8…");
        assert_eq!(shortened_in_the_middle("abc", 1), "…");
    }

    #[test]
    fn a_cut_is_never_inside_an_escape_or_a_character() {
        let cut = |text: &str, width| fitted(&text.into(), width);
        assert_eq!(cut("abcdef", 3), "abc");
        assert_eq!(cut("ab\x1bcd", 5), "ab");
        assert_eq!(cut("ab\x1bcd", 6), "ab\\x1b");
        assert_eq!(cut("a\u{202e}b", 9), "a\\u{202e}");
        assert_eq!(cut("a\u{202e}b", 8), "a");
        assert_eq!(cut("日本語", 5), "日本");
        assert_eq!(cut("e\u{301}e\u{301}", 1), "e\u{301}");
        assert_eq!(cut("a\\b", 2), "a");
    }

    #[test]
    fn marks_without_a_width_are_counted_in_bytes() {
        let buried = format!("a{}", "\u{301}".repeat(30_000));
        assert_eq!(fitted(&buried.as_str().into(), 25), "");
        let spread = "e\u{301}".repeat(30_000);
        assert_eq!(fitted(&spread.as_str().into(), 25), "e\u{301}".repeat(25));
        let shown = Escaped(&buried.as_str().into()).to_string();
        assert!(shown.len() <= LONGEST + MORE.len() && shown.ends_with("\u{301}…"));
    }

    #[test]
    fn what_is_too_long_ends_in_an_ellipsis() {
        let escape = |count: usize| "\\x1b".repeat(count);
        let text = |count: usize| Untrusted::new([0x1b].repeat(count));
        assert_eq!(Escaped(&text(1024)).to_string(), escape(1024));
        assert_eq!(Escaped(&text(1025)).to_string(), escape(1024) + "…");
        assert_eq!(brief(&text(63)), escape(63));
        assert_eq!(brief(&text(64)), escape(63) + "…");
        let endless = Escaped(&Untrusted::new(vec![0xff; 1 << 20])).to_string();
        assert_eq!(endless, "\\xff".repeat(1024) + "…");
    }

    proptest! {
        #[test]
        fn a_fitted_text_fits_and_begins_like_the_whole(text: String, width in 0_usize..40) {
            let cut = fitted(&text.as_str().into(), width);
            prop_assert!(cut.width() <= width && cut.len() <= width * BYTES_PER_COLUMN);
            let whole = Escaped(&text.as_str().into()).to_string();
            prop_assert!(whole.starts_with(&cut));
        }
    }
}
