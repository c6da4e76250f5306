//! What clap reports, in portwho's words.

use std::ffi::OsString;

use clap::error::ErrorKind;

use super::words::{is_option, operands, verb};
use super::{CliError, OptionError, UsageError, command_names, help};

/// The options whose value is a state.
const STATE_OPTIONS: [&str; 3] = ["-s", "--state", "--not-state"];

/// What clap reports, as portwho does. An option that stands before its command is an unknown
/// argument to clap; what is wrong there is the order.
pub(super) fn misplaced(error: &clap::Error, words: &[OsString]) -> CliError {
    let commands = command_names();
    let mut after = words.windows(2).skip(1).filter_map(|pair| match pair {
        // CLOSE is also a state.
        [option, _] if STATE_OPTIONS.iter().any(|known| option == known) => None,
        [_, word] => word.to_str(),
        _ => None,
    });
    let command = after.find(|word| commands.iter().any(|command| command == word));
    match command {
        Some(command)
            if error.kind() == ErrorKind::UnknownArgument && verb(words, &commands).is_none() =>
        {
            let ports = words.iter().skip(1).filter(|word| !is_option(word) && *word != command);
            let ports: Vec<String> =
                ports.map(|word| word.to_string_lossy().into_owned()).collect();
            let arguments = operands(command, &ports);
            UsageError::CommandNotFirst { command: command.to_owned(), arguments }.into()
        }
        _ if !error.use_stderr() => CliError::Help(help::text(error, words, &commands)),
        _ => OptionError::new(error, verb(words, &commands), words).into(),
    }
}
