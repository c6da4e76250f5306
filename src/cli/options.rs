//! What clap found wrong with an option, in one line: `WHAT: WHY; what to do instead`.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{Command, CommandFactory};
use thiserror::Error;

use super::args::Cli;
use super::habits;
use super::similar::most_similar;

/// How similar two options are whose names are confused. (`--port` and `--sort` are not.)
const LIKELY_MISSPELT: f64 = 0.9;

/// What is wrong with an option, an argument or its value.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("{0}")]
pub struct OptionError(String);

impl OptionError {
    /// Puts clap's finding into portwho's words. `verb` is the command that was typed, if any, as one of
    /// all `words`.
    pub(super) fn new(error: &clap::Error, verb: Option<&str>, words: &[OsString]) -> Self {
        let finding = Finding { error, verb, words };
        Self(match error.kind() {
            ErrorKind::UnknownArgument => finding.unknown_argument(),
            ErrorKind::InvalidValue => finding.invalid_value(),
            ErrorKind::ValueValidation => finding.refused_value(),
            ErrorKind::ArgumentConflict => finding.conflict(),
            ErrorKind::MissingRequiredArgument => finding.missing(),
            ErrorKind::TooManyValues => finding.value_of_switch(),
            ErrorKind::InvalidUtf8 => format!("an argument is not valid UTF-8; {}", finding.help()),
            _ => finding.in_claps_words(),
        })
    }
}

struct Finding<'a> {
    error: &'a clap::Error,
    verb: Option<&'a str>,
    words: &'a [OsString],
}

impl Finding<'_> {
    fn unknown_argument(&self) -> String {
        let typed = self.argument();
        if !typed.starts_with('-') {
            return format!("{}: unexpected argument; {}", quoted(&typed), self.help());
        }
        let shown = typed.escape_debug();
        if matches!(typed.as_str(), "--port" | "--ports") {
            return format!("{shown}: unknown option; type the PORT without it; {}", self.help());
        }
        if let Some(command) = self.meant(&typed) {
            return format!("{shown}: unknown option; run: {command}");
        }
        match self.near(&typed) {
            Some(near) => format!("{shown}: unknown option; did you mean {near}?"),
            None => format!("{shown}: unknown option; {}", self.help()),
        }
    }

    /// What does the same as an option of another program.
    fn meant(&self, typed: &str) -> Option<String> {
        self.verb.is_none().then(|| habits::meant(typed, self.words)).flatten()
    }

    /// The option that was probably meant: none where another command has the one that was typed.
    fn near(&self, typed: &str) -> Option<String> {
        let cli = Cli::command();
        let mut commands = cli.get_subcommands().chain([&cli]);
        if commands.any(|command| options(command).iter().any(|option| option == typed)) {
            return None;
        }
        let own = self.verb.and_then(|verb| cli.find_subcommand(verb)).unwrap_or(&cli);
        let known = options(own);
        let near = most_similar(typed, known.iter().map(String::as_str), LIKELY_MISSPELT);
        near.map(str::to_owned)
    }

    /// A value that is none of a list, or no value at all.
    fn invalid_value(&self) -> String {
        let (option, value) = (self.option(), self.text(ContextKind::InvalidValue));
        if value.is_empty() {
            return format!("{option}: a value is missing; {}", self.help());
        }
        let known = self.texts(ContextKind::ValidValue).join(", ");
        let what = if option.starts_with('-') { format!("{option} ") } else { String::new() };
        format!("{what}{}: unknown value; values are {known}", quoted(&value))
    }

    /// A value that its parser refused, with the parser's reason.
    fn refused_value(&self) -> String {
        let value = quoted(&self.text(ContextKind::InvalidValue));
        let option = self.option();
        let what = if option.starts_with('-') { format!("{option} {value}") } else { value };
        let why = std::error::Error::source(self.error).map(ToString::to_string);
        format!("{what}: {}", why.unwrap_or_else(|| "invalid value".to_owned()))
    }

    fn conflict(&self) -> String {
        let others = self.texts(ContextKind::PriorArg);
        let others: Vec<&str> = others.iter().map(|other| name(other)).collect();
        match others.as_slice() {
            [same] if *same == self.option() => format!("{same}: given more than once"),
            others => format!("{}: cannot be used with {}", self.option(), others.join(", ")),
        }
    }

    /// A value of an option that takes none: `--exposed=1`.
    fn value_of_switch(&self) -> String {
        format!("{}: takes no value; {}", self.option(), self.help())
    }

    fn missing(&self) -> String {
        if self.verb == Some("generate") {
            return "generate: say what to print: man, bash, zsh, fish or powershell".to_owned();
        }
        let missing = self.texts(ContextKind::InvalidArg);
        let names =
            missing.iter().map(|name| name.trim_matches(['<', '>', '.'])).collect::<Vec<_>>();
        let (names, subject) = (names.join(" and a "), self.verb.unwrap_or("portwho"));
        format!("{subject} needs a {names}; {}", self.help())
    }

    /// The first paragraph of clap's own message, for whatever else it finds.
    fn in_claps_words(&self) -> String {
        let text = self.error.to_string();
        let first = text.lines().next().unwrap_or_default();
        format!("{}; {}", first.strip_prefix("error: ").unwrap_or(first), self.help())
    }

    /// `to see all options, run: portwho kill --help`.
    fn help(&self) -> String {
        format!("to see all options, run: {} --help", self.command_line())
    }

    fn command_line(&self) -> String {
        self.verb.map_or_else(|| "portwho".to_owned(), |verb| format!("portwho {verb}"))
    }

    fn option(&self) -> String {
        name(&self.argument()).to_owned()
    }

    fn argument(&self) -> String {
        self.text(ContextKind::InvalidArg)
    }

    fn text(&self, kind: ContextKind) -> String {
        self.texts(kind).into_iter().next().unwrap_or_default()
    }

    fn texts(&self, kind: ContextKind) -> Vec<String> {
        match self.error.get(kind) {
            Some(ContextValue::String(text)) => vec![text.clone()],
            Some(ContextValue::Strings(texts)) => texts.clone(),
            _ => Vec::new(),
        }
    }
}

/// The long names of a command's options.
fn options(command: &Command) -> Vec<String> {
    command.get_arguments().filter_map(|arg| Some(format!("--{}", arg.get_long()?))).collect()
}

/// `--state` of `--state <STATE>`.
fn name(argument: &str) -> &str {
    argument.split([' ', '=']).next().unwrap_or_default()
}

/// A word of the command line, as other errors show it.
fn quoted(word: &str) -> String {
    format!("'{}'", word.escape_debug())
}
