//! How a sentence ends in a command to run: always last, complete, and runnable as printed.

use crate::model::Os;

/// `it may be draining; run: kill -9 812`.
#[must_use]
pub fn run(text: &str, command: &str) -> String {
    format!("{text}; run: {command}")
}

/// The same; without the command where there is none that could be typed.
#[must_use]
pub fn run_if_any(text: &str, command: Option<&str>) -> String {
    command.map_or_else(|| text.to_owned(), |command| run(text, command))
}

/// `permission denied; run: sudo portwho kill 80`.
#[must_use]
pub fn run_privileged(text: &str, command: &str, os: Os) -> String {
    match os {
        Os::Linux => format!("{text}; run: sudo {command}"),
        Os::Windows => format!("{text}; in an elevated prompt, run: {command}"),
    }
}

/// How many names a list has at most: a socket may have any number of holders.
const NAMED: usize = 10;

/// `nginx (PID 812), nginx (PID 813)`; of many names the first ten, `and 190 more`.
#[must_use]
pub fn listed(names: &[String]) -> String {
    let first = names.get(..NAMED).unwrap_or(names).join(", ");
    match names.len().saturating_sub(NAMED) {
        0 => first,
        more => format!("{first} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lists_are_bounded() {
        let names = |count: u32| (1..=count).map(|name| name.to_string()).collect::<Vec<_>>();
        assert_eq!(listed(&[]), "");
        assert_eq!(listed(&names(10)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10");
        assert_eq!(listed(&names(200)), "1, 2, 3, 4, 5, 6, 7, 8, 9, 10 and 190 more");
    }

    #[test]
    fn commands_come_last() {
        assert_eq!(run("no", "portwho"), "no; run: portwho");
        assert_eq!(run_if_any("no", None), "no");
        assert_eq!(run_privileged("no", "portwho", Os::Linux), "no; run: sudo portwho");
        let elevated = "no; in an elevated prompt, run: portwho";
        assert_eq!(run_privileged("no", "portwho", Os::Windows), elevated);
    }
}
