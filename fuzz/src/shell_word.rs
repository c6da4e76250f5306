//! Commands to type: a shell reads every word as it was meant.

use portwho::text::shell::{posix_word, windows_word};

pub fn check(data: &[u8]) {
    // No argument can hold it.
    if data.contains(&0) {
        return;
    }
    let quoted = posix_word(data);
    if let Some(octal) = quoted.strip_prefix("$'").and_then(|rest| rest.strip_suffix('\'')) {
        assert_eq!(decoded(octal), data, "{quoted}");
    } else {
        let line = format!("kill {quoted} 80");
        let word = std::str::from_utf8(data).expect("only text is shown as it is");
        let expected = ["kill", word, "80"].map(str::to_owned);
        assert_eq!(shlex::split(&line), Some(expected.into()), "{quoted}");
        is_inert(word, &quoted);
    }
    assert!(!quoted.contains(char::is_control), "{quoted:?}");
    if let Some(quoted) = windows_word(data) {
        let word = std::str::from_utf8(data).expect("only text is shown as it is");
        let plain = quoted.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
        assert_eq!(plain.unwrap_or(&quoted), word);
        assert!(!word.contains(['"', '$', '`', '%', '!']), "{quoted}");
        assert!(plain.is_some() || !word.contains(char::is_whitespace), "{quoted}");
    }
}

/// What dollar-single-quotes stand for (POSIX.1-2024, 2.2.4), as far as portwho uses them.
fn decoded(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            assert!(byte != b'\'', "{text}");
            decoded.push(byte);
            continue;
        }
        match bytes.next().expect("an escape") {
            escaped @ (b'\'' | b'\\') => decoded.push(escaped),
            first => {
                let digits =
                    [first, bytes.next().expect("a digit"), bytes.next().expect("a digit")];
                let digits = std::str::from_utf8(&digits).expect("digits");
                decoded.push(u8::from_str_radix(digits, 8).expect("octal"));
            }
        }
    }
    decoded
}

/// What shlex does not know: outside quotes no character means anything to a shell, and between
/// double quotes nothing is expanded, in bash's history neither.
fn is_inert(word: &str, quoted: &str) {
    let special = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.,:/@%+=".contains(c);
    if quoted == word {
        assert!(!word.contains(special) && !word.contains(char::is_whitespace), "{quoted}");
        assert!(!word.starts_with(['=', '%']), "{quoted}");
    } else if quoted.starts_with('"') {
        assert!(!word.contains(['$', '`', '!', '"']), "{quoted}");
    } else {
        assert!(quoted.starts_with('\''), "{quoted}");
    }
}
