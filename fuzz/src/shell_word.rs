//! Commands to type: a POSIX shell reads every word as it was meant.

use portwho::cli::shell_word;

pub fn check(data: &[u8]) {
    let Ok(word) = std::str::from_utf8(data) else { return };
    // No argument can hold it.
    if word.contains('\0') {
        return;
    }
    let quoted = shell_word(word);
    let line = format!("kill {quoted} 80");
    let words = shlex::split(&line);
    let expected = ["kill", word, "80"].map(str::to_owned);
    assert_eq!(words, Some(expected.into()), "{quoted}");
    is_inert(word, &quoted);
}

/// What shlex does not know: outside of quotes no character means anything to a shell, and between
/// double quotes nothing is expanded, in bash's history neither.
fn is_inert(word: &str, quoted: &str) {
    let special = |c: char| c.is_ascii() && !c.is_ascii_alphanumeric() && !"-_.,:/@%+=".contains(c);
    if quoted == word {
        assert!(!word.contains(special) && !word.contains(char::is_whitespace), "{quoted}");
    } else if quoted.starts_with('"') {
        assert!(!word.contains(['$', '`', '!', '"']), "{quoted}");
    } else {
        assert!(quoted.starts_with('\''), "{quoted}");
    }
}
