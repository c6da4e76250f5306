//! Commands for a person to type: the one place where they are put together.
//!
//! They are often typed by root, and some of their words are names that others chose. So each word
//! is quoted for the shell of its system, and none that begins with a hyphen is read as an option.

use std::fmt::Display;

use crate::model::{Pid, Shell};

/// Letters that are shown as nothing.
const FILLERS: [char; 4] = ['\u{115f}', '\u{1160}', '\u{3164}', '\u{ffa0}'];

/// A command, as far as it has been put together.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct ShellCommand {
    shell: Shell,
    /// None when a word cannot be typed.
    text: Option<String>,
}

impl ShellCommand {
    /// A command that begins with portwho's own words, which need no quotes.
    #[must_use]
    pub fn new(shell: Shell, words: impl Display) -> Self {
        Self { shell, text: Some(words.to_string()) }
    }

    /// The same command, run by root; on Windows there is nothing to put in front.
    #[must_use]
    pub fn sudo(self) -> Self {
        match self.shell {
            Shell::Posix => Self { text: self.text.map(|text| format!("sudo {text}")), ..self },
            Shell::Windows => self,
        }
    }

    /// The same command, run in the network namespace of a process: nsenter(1).
    #[must_use]
    pub fn in_network_namespace(self, pid: Pid) -> Self {
        Self { text: self.text.map(|text| format!("nsenter -t {pid} -n {text}")), ..self }
    }

    /// What systemctl(1) does to units: those of the system's manager, or of a user's own.
    #[must_use]
    pub fn systemctl(of_user: bool, verb: &str) -> Self {
        let user = if of_user { " --user" } else { "" };
        Self::new(Shell::Posix, format_args!("systemctl{user} {verb}"))
    }

    /// Adds any text as one word.
    #[must_use]
    pub fn word(self, text: &[u8]) -> Self {
        let word = match self.shell {
            Shell::Posix => Some(posix_word(text)),
            Shell::Windows => windows_word(text),
        };
        self.with(word)
    }

    /// Adds several texts, each as one word.
    #[must_use]
    pub fn words<T: AsRef<[u8]>>(self, texts: impl IntoIterator<Item = T>) -> Self {
        texts.into_iter().fold(self, |command, text| command.word(text.as_ref()))
    }

    /// Adds any text as an operand, which is no option even if it begins like one (Guideline 10 of
    /// POSIX' utility conventions), and no pattern. Windows' programs know no marks for that.
    #[must_use]
    pub fn operand(self, text: &[u8]) -> Self {
        match self.shell {
            Shell::Posix if text.starts_with(b"-") => self.with(Some("--".to_owned())).word(text),
            Shell::Windows if text.starts_with(b"-") || text.starts_with(b"/") => self.with(None),
            Shell::Windows if text.iter().any(|byte| b"*?[]".contains(byte)) => self.with(None),
            _ => self.word(text),
        }
    }

    fn with(self, word: Option<String>) -> Self {
        let text = self.text.zip(word).map(|(text, word)| format!("{text} {word}"));
        Self { text, ..self }
    }

    /// The whole command; none where a word of it cannot be typed into the shells of its system.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The whole command, if it can be typed.
    #[must_use]
    pub fn typable(self) -> Option<Self> {
        self.text.is_some().then_some(self)
    }

    /// The shells that read it.
    #[must_use]
    pub const fn shell(&self) -> Shell {
        self.shell
    }
}

/// Whether a character is shown as it is, and as nothing else.
fn is_visible(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || (c.is_alphanumeric() && !FILLERS.contains(&c))
}

/// The text, if all of it is visible.
fn visible(text: &[u8]) -> Option<&str> {
    std::str::from_utf8(text).ok().filter(|text| text.chars().all(is_visible))
}

/// A word for the shells of POSIX: plain, or in quotes that cmd.exe understands too, unless
/// something in it would still be expanded between them. What is not visible is written in octal
/// (dollar-single-quotes of POSIX.1-2024).
#[must_use]
pub fn posix_word(text: &[u8]) -> String {
    let Some(word) = visible(text) else {
        return format!("$'{}'", text.iter().copied().map(escaped).collect::<String>());
    };
    let is_plain = |c: char| c.is_alphanumeric() || "-_.,:/@%+=".contains(c);
    // zsh expands a word that begins with =, and job control one that begins with %.
    let begins_plain = !word.is_empty() && !word.starts_with(['=', '%']);
    if begins_plain && word.chars().all(is_plain) {
        word.to_owned()
    } else if word.contains(['$', '`', '"', '!']) || word.contains("\\\\") || word.ends_with('\\') {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        format!("\"{word}\"")
    }
}

/// A byte in `$'...'`.
fn escaped(byte: u8) -> String {
    match byte {
        b'\'' | b'\\' => format!("\\{}", char::from(byte)),
        b' '..=b'~' => char::from(byte).to_string(),
        byte => format!("\\{byte:03o}"),
    }
}

/// A word for cmd.exe and PowerShell alike: plain, or in double quotes. None where one of them would
/// expand something between the quotes.
#[must_use]
pub fn windows_word(text: &[u8]) -> Option<String> {
    let word = visible(text).filter(|word| !word.is_empty() && !word.ends_with('\\'))?;
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:+".contains(c);
    if word.contains(['"', '$', '`', '%', '!']) {
        None
    } else if word.chars().all(is_plain) {
        Some(word.to_owned())
    } else {
        Some(format!("\"{word}\""))
    }
}

/// A word for whatever shell it was typed into, where the system is not known yet: as for Windows,
/// in plain or double quotes that POSIX reads alike, or else as for POSIX.
#[must_use]
pub fn any_word(text: &[u8]) -> String {
    windows_word(text).unwrap_or_else(|| posix_word(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_for_posix() {
        for (text, word) in [
            (&b"nginx.service"[..], "nginx.service"),
            (b"x;id;.service", "\"x;id;.service\""),
            (b"$(id).service", "'$(id).service'"),
            (b"`id`", "'`id`'"),
            (b"a'b", "\"a'b\""),
            (b"a'$b", "'a'\\''$b'"),
            (b"a b", "\"a b\""),
            (b"a\\b", "\"a\\b\""),
            (b"a\\\\b", "'a\\\\b'"),
            (b"", "\"\""),
            (b"=ls", "\"=ls\""),
            (b"~", "\"~\""),
            (b"a\nid\n", "$'a\\012id\\012'"),
            (b"\x1b]52;'", "$'\\033]52;\\''"),
            (b"\xff", "$'\\377'"),
            ("\u{202e}".as_bytes(), "$'\\342\\200\\256'"),
            ("\u{3164}".as_bytes(), "$'\\343\\205\\244'"),
            ("grüße".as_bytes(), "grüße"),
        ] {
            assert_eq!(posix_word(text), word, "{text:?}");
        }
    }

    #[test]
    fn words_for_windows() {
        for (text, word) in [
            (&b"W3SVC"[..], Some("W3SVC")),
            (b"SQL Server (A)", Some("\"SQL Server (A)\"")),
            (b"a&calc", Some("\"a&calc\"")),
            (b"a;calc", Some("\"a;calc\"")),
            (b"a,b", Some("\"a,b\"")),
            (b"@a", Some("\"@a\"")),
            (b"$(calc)", None),
            (b"%PATH%", None),
            (b"a\"b", None),
            (b"a`b", None),
            (b"no*", Some("\"no*\"")),
            (b"[::1]:80", Some("\"[::1]:80\"")),
            (b"80,443", Some("\"80,443\"")),
            (b"a\\", None),
            (b"", None),
            (b"a\nb", None),
            ("a\u{201d}b".as_bytes(), None),
            (b"\xed\xa0\x80", None),
        ] {
            assert_eq!(windows_word(text).as_deref(), word, "{text:?}");
        }
    }

    #[test]
    fn words_for_any_shell() {
        for (text, word) in [("80", "80"), ("[::1]:80", "\"[::1]:80\""), ("$(id)", "'$(id)'")] {
            assert_eq!(any_word(text.as_bytes()), word);
        }
    }

    #[test]
    fn an_operand_is_not_an_option() {
        let stop = |name: &[u8]| ShellCommand::systemctl(false, "stop").operand(name);
        assert_eq!(stop(b"web.service").text(), Some("systemctl stop web.service"));
        assert_eq!(stop(b"-Hevil.service").text(), Some("systemctl stop -- -Hevil.service"));
        let stop = |name: &[u8]| ShellCommand::new(Shell::Windows, "sc.exe stop").operand(name);
        assert_eq!(stop(b"W3SVC").text(), Some("sc.exe stop W3SVC"));
        for name in [&b"-x"[..], b"/x", b"*", b"[a]"] {
            assert_eq!(stop(name).typable(), None);
        }
    }

    proptest::proptest! {
        #[test]
        fn no_word_has_anything_that_is_not_shown(text: Vec<u8>) {
            proptest::prop_assert!(posix_word(&text).chars().all(is_visible));
            if let Some(word) = windows_word(&text) {
                proptest::prop_assert!(word.chars().all(is_visible));
            }
        }
    }
}
