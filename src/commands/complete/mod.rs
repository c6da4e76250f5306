//! What a shell offers while a command line of portwho is typed: commands and options, and values as
//! they are on the machine now.

mod values;

use std::ffi::{OsStr, OsString};

use anyhow::bail;
use clap::{Arg, Command};
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::Shells;

use super::{Outcome, Output};
use crate::cli::{self, CompletionRequest};
use crate::platform::System;
use crate::text::completions as text;
use values::Values;

/// Prints what the shell may offer, in the form that its script expects.
///
/// # Errors
/// When the shell is unknown, or has left.
pub fn complete<S: System + Sync>(
    request: &CompletionRequest,
    system: &'static S,
    output: &mut Output,
) -> anyhow::Result<Outcome> {
    let shells = Shells::builtins();
    let Some(shell) = shells.completer(&request.shell) else {
        bail!(text::unknown_shell(&request.shell));
    };
    // Without words nothing is asked; some shells' adapters would count them.
    if request.words.is_empty() {
        return Ok(Outcome::Success);
    }
    // Where any word may follow, options would hide the values.
    let with_options = request.words.last().is_some_and(|word| !word.is_empty());
    let mut command = with_values(cli::command(), with_options, system);
    let (mut offered, words): (_, Vec<OsString>) = (Vec::new(), request.words.clone());
    // A word that cannot be completed is no failure: a message would disturb the line.
    if shell.write_complete(&mut command, words, None, &mut offered).is_ok() {
        output.result(|out| out.write_all(&offered))?;
    }
    Ok(Outcome::Success)
}

/// The command, whose arguments know their values.
fn with_values<S: System + Sync>(
    command: Command,
    with_options: bool,
    system: &'static S,
) -> Command {
    let verb = command.get_name().to_owned();
    let with_arguments = command.mut_args(|arg| with_offers(arg, &verb, with_options, system));
    with_arguments.mut_subcommands(|verb| with_values(verb, with_options, system))
}

/// The argument of `verb`, which knows its values.
fn with_offers<S: System + Sync>(
    arg: Arg,
    verb: &str,
    with_options: bool,
    system: &'static S,
) -> Arg {
    let hidden = arg.is_hide_set() || !(with_options || arg.is_positional());
    let values = Values::of(verb, arg.get_id().as_str());
    let arg = arg.hide(hidden);
    let Some(values) = values else { return arg };
    arg.add(ArgValueCompleter::new(move |typed: &OsStr| offered(values, typed, system)))
}

fn offered(values: Values, typed: &OsStr, system: &impl System) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    values.matching(typed, system).into_iter().map(candidate).collect()
}

fn candidate((value, help): (String, String)) -> CompletionCandidate {
    let help = (!help.is_empty()).then(|| help.into());
    CompletionCandidate::new(value).help(help)
}
