//! PORTs, and the words that are typed in their place by mistake.

use thiserror::Error;

use super::words::operands;
use crate::model::StateSet;
use crate::query::{PortError, PortTerm};

/// What is wrong with a PORT.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UsageError {
    /// A command behind options or ports.
    #[error("'{command}' is a command and comes first: portwho {command}{ports}")]
    CommandNotFirst {
        /// The command.
        command: String,
        /// The ports beside it, or the word for what it takes, behind a space.
        ports: String,
    },
    /// A state.
    #[error(
        "'{state}' is a state and not a port: use --state, and quote the list (PowerShell splits \
         it): --state \"{state}\""
    )]
    StateForPort {
        /// The state.
        state: String,
    },
    /// Nothing that says which sockets.
    #[error(
        "close: which sockets? give at least one of PORT, --state, --not-state, -l, -t, -u, -4, \
         -6, --foreign-port, --local, --foreign, --pid, --name, --user"
    )]
    NothingToClose,
    /// Several states where one is explained.
    #[error("'{0}' is one too many: explain takes one state")]
    SeveralStates(String),
    /// An address in front of a foreign port.
    #[error("foreign port '{0}': name the address apart: --foreign ADDR --foreign-port PORT")]
    AddressForForeignPort(String),
    /// Any other.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Parses the PORTs of a command, unless one of them is a command or a state.
pub(super) fn local(words: &[String], commands: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    if let Some(command) = words.iter().find(|word| commands.contains(word)) {
        let others: Vec<&str> =
            words.iter().filter(|word| *word != command).map(String::as_str).collect();
        let ports = operands(command, &others);
        return Err(UsageError::CommandNotFirst { command: command.clone(), ports });
    }
    if let Some(state) = words.iter().flat_map(|word| word.split(',')).find(is_state) {
        return Err(UsageError::StateForPort { state: state.to_owned() });
    }
    parse_all(words)
}

/// Parses the values of `--foreign-port`.
pub(super) fn foreign(words: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    let terms = parse_all(words)?;
    match terms.iter().position(|term| term.address.is_some()) {
        Some(_) => Err(UsageError::AddressForForeignPort(words.join(","))),
        None => Ok(terms),
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
