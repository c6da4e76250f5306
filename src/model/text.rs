//! Text that other processes chose: names, command lines, paths.
//!
//! It has no `Display` on purpose. [`crate::render::escape`] is the only way out to a reader, so
//! a name that was not escaped cannot be printed.

use std::ffi::OsStr;

/// Bytes chosen by somebody else, possibly hostile and possibly not UTF-8.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted(Box<[u8]>);

impl Untrusted {
    /// Takes the bytes as they are.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self(bytes.into())
    }

    /// The bytes as they came. For comparing and for escaping, not for printing.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// The text with every invalid sequence replaced by U+FFFD. Still unescaped: for matching
    /// and for JSON, whose writer escapes on its own.
    #[must_use]
    pub fn to_lossy(&self) -> String {
        String::from_utf8_lossy(&self.0).into_owned()
    }

    /// Whether the bytes are valid UTF-8.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        std::str::from_utf8(&self.0).is_ok()
    }

    /// Whether there are no bytes at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The part behind the last `/`.
    #[must_use]
    pub fn base_name(&self) -> &[u8] {
        self.0.rsplit(|&byte| byte == b'/').next().unwrap_or_default()
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self(text.as_bytes().into())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self(text.into_bytes().into())
    }
}

impl From<&OsStr> for Untrusted {
    fn from(text: &OsStr) -> Self {
        Self(text.as_encoded_bytes().into())
    }
}

impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_name_is_what_follows_the_last_slash() {
        assert_eq!(Untrusted::from("/usr/sbin/nginx").base_name(), b"nginx");
        assert_eq!(Untrusted::from("nginx").base_name(), b"nginx");
        assert_eq!(Untrusted::from("/").base_name(), b"");
    }

    #[test]
    fn debug_shows_no_raw_control_characters() {
        assert_eq!(format!("{:?}", Untrusted::new(*b"a\x1b\xff")), r#""a\x1b\xff""#);
    }
}
