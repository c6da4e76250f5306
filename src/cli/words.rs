//! The words of the command line before clap reads them, and as they can be typed again.

use std::ffi::{OsStr, OsString};

use clap::error::ErrorKind;

use super::{CliError, UsageError, command_names, operand};
use crate::model::Signal;

/// The options whose value is a state.
const STATE_OPTIONS: [&str; 3] = ["-s", "--state", "--not-state"];

/// An option of a command in front of it is clap's unknown argument; what is wrong is the order.
pub(super) fn misplaced(error: clap::Error, words: &[OsString]) -> CliError {
    let commands = command_names();
    let mut behind = words.windows(2).skip(1).filter_map(|pair| match pair {
        // CLOSE is also a state.
        [option, _] if STATE_OPTIONS.iter().any(|known| option == known) => None,
        [_, word] => word.to_str(),
        _ => None,
    });
    let command = behind.find(|word| commands.iter().any(|command| command == word));
    match command {
        Some(command)
            if error.kind() == ErrorKind::UnknownArgument && !starts(words, &commands) =>
        {
            let ports = words.iter().skip(1).filter(|word| !is_option(word) && *word != command);
            let ports: Vec<String> =
                ports.map(|word| word.to_string_lossy().into_owned()).collect();
            let ports = operands(command, &ports);
            UsageError::CommandNotFirst { command: command.to_owned(), ports }.into()
        }
        _ => error.into(),
    }
}

/// What follows a command when it is put first, behind a space: the ports that were typed, where it takes any.
pub(super) fn operands(command: &str, ports: &[impl AsRef<str>]) -> String {
    let operand = operand(command);
    if ports.is_empty() || operand != " PORT" {
        return operand;
    }
    let words: Vec<&str> = ports.iter().map(AsRef::as_ref).collect();
    format!(" {}", words.join(" "))
}

/// Whether the command line begins with a command.
fn starts(words: &[OsString], commands: &[String]) -> bool {
    words.get(1).is_some_and(|first| commands.iter().any(|command| first == command.as_str()))
}

fn is_option(word: &OsStr) -> bool {
    word.as_encoded_bytes().first() == Some(&b'-') && word != "-" && word != "--"
}

/// `kill -KILL` and `kill -HUP` are what kill(1) understands; clap would read letters.
pub(super) fn spell_out_kill(words: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    if words.get(1).is_some_and(|word| word == "kill") {
        for word in words.iter_mut().skip(2).take_while(|word| *word != "--") {
            let signal = word.to_str().and_then(|word| signal_option(word.strip_prefix('-')?));
            if let Some(option) = signal {
                *word = option.into();
            }
        }
    }
    words
}

/// The long option for a signal's name, which no letters of options spell.
fn signal_option(name: &str) -> Option<String> {
    // Shorter words and numbers are clusters of options: -4, -6, -tu.
    let is_name = name.len() > 2 && name.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let signal: Signal = name.parse().ok().filter(|_| is_name)?;
    Some(if signal == Signal::Kill { "--force".to_owned() } else { format!("--signal={name}") })
}

/// A command as it can be typed again.
pub(super) fn command_line(verb: &str, words: impl Iterator<Item = String>) -> String {
    let words: Vec<String> =
        ["portwho".to_owned(), verb.to_owned()].into_iter().chain(words).collect();
    words.join(" ")
}

/// A word as shells take it: plain, or in quotes that cmd.exe understands too, unless something
/// in it would still be expanded between them.
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.,:/@%+=".contains(c);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else if word.contains(['$', '`', '"', '!', '\n'])
        || word.contains("\\\\")
        || word.ends_with('\\')
    {
        format!("'{}'", word.replace('\'', "'\\''"))
    } else {
        format!("\"{word}\"")
    }
}
