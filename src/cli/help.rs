//! What `-h` and `--help` print.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::error::ErrorKind;

use super::args::{Cli, DETAILS};
use super::words::verb;

/// The text that was asked for. Only `-h` without a command hides options, to fit one screen; clap
/// would print the whole list with two lines for each.
pub(super) fn text(asked: &clap::Error, words: &[OsString], commands: &[String]) -> String {
    if asked.kind() == ErrorKind::DisplayVersion {
        return asked.to_string();
    }
    match verb(words, commands) {
        Some(verb) => of_command(verb),
        None if words.iter().any(|word| word == "--help") => whole(),
        None => Cli::command().render_help().to_string(),
    }
}

fn whole() -> String {
    let cli = Cli::command().mut_args(|arg| arg.hide_short_help(false)).after_help(DETAILS);
    cli.clone().render_help().to_string()
}

fn of_command(verb: &str) -> String {
    let show_all = |command: clap::Command| command.mut_args(|arg| arg.hide_short_help(false));
    let mut cli = Cli::command().mut_subcommand(verb, show_all);
    cli.build();
    let command = cli.find_subcommand_mut(verb);
    command.map(|command| command.render_help().to_string()).unwrap_or_default()
}
