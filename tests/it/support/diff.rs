//! What differs between two texts, line by line and visible.

/// The lines of both texts: those in common indented, the missing ones with `-`, the surplus
/// ones with `+`. Control characters are shown escaped.
pub fn diff(expected: &str, actual: &str) -> String {
    let expected: Vec<&str> = expected.split('\n').collect();
    let actual: Vec<&str> = actual.split('\n').collect();
    let before = common(expected.iter(), actual.iter());
    let shorter = expected.len().min(actual.len());
    let after = common(expected.iter().rev(), actual.iter().rev()).min(shorter - before);
    let mut out = String::new();
    let mut show = |mark: &str, lines: &[&str]| {
        for line in lines {
            out.push_str(&format!("  {mark} {}\n", line.escape_debug()));
        }
    };
    show(" ", &expected[..before]);
    show("-", &expected[before..expected.len() - after]);
    show("+", &actual[before..actual.len() - after]);
    show(" ", &expected[expected.len() - after..]);
    out
}

fn common<'a>(
    left: impl Iterator<Item = &'a &'a str>,
    right: impl Iterator<Item = &'a &'a str>,
) -> usize {
    left.zip(right).take_while(|(left, right)| left == right).count()
}
