//! /proc/PID/cmdline: proc_pid_cmdline(5).

use crate::model::Untrusted;

/// A command line as far as it was read.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct CommandLine {
    /// Its arguments; the last one may be a part of one where it is cut.
    pub arguments: Vec<Untrusted>,
    /// Whether there is more.
    pub is_cut: bool,
}

/// The arguments in `bytes`, each ended by a NUL, `most` at most.
#[must_use]
pub fn arguments(bytes: &[u8], most: usize) -> CommandLine {
    if bytes.is_empty() {
        return CommandLine::default();
    }
    let whole = bytes.strip_suffix(&[0]).unwrap_or(bytes);
    let mut parts = whole.split(|&byte| byte == 0);
    let arguments = parts.by_ref().take(most).map(Untrusted::new).collect();
    CommandLine { arguments, is_cut: parts.next().is_some() }
}

/// A whole command line without two or more empty arguments at its end: a process that sets its title
/// (nginx, PostgreSQL) overwrites what is left of its arguments with NULs. One alone may have been typed.
#[must_use]
pub fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    match bytes.len() - end {
        // The last argument's own NUL, and those of two empty ones.
        3.. => bytes.get(..=end).unwrap_or(bytes),
        _ => bytes,
    }
}

/// argv[0], where `beginning` has it whole.
#[must_use]
pub fn first(beginning: &[u8]) -> Option<&[u8]> {
    let end = beginning.iter().position(|&byte| byte == 0)?;
    beginning.get(..end)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arguments_may_be_empty_and_their_number_is_bounded() {
        let cases: [(&[u8], usize, &[&str], bool); 6] = [
            (b"", 2, &[], false),
            (b"\0", 2, &[""], false),
            (b"a\0\0", 2, &["a", ""], false),
            (b"a\0\0b\0", 2, &["a", ""], true),
            (b"a\0b", 2, &["a", "b"], false),
            (b"a\0b\0", 0, &[], true),
        ];
        for (bytes, most, expected, is_cut) in cases {
            let found = arguments(bytes, most);
            let expected: Vec<Untrusted> = expected.iter().map(|&text| text.into()).collect();
            assert_eq!((found.arguments, found.is_cut), (expected, is_cut), "{bytes:?}");
        }
    }

    #[test]
    fn two_empty_arguments_at_the_end_are_padding() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"a\0", b"a\0"),
            (b"a\0\0", b"a\0\0"),
            (b"a\0\0\0", b"a\0"),
            (b"a b\0\0\0\0\0", b"a b\0"),
            (b"a\0\0\0b\0\0", b"a\0\0\0b\0\0"),
            (b"\0\0\0", b"\0"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(without_padding(bytes), expected, "{bytes:?}");
        }
    }

    #[test]
    fn the_first_argument_ends_with_a_nul() {
        assert_eq!(first(b"nginx\0-g\0"), Some(&b"nginx"[..]));
        assert_eq!(first(b"\0"), Some(&b""[..]));
        assert_eq!(first(b"cut before its end"), None);
        assert_eq!(first(b""), None);
    }
}
