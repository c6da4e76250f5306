//! Text that other processes chose: names, command lines, paths.
//!
//! It has no `Display` on purpose. only [`crate::text::escape`] prints it, so
//! a name that was not escaped cannot be printed.

/// The system that text comes from, which decides what a backslash means.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
enum Origin {
    /// Bytes; a backslash is a letter like others.
    #[default]
    Unix,
    /// UTF-16, kept as WTF-8; a backslash separates the parts of a path.
    Windows,
}

/// Text that another process chose, possibly hostile and possibly not valid Unicode.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Untrusted {
    bytes: Box<[u8]>,
    origin: Origin,
}

impl Untrusted {
    /// Takes the bytes of a Unix name as they are.
    pub fn new(bytes: impl Into<Box<[u8]>>) -> Self {
        Self { bytes: bytes.into(), origin: Origin::Unix }
    }

    /// Takes a Windows name as it is. An unpaired surrogate is kept as the three bytes that its
    /// number would have in UTF-8 (WTF-8), so that different names stay different.
    #[must_use]
    pub fn from_wide(units: &[u16]) -> Self {
        let mut bytes = Vec::with_capacity(units.len());
        for decoded in char::decode_utf16(units.iter().copied()) {
            match decoded {
                Ok(c) => bytes.extend(c.encode_utf8(&mut [0; 4]).bytes()),
                Err(unpaired) => {
                    let [high, low] = unpaired.unpaired_surrogate().to_be_bytes();
                    bytes.extend([
                        0xe0 | high >> 4,
                        0x80 | (high & 0xf) << 2 | low >> 6,
                        0x80 | low & 0x3f,
                    ]);
                }
            }
        }
        Self { bytes: bytes.into(), origin: Origin::Windows }
    }

    /// Other bytes of the same origin, such as a part of this text.
    #[must_use]
    pub fn with_bytes(&self, bytes: &[u8]) -> Self {
        Self { bytes: bytes.into(), origin: self.origin }
    }

    /// The bytes as they came. For comparing and for escaping, not for printing.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The text with every invalid sequence replaced by U+FFFD. Still unescaped: for matching
    /// and for JSON, whose writer escapes on its own.
    #[must_use]
    pub fn to_lossy(&self) -> String {
        String::from_utf8_lossy(&self.bytes).into_owned()
    }

    /// Whether the bytes are valid UTF-8.
    #[must_use]
    pub fn is_utf8(&self) -> bool {
        std::str::from_utf8(&self.bytes).is_ok()
    }

    /// Whether a backslash separates the parts of a path, and is shown as it is.
    #[must_use]
    pub fn has_windows_paths(&self) -> bool {
        self.origin == Origin::Windows
    }

    /// The part after the last separator.
    #[must_use]
    pub fn base_name(&self) -> &[u8] {
        let separates = |byte: &u8| *byte == b'/' || (self.has_windows_paths() && *byte == b'\\');
        self.bytes.rsplit(separates).next().unwrap_or_default()
    }
}

impl From<&str> for Untrusted {
    fn from(text: &str) -> Self {
        Self::new(text.as_bytes())
    }
}

impl From<String> for Untrusted {
    fn from(text: String) -> Self {
        Self::new(text.into_bytes())
    }
}

impl std::fmt::Debug for Untrusted {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "\"{}\"", self.bytes.escape_ascii())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wide(text: &str) -> Untrusted {
        Untrusted::from_wide(&text.encode_utf16().collect::<Vec<_>>())
    }

    #[test]
    fn base_name_is_what_follows_the_last_separator() {
        assert_eq!(Untrusted::from("/usr/sbin/nginx").base_name(), b"nginx");
        assert_eq!(Untrusted::from("nginx").base_name(), b"nginx");
        assert_eq!(Untrusted::from("/").base_name(), b"");
        assert_eq!(Untrusted::from("a\\b").base_name(), b"a\\b");
        assert_eq!(wide("C:\\Windows\\svchost.exe").base_name(), b"svchost.exe");
    }

    #[test]
    fn unpaired_surrogates_are_kept_and_distinguished() {
        assert_eq!(wide("grüße 🦀").as_bytes(), "grüße 🦀".as_bytes());
        let high = Untrusted::from_wide(&[0x61, 0xd800]);
        let low = Untrusted::from_wide(&[0x61, 0xdc00]);
        assert_eq!(high.as_bytes(), b"a\xed\xa0\x80");
        assert_eq!(low.as_bytes(), b"a\xed\xb0\x80");
        assert!(!high.is_utf8());
    }

    #[test]
    fn debug_shows_no_raw_control_characters() {
        assert_eq!(format!("{:?}", Untrusted::new(*b"a\x1b\xff")), r#""a\x1b\xff""#);
    }
}
