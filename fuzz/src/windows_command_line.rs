//! Command lines of Windows: arguments are made of the line's units, and what is quoted as the rules say is
//! read again.

use portwho::platform::decode::windows_command_line::arguments;

use super::input::wide;

const QUOTE: u16 = b'"' as u16;
const BACKSLASH: u16 = b'\\' as u16;

pub fn check(data: &[u8]) {
    let line = wide(data);
    let found = arguments(&line);
    assert_eq!(found.is_empty(), line.is_empty());
    let units: usize = found.iter().map(Vec::len).sum();
    assert!(units <= line.len(), "arguments are no longer than the line");
    assert!(found.iter().flatten().all(|unit| line.contains(unit)));
    // The program cannot have a quotation mark; every other word can be anything.
    let words: Vec<&[u16]> = line.split(|unit| *unit == 0).collect();
    let mut quoted: Vec<u16> = "x".encode_utf16().collect();
    for word in &words {
        quoted.push(u16::from(b' '));
        quoted.extend(in_quotes(word));
    }
    assert_eq!(arguments(&quoted)[1..], words);
}

/// Backslashes are doubled before a mark, and a mark has one of its own.
fn in_quotes(word: &[u16]) -> Vec<u16> {
    let (mut quoted, mut backslashes) = (vec![QUOTE], 0);
    for &unit in word {
        if unit == QUOTE {
            quoted.extend(std::iter::repeat_n(BACKSLASH, backslashes + 1));
        }
        backslashes = if unit == BACKSLASH { backslashes + 1 } else { 0 };
        quoted.push(unit);
    }
    quoted.extend(std::iter::repeat_n(BACKSLASH, backslashes));
    quoted.push(QUOTE);
    quoted
}
