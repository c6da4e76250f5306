//! The only way out for text that other processes chose.
//!
//! Whatever a terminal would obey rather than show is written as an escape: control characters,
//! characters that change the direction of text, characters without a width, bytes that are not
//! UTF-8. The backslash is escaped too, so that no name can pretend to be another's escape.
//!
//! No text is longer than 4 KiB, and in a cell or a sentence much shorter: bytes are counted too,
//! because combining marks take no column. What was cut ends in `…`, but in a cell.

use std::borrow::Cow;
use std::fmt;

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::UnicodeWidthStr;

use crate::model::Untrusted;

/// The longest text that is printed, in bytes: a path is no longer (`PATH_MAX`).
pub const LONGEST: usize = 4096;

/// How many columns a text has in a sentence at most: no file's name has more bytes (`NAME_MAX`).
const IN_A_SENTENCE: usize = 255;

/// How many bytes a column may hold: a letter of three bytes, and three marks that stand on it.
const BYTES_PER_COLUMN: usize = 12;

/// What follows a text that was cut.
pub const MORE: &str = "…";

/// Text for printing, escaped, no longer than [`LONGEST`].
#[derive(Clone, Copy, Debug)]
pub struct Escaped<'a>(pub &'a Untrusted);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plain_backslash = self.0.has_windows_paths();
        let mut bytes = self.0.as_bytes();
        let mut out = Bounded { out: f, left: LONGEST, is_cut: false };
        while !bytes.is_empty() && !out.is_cut {
            if let Some(surrogate) = bytes.first_chunk().copied().and_then(surrogate) {
                out.put(&format!("\\u{{{surrogate:x}}}"))?;
                bytes = bytes.get(3..).unwrap_or_default();
                continue;
            }
            let Some(chunk) = bytes.utf8_chunks().next() else { break };
            let valid = chunk.valid();
            out.put_all(valid, plain_backslash)?;
            // Only the first byte: a surrogate may begin behind it.
            let invalid = chunk.invalid();
            let is_surrogate = bytes.get(valid.len()..).and_then(<[u8]>::first_chunk);
            let taken = match (invalid, is_surrogate.copied().and_then(surrogate)) {
                ([], _) | (_, Some(_)) => 0,
                ([first, ..], None) => {
                    out.put(&format!("\\x{first:02x}"))?;
                    1
                }
            };
            bytes = bytes.get(valid.len() + taken..).unwrap_or_default();
        }
        Ok(())
    }
}

/// A writer of what may not be cut apart, as long as there is room.
struct Bounded<'a, 'b> {
    out: &'a mut fmt::Formatter<'b>,
    left: usize,
    is_cut: bool,
}

impl Bounded<'_, '_> {
    fn put_all(&mut self, text: &str, plain_backslash: bool) -> fmt::Result {
        for c in text.chars() {
            if self.is_cut {
                break;
            }
            match escape(c, plain_backslash) {
                Some(escape) => self.put(&escape)?,
                None => self.put(c.encode_utf8(&mut [0; 4]))?,
            }
        }
        Ok(())
    }

    fn put(&mut self, unit: &str) -> fmt::Result {
        if self.is_cut {
            return Ok(());
        }
        if let Some(left) = self.left.checked_sub(unit.len()) {
            self.left = left;
            return self.out.write_str(unit);
        }
        self.is_cut = true;
        self.out.write_str(MORE)
    }
}

/// The unpaired surrogate that three bytes of WTF-8 stand for.
fn surrogate(bytes: [u8; 3]) -> Option<u32> {
    match bytes {
        [0xed, second @ 0xa0..=0xbf, third @ 0x80..=0xbf] => {
            Some(0xd000 | u32::from(second & 0x3f) << 6 | u32::from(third & 0x3f))
        }
        _ => None,
    }
}

/// What is written in the place of a character; none where that is the character itself.
fn escape(c: char, plain_backslash: bool) -> Option<Cow<'static, str>> {
    Some(match c {
        '\\' if plain_backslash => return None,
        '\\' => Cow::Borrowed("\\\\"),
        '\n' => Cow::Borrowed("\\n"),
        '\r' => Cow::Borrowed("\\r"),
        '\t' => Cow::Borrowed("\\t"),
        c if c.is_ascii_control() => Cow::Owned(format!("\\x{:02x}", u32::from(c))),
        c if is_treacherous(c) => Cow::Owned(format!("\\u{{{:x}}}", u32::from(c))),
        _ => return None,
    })
}

/// Whether a character is obeyed or swallowed by a terminal instead of shown: control characters
/// (C0, DEL, C1), line and paragraph separators, the bidirectional controls of UAX #9 and the
/// characters without a width of the general category Cf, tag characters included.
#[must_use]
pub fn is_treacherous(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}'
            | '\u{890}'..='\u{891}' | '\u{8e2}' | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || is_prepended(c)
}

/// Whether a letter has no width of its own because it is drawn with the one behind it
/// (Grapheme_Cluster_Break=Prepend of UAX #29, as unicode-width measures it).
const fn is_prepended(c: char) -> bool {
    matches!(c,
        '\u{d4e}' | '\u{a8fa}' | '\u{111c2}'..='\u{111c3}' | '\u{113d1}' | '\u{1193f}'
        | '\u{11941}' | '\u{11a84}'..='\u{11a89}' | '\u{11d46}' | '\u{11f02}')
}

/// A sentence that holds words of others, such as an option's wrong value, made harmless. What
/// was escaped before stays as it is, and so do the sentence's own line ends.
#[must_use]
pub fn harmless(sentence: &str) -> String {
    let mut text = String::with_capacity(sentence.len());
    for c in sentence.chars() {
        if c != '\n' && is_treacherous(c) {
            text.extend(c.escape_unicode());
        } else {
            text.push(c);
        }
    }
    text
}

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

/// Escaped text in `width` columns: the whole of it, or both its ends with an ellipsis between them.
#[must_use]
pub fn shortened_in_the_middle(escaped: &str, width: usize) -> String {
    if escaped.width() <= width {
        return escaped.to_owned();
    }
    let columns = width.saturating_sub(MORE.width());
    let first = beginning(escaped, columns.div_ceil(2), columns * BYTES_PER_COLUMN);
    let mut room = columns - first.width().min(columns);
    let rest: Vec<&str> = units(escaped.get(first.len()..).unwrap_or_default()).collect();
    let fits = |unit: &&&str| {
        let left = room.checked_sub(unit.width());
        room = left.unwrap_or(0);
        left.is_some()
    };
    let kept = rest.iter().rev().take_while(fits).count();
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

    use super::*;

    fn escaped(text: &[u8]) -> String {
        Escaped(&Untrusted::new(text)).to_string()
    }

    #[test]
    fn attacks_are_shown_and_not_obeyed() {
        let attacks: [(&str, &[u8], &str); 13] = [
            ("forged row", b"a\n  TCP", "a\\n  TCP"),
            ("carriage return", b"nginx\rsshd", "nginx\\rsshd"),
            ("tab", b"a\tb", "a\\tb"),
            ("colour", b"\x1b[31m", "\\x1b[31m"),
            ("OSC 52 clipboard", b"\x1b]52;c;AA==\x07", "\\x1b]52;c;AA==\\x07"),
            ("DEL", b"\x7f", "\\x7f"),
            ("C1 CSI", "\u{9b}31m".as_bytes(), "\\u{9b}31m"),
            ("right-to-left override", "\u{202e}gpj".as_bytes(), "\\u{202e}gpj"),
            ("zero-width joiner", "a\u{200d}b".as_bytes(), "a\\u{200d}b"),
            ("line separator", "\u{2028}".as_bytes(), "\\u{2028}"),
            ("letter without a width", "\u{d4e}".as_bytes(), "\\u{d4e}"),
            ("not UTF-8", b"a\xff\xc3", "a\\xff\\xc3"),
            ("backslash", b"\\x1b", "\\\\x1b"),
        ];
        for (name, attack, expected) in attacks {
            assert_eq!(escaped(attack), expected, "{name}");
        }
    }

    #[test]
    fn windows_paths_and_surrogates_are_shown() {
        let wide = |units: &[u16]| Escaped(&Untrusted::from_wide(units)).to_string();
        let path: Vec<u16> = "C:\\Temp\\grün.exe".encode_utf16().collect();
        assert_eq!(wide(&path), "C:\\Temp\\grün.exe");
        assert_eq!(wide(&[0x61, 0xd800, 0x62]), "a\\u{d800}b");
        assert_eq!(wide(&[0xdfff]), "\\u{dfff}");
        assert_eq!(escaped(b"\xed\xa0"), "\\xed\\xa0");
        assert_eq!(escaped(b"\xff\xed\xa0\x80"), "\\xff\\u{d800}");
    }

    #[test]
    fn a_sentence_is_made_harmless_and_keeps_its_lines() {
        assert_eq!(harmless("a\u{1b}[2J\\n\nb"), "a\\u{1b}[2J\\n\nb");
    }

    #[test]
    fn ordinary_text_passes() {
        for text in ["nginx: master process", "日本語", "e\u{301}té", "müller", "🦀", "a'b\"c"]
        {
            assert_eq!(escaped(text.as_bytes()), text);
        }
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
    fn an_ellipsis_stands_for_what_was_cut() {
        assert_eq!(shortened("abcdef", 6), "abcdef");
        assert_eq!(shortened("abcdef", 4), "abc…");
        assert_eq!(shortened("a\\x1bdef", 4), "a…");
        assert_eq!(shortened("abcdef", 0), "…");
        assert_eq!(shortened_in_the_middle("2001:db8::1:2", 8), "2001…1:2");
        assert_eq!(shortened_in_the_middle("fe80::1%\\x1b", 6), "fe8…");
        assert_eq!(shortened_in_the_middle("abc", 1), "…");
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
        fn nothing_a_terminal_obeys_comes_out(bytes: Vec<u8>) {
            prop_assert!(!escaped(&bytes).chars().any(is_treacherous));
        }

        #[test]
        fn different_texts_stay_different(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a == b, escaped(&a) == escaped(&b));
        }

        #[test]
        fn a_fitted_text_fits_and_begins_like_the_whole(text: String, width in 0_usize..40) {
            let cut = fitted(&text.as_str().into(), width);
            prop_assert!(cut.width() <= width && cut.len() <= width * BYTES_PER_COLUMN);
            prop_assert!(escaped(text.as_bytes()).starts_with(&cut));
        }
    }
}
