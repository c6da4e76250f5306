//! Command lines of processes, in one line each.

use crate::model::{Process, Untrusted};
use crate::text::escape::{Escaped, LONGEST, MORE, beginning};

/// The command line. An argument with whitespace or a quote is quoted, so that arguments can be
/// told apart.
pub(super) fn command_line(process: &Process) -> Option<String> {
    joined(process.command.iter().map(argument), process.command_cut)
}

fn argument(argument: &Untrusted) -> String {
    let text = Escaped(argument).to_string();
    if text.is_empty() || text.contains(|c: char| c.is_whitespace() || c == '\'') {
        format!("'{}'", text.replace('\'', r"\'"))
    } else {
        text
    }
}

/// The words in one line. It ends in `…` if it is cut or words are missing.
fn joined(words: impl Iterator<Item = String>, mut is_cut: bool) -> Option<String> {
    let mut line = String::new();
    for mut word in words {
        if line.is_empty() && word.len() > LONGEST {
            word.truncate(beginning(&word, usize::MAX, LONGEST).len());
            is_cut = true;
        } else if line.len() + word.len() >= LONGEST {
            is_cut = true;
            break;
        }
        let blank = if line.is_empty() { "" } else { " " };
        line.extend([blank, &word]);
    }
    if is_cut {
        let blank = if line.is_empty() { "" } else { " " };
        line.extend([blank, MORE]);
    }
    (!line.is_empty()).then_some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_command_ends_in_an_ellipsis() {
        let joined =
            |words: &[&str], is_cut| joined(words.iter().map(|&word| word.to_owned()), is_cut);
        assert_eq!(joined(&["a", "b"], false).unwrap(), "a b");
        assert_eq!(joined(&["a", "b"], true).unwrap(), "a b …");
        assert_eq!(joined(&[], true).unwrap(), "…");
        assert_eq!(joined(&[], false), None);
        assert_eq!(
            joined(&vec!["''"; 4000], false).unwrap(),
            format!("{} …", vec!["''"; 1365].join(" "))
        );
        let long = "x".repeat(LONGEST + 1);
        assert_eq!(joined(&[&long, "b"], false).unwrap(), format!("{} …", "x".repeat(LONGEST)));
    }
}
