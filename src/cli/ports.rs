//! PORTs, and the words that are typed in their place by mistake.

use clap::ValueEnum;
use thiserror::Error;

use super::choices::GenerateArg;
use super::words::operands;
use super::{near_command, operand};
use crate::model::{Protocol, StateSet};
use crate::query::{PortError, PortTerm, Protocols};

/// What is wrong with a PORT.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UsageError {
    /// A command after options or ports.
    #[error("'{command}' is a command and must come first; run: portwho {command} {arguments}")]
    CommandNotFirst {
        /// The command.
        command: String,
        /// The ports that were typed, or else what shows how the command is used.
        arguments: String,
    },
    /// What another program calls what `generate` prints.
    #[error("'{word}' is not a command; run: portwho generate {what}")]
    Generated {
        /// What was typed.
        word: String,
        /// What it means.
        what: String,
    },
    /// A state after what is nearly `explain`.
    #[error("'{word}' is not a command; for the command {command}, run: portwho {command} {state}")]
    Misspelt {
        /// What was typed.
        word: String,
        /// The command.
        command: String,
        /// The state.
        state: String,
    },
    /// A state.
    #[error("'{0}' is a state, not a port; run: portwho --state {0}")]
    StateForPort(String),
    /// A state after another, which was the value of `--state`.
    #[error(
        "'{0}' is a state, not a port; PowerShell splits lists that are not quoted; run: portwho \
         --state \"{0}\""
    )]
    StateBehindState(String),
    /// Help for what is no command.
    #[error("'{word}' is not a command; commands are {commands}; run: portwho --help")]
    NotACommand {
        /// What was typed.
        word: String,
        /// All commands.
        commands: String,
    },
    /// Nothing that says which sockets.
    #[error("close needs a PORT or a filter; to see the filters, run: portwho close --help")]
    NothingToClose,
    /// The environment names no way to search for owners.
    #[error("PORTWHO_OWNERS '{0}': unknown value; values are auto, proc, bpf")]
    NoWay(String),
    /// Several states where one is explained.
    #[error("'{0}': unexpected argument; explain takes one state")]
    SeveralStates(String),
    /// An address in front of a foreign port.
    #[error("foreign port '{0}': an address belongs to --foreign; run: portwho --foreign {0}")]
    AddressForForeignPort(String),
    /// A protocol after a foreign port.
    #[error("foreign port '{word}': a protocol belongs to a PORT, or to {option}")]
    ProtocolForForeignPort {
        /// What was typed.
        word: String,
        /// The option for its protocol.
        option: &'static str,
    },
    /// An address or a protocol where a port alone is meant.
    #[error("--ports '{0}': only ports, without an address or protocol; example: 50051,33060")]
    NotPlain(String),
    /// An option of which the program was built without.
    #[error("{option}: this portwho was built without it; build it with: --features {feature}")]
    WithoutFeature {
        /// The option.
        option: &'static str,
        /// What it was built without.
        feature: &'static str,
    },
    /// A protocol after a port that contradicts an option.
    #[error("port '{word}': cannot be used with {option}")]
    OtherProtocol {
        /// The port.
        word: String,
        /// The option.
        option: &'static str,
    },
    /// A PID after `-p`.
    #[error(
        "port '{0}': ports are 1 to 65535, and -p has no effect; for a PID, run: portwho --pid {0}"
    )]
    PidForPort(String),
    /// Any other.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Parses the PORTs of a command, unless one of them is a command or a state. `by_state` says whether
/// states were asked for, too.
pub(super) fn local(
    words: &[String],
    commands: &[String],
    by_state: bool,
) -> Result<Vec<PortTerm>, UsageError> {
    if let Some(command) = words.iter().find(|word| commands.contains(word)) {
        let others: Vec<&str> =
            words.iter().filter(|word| *word != command).map(String::as_str).collect();
        let arguments = operands(command, &others);
        return Err(UsageError::CommandNotFirst { command: command.clone(), arguments });
    }
    // What stands in a URL is no state.
    let lists = words.iter().filter(|word| !word.contains("://"));
    if let Some(state) = lists.flat_map(|word| word.split(',')).find(is_state) {
        let state = state.to_owned();
        return Err(match near_explain(words) {
            _ if by_state => UsageError::StateBehindState(state),
            Some((word, command)) => UsageError::Misspelt { word, command, state },
            None => UsageError::StateForPort(state),
        });
    }
    parse_all(words)
}

/// The word that is nearly a command of which the operand is a state, and that command.
fn near_explain(words: &[String]) -> Option<(String, String)> {
    let near = words.iter().filter_map(|word| Some((word.clone(), near_command(word)?)));
    near.into_iter().find(|(_, command)| operand(command).as_deref() == Some("STATE"))
}

/// Refuses `man` and `completion bash` in the place of a command.
pub(super) fn is_not_generated(words: &[String]) -> Result<(), UsageError> {
    let Some(word) = words.first() else { return Ok(()) };
    let what = match word.to_ascii_lowercase().as_str() {
        "man" | "manpage" => "man",
        "completion" | "completions" => {
            let second = words.get(1).map(String::as_str);
            second.filter(|shell| GenerateArg::from_str(shell, true).is_ok()).unwrap_or("--help")
        }
        _ => return Ok(()),
    };
    Err(UsageError::Generated { word: word.clone(), what: what.to_owned() })
}

/// Parses the values of `--foreign-port`.
pub(super) fn foreign(words: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    let terms = parse_all(words).map_err(|error| match error {
        UsageError::Port(PortError::NoPort { word, .. }) => UsageError::AddressForForeignPort(word),
        error => error,
    })?;
    if let Some(term) = terms.iter().find(|term| term.host.is_some()) {
        let term = PortTerm { protocol: None, ..term.clone() };
        return Err(UsageError::AddressForForeignPort(term.to_string()));
    }
    let bound = terms.iter().find_map(|term| Some((term.to_string(), term.protocol?)));
    match bound {
        Some((word, protocol)) => {
            let option = if protocol == Protocol::Tcp { "--tcp" } else { "--udp" };
            Err(UsageError::ProtocolForForeignPort { word, option })
        }
        None => Ok(terms),
    }
}

/// Parses the values of `--ports`.
pub(super) fn plain(words: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    let terms = parse_all(words)?;
    match terms.iter().find(|term| term.host.is_some() || term.protocol.is_some()) {
        Some(term) => Err(UsageError::NotPlain(term.to_string())),
        None => Ok(terms),
    }
}

/// Refuses a port of which the protocol is none of `asked`, as `option` did.
pub(super) fn contradicts(
    terms: &[PortTerm],
    asked: Protocols,
    option: &'static str,
) -> Result<(), UsageError> {
    let other = terms.iter().find(|term| term.protocol.is_some_and(|it| !asked.contains(it)));
    match other {
        Some(term) => Err(UsageError::OtherProtocol { word: term.to_string(), option }),
        None => Ok(()),
    }
}

fn parse_all(words: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    let mut terms = Vec::new();
    for word in words {
        terms.extend(PortTerm::parse_list(word)?);
    }
    Ok(terms)
}

fn is_state(word: &&str) -> bool {
    word.parse::<StateSet>().is_ok()
}
