//! The sentences that people read and the commands that they type, a file for each subject.

pub mod absent;
pub mod advice;
pub mod api;
pub mod claims;
pub mod close;
pub mod completions;
pub mod doctor;
pub mod durations;
pub mod endpoints;
pub mod errors;
pub mod escape;
pub mod forwards;
pub mod gaps;
pub mod hints;
pub mod kill;
pub mod lsof;
pub mod man;
pub mod metrics;
pub mod names;
pub mod namespaces;
pub mod notes;
pub mod owners;
pub mod ports;
pub mod reasons;
pub mod remedies;
pub mod shell;
pub mod states;
pub mod wait;
pub mod watch;

/// `1 socket`, `12 sockets`.
#[must_use]
pub fn counted(count: usize, noun: &str) -> String {
    match (count, noun.strip_suffix("ss")) {
        (1, _) => format!("1 {noun}"),
        (_, Some(_)) => format!("{count} {noun}es"),
        (_, None) => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nouns_are_singular_or_plural() {
        let cases = [(1, "socket", "1 socket"), (0, "socket", "0 sockets")];
        for (count, noun, expected) in
            cases.into_iter().chain([(2, "process", "2 processes"), (3, "address", "3 addresses")])
        {
            assert_eq!(counted(count, noun), expected);
        }
    }
}
