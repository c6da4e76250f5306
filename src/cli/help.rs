//! What `-h` and `--help` print.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{Command, CommandFactory};

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
        // What is typed once in a lifetime, or by a timer, would be a line too many, and so would a third
        // view.
        None => {
            let hidden = |command: Command| command.hide(true);
            let cli = Cli::command().mut_subcommand("generate", hidden);
            let cli = cli.mut_subcommand("metrics", hidden);
            cli.mut_arg("wide", |arg| arg.hide_short_help(true)).render_help().to_string()
        }
    }
}

fn whole() -> String {
    command().render_help().to_string()
}

/// The command line as clap knows it, with everything that `--help` shows.
#[must_use]
pub fn command() -> Command {
    Cli::command().mut_args(|arg| arg.hide_short_help(false)).after_help(DETAILS)
}

fn of_command(verb: &str) -> String {
    let show_all = |command: Command| command.mut_args(|arg| arg.hide_short_help(false));
    let mut cli = Cli::command().mut_subcommand(verb, show_all);
    cli.build();
    let command = cli.find_subcommand_mut(verb);
    command.map(|command| command.render_help().to_string()).unwrap_or_default()
}
