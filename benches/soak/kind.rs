//! What is tried.

/// One try: what it observed, or what must not happen and did.
pub type Try = fn() -> Result<Seen, String>;

/// What a try observed that is no failure, as a word for the table; none for the rule.
pub type Seen = Option<&'static str>;

/// A kind of try.
pub struct Kind {
    /// What happens, and what is required.
    pub what: &'static str,
    /// Does it once.
    pub attempt: Try,
}
