//! Owners by name: the image's, the user's.

use wildmatch::WildMatchPattern;

use crate::model::{Process, Uid, Untrusted};

/// An image name, case-insensitive, whole or with `*`.
#[derive(Clone, Debug)]
pub struct NamePattern(WildMatchPattern<'*', '\0'>);

impl NamePattern {
    /// A pattern; `*` stands for anything, every other character for itself.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(WildMatchPattern::new_case_insensitive(pattern))
    }

    /// The pattern as it was typed.
    #[must_use]
    pub fn text(&self) -> String {
        self.0.pattern()
    }

    /// Whether it is a whole name, and stands for no other.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        !self.0.pattern().contains('*')
    }

    /// Whether the process' image name matches.
    #[must_use]
    pub fn matches(&self, process: &Process) -> bool {
        self.0.matches(&process.name.to_lossy())
    }
}

/// A user, by name or by number.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UserTerm(String);

impl UserTerm {
    /// A user as it was typed.
    #[must_use]
    pub fn new(word: &str) -> Self {
        Self(word.to_owned())
    }

    /// The user as it was typed.
    #[must_use]
    pub fn word(&self) -> &str {
        &self.0
    }

    /// Whether this is the user with that name. Windows' names have no case, and may be given
    /// without their domain.
    #[must_use]
    pub fn is_name(&self, name: &Untrusted) -> bool {
        if name.has_windows_paths() {
            let is = |candidate: &[u8]| candidate.eq_ignore_ascii_case(self.0.as_bytes());
            return is(name.as_bytes()) || is(name.base_name());
        }
        name.as_bytes() == self.0.as_bytes()
    }

    /// Whether this is the user with that number.
    #[must_use]
    pub fn is_number(&self, uid: Uid) -> bool {
        self.0 == uid.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn windows_accounts_are_found_without_case_and_without_domain() {
        let account = Untrusted::from_wide(&"VM\\Alice".encode_utf16().collect::<Vec<_>>());
        for word in ["VM\\Alice", "vm\\ALICE", "alice"] {
            assert!(UserTerm::new(word).is_name(&account), "{word}");
        }
        for word in ["VM", "lice", ""] {
            assert!(!UserTerm::new(word).is_name(&account), "{word}");
        }
        assert!(!UserTerm::new("Root").is_name(&"root".into()));
    }
}
