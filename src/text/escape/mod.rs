//! Text that other processes chose, made printable: only here does it become a `String`.
//!
//! Whatever a terminal would obey rather than show is written as an escape: control characters,
//! characters that change the direction of text, characters without a width, bytes that are not
//! UTF-8. The backslash is escaped too, so that no name can pretend to be another's escape.
//!
//! No text is longer than 4 KiB, and in a cell or a sentence much shorter: bytes are counted too,
//! because combining marks take no column. What was cut ends in `…`, but in a cell.

mod characters;
mod cut;

use std::borrow::Cow;
use std::fmt;

pub use characters::is_treacherous;
pub use cut::{beginning, brief, fitted, shortened, shortened_in_the_middle};

use crate::model::Untrusted;

/// The longest text that is printed, in bytes: a path is no longer (`PATH_MAX`).
pub const LONGEST: usize = 4096;

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
            // Only the first byte: a surrogate may begin after it.
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

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn escaped(text: &[u8]) -> String {
        Escaped(&Untrusted::new(text)).to_string()
    }

    #[test]
    fn attacks_are_escaped() {
        let attacks: [(&str, &[u8], &str); 13] = [
            ("forged row", b"a\n  TCP", "a\\n  TCP"),
            ("carriage return", b"nginx\rsshd", "nginx\\rsshd"),
            ("tab", b"a\tb", "a\\tb"),
            ("color", b"\x1b[31m", "\\x1b[31m"),
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

    proptest! {
        #[test]
        fn nothing_a_terminal_obeys_comes_out(bytes: Vec<u8>) {
            prop_assert!(!escaped(&bytes).chars().any(is_treacherous));
        }

        #[test]
        fn different_texts_stay_different(a: Vec<u8>, b: Vec<u8>) {
            prop_assert_eq!(a == b, escaped(&a) == escaped(&b));
        }
    }
}
