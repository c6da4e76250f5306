//! Escaping: nothing comes out that a terminal obeys or hides, widths are kept, and the escapes
//! stand for the bytes that went in and for no others.

use portwho::model::Untrusted;
use portwho::text::escape::{Escaped, fitted, harmless};
use unicode_properties::{GeneralCategory, UnicodeGeneralCategory};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::input::Input;

/// No shorter text is cut.
const LONG: usize = 4000;

pub fn check(data: &[u8]) {
    let mut input = Input::new(data);
    let width = usize::from(input.byte() % 60);
    let bytes = input.rest();
    unix_text(bytes, width);
    let units: Vec<u16> =
        bytes.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
    windows_text(&units, width);
    if let Ok(text) = std::str::from_utf8(bytes) {
        let sentence = harmless(text);
        assert!(sentence.chars().all(|c| c == '\n' || is_safe(c)), "{sentence:?}");
        assert_eq!(harmless(&sentence), sentence);
    }
}

fn unix_text(bytes: &[u8], width: usize) {
    let text = Untrusted::new(bytes);
    let escaped = is_shown_safely(&text, width);
    if unescaped(&escaped) != bytes {
        let cut = escaped.strip_suffix('…').expect("all of it, or cut and marked");
        assert!(cut.len() > LONG && bytes.starts_with(&unescaped(cut)), "{escaped}");
    }
}

fn windows_text(units: &[u16], width: usize) {
    let text = Untrusted::from_wide(units);
    is_shown_safely(&text, width);
    match String::from_utf16(units) {
        Ok(valid) => assert_eq!(text.as_bytes(), valid.as_bytes()),
        Err(_) => assert!(!text.is_utf8()),
    }
}

fn is_shown_safely(text: &Untrusted, width: usize) -> String {
    let escaped = Escaped(text).to_string();
    assert!(escaped.chars().all(is_safe), "{escaped:?}");
    let cut = fitted(text, width);
    assert!(cut.width() <= width && escaped.starts_with(&cut), "{cut} of {escaped}");
    if escaped.is_ascii() && !escaped.contains('\\') {
        assert_eq!(cut.len(), escaped.len().min(width));
    }
    escaped
}

/// Whether a terminal shows a character: no control or format character, no separator of lines,
/// nothing that Unicode lets programs ignore, and no character without a width unless it combines
/// with the one before it.
pub fn is_safe(c: char) -> bool {
    use GeneralCategory as Category;
    let category = c.general_category();
    let obeyed = matches!(
        category,
        Category::Control
            | Category::Format
            | Category::LineSeparator
            | Category::ParagraphSeparator
            | Category::Surrogate
    );
    let combines = matches!(
        category,
        Category::NonspacingMark | Category::EnclosingMark | Category::SpacingMark
    ) || is_conjoining_jamo(c);
    !obeyed && !is_ignorable(c) && (combines || c.width() != Some(0))
}

/// The vowels and final consonants that a Hangul syllable is composed of (NFD).
fn is_conjoining_jamo(c: char) -> bool {
    matches!(c, '\u{1161}'..='\u{11ff}' | '\u{d7b0}'..='\u{d7fb}')
}

/// Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt.
fn is_ignorable(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}'..='\u{1160}' | '\u{17b4}'..='\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff0}'..='\u{fff8}' | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
        | '\u{e0000}'..='\u{e0fff}')
}

/// The bytes that an escaped text stands for.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(place) = rest.find('\\') {
        bytes.extend(&rest.as_bytes()[..place]);
        let escape = &rest[place + 1..];
        let length = match escape.as_bytes()[0] {
            b'x' => 3,
            b'u' => escape.find('}').expect("a brace") + 1,
            _ => 1,
        };
        bytes.extend(meaning(&escape[..length]));
        rest = &escape[length..];
    }
    bytes.extend(rest.as_bytes());
    bytes
}

fn meaning(escape: &str) -> Vec<u8> {
    let hex = |digits: &str| u32::from_str_radix(digits, 16).expect("digits");
    match escape.split_at(1) {
        ("\\", "") => vec![b'\\'],
        ("n", "") => vec![b'\n'],
        ("r", "") => vec![b'\r'],
        ("t", "") => vec![b'\t'],
        ("x", digits) => vec![u8::try_from(hex(digits)).expect("a byte")],
        ("u", braced) => code_point(hex(braced.trim_matches(['{', '}']))),
        _ => panic!("no escape: {escape:?}"),
    }
}

/// A character in UTF-8; an unpaired surrogate in the same way, as WTF-8 has it.
fn code_point(number: u32) -> Vec<u8> {
    if let Some(c) = char::from_u32(number) {
        return c.to_string().into_bytes();
    }
    let low = |shift: u32| u8::try_from(number >> shift & 0x3f).expect("six bits");
    vec![0xed, 0x80 | low(6), 0x80 | low(0)]
}
