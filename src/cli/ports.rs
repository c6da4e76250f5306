//! PORTs, and the words that are typed in their place by mistake.

use thiserror::Error;

use super::words::operands;
use crate::model::StateSet;
use crate::query::{PortError, PortTerm};

/// What is wrong with a PORT.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum UsageError {
    /// A command behind options or ports.
    #[error("'{command}' is a command and must come first; try: portwho {command} {arguments}")]
    CommandNotFirst {
        /// The command.
        command: String,
        /// The ports that were typed, or else what shows how the command is used.
        arguments: String,
    },
    /// A state.
    #[error(
        "'{state}' is a state, not a port; PowerShell splits lists that are not quoted; try: \
         portwho --state \"{state}\""
    )]
    StateForPort {
        /// The state.
        state: String,
    },
    /// Nothing that says which sockets.
    #[error("close needs a PORT or a filter; to see the filters, run: portwho close --help")]
    NothingToClose,
    /// Several states where one is explained.
    #[error("'{0}': unexpected argument; explain takes one state")]
    SeveralStates(String),
    /// An address in front of a foreign port.
    #[error(
        "foreign port '{word}': an address belongs to --foreign; try: portwho --foreign {address} \
         --foreign-port {port}"
    )]
    AddressForForeignPort {
        /// What was typed.
        word: String,
        /// Its address.
        address: String,
        /// Its port.
        port: String,
    },
    /// Any other.
    #[error(transparent)]
    Port(#[from] PortError),
}

/// Parses the PORTs of a command, unless one of them is a command or a state.
pub(super) fn local(words: &[String], commands: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    if let Some(command) = words.iter().find(|word| commands.contains(word)) {
        let others: Vec<&str> =
            words.iter().filter(|word| *word != command).map(String::as_str).collect();
        let arguments = operands(command, &others);
        return Err(UsageError::CommandNotFirst { command: command.clone(), arguments });
    }
    if let Some(state) = words.iter().flat_map(|word| word.split(',')).find(is_state) {
        return Err(UsageError::StateForPort { state: state.to_owned() });
    }
    parse_all(words)
}

/// Parses the values of `--foreign-port`.
pub(super) fn foreign(words: &[String]) -> Result<Vec<PortTerm>, UsageError> {
    for word in words {
        if let Some(term) =
            PortTerm::parse_list(word)?.into_iter().find(|term| term.address.is_some())
        {
            return Err(with_address(word, &term));
        }
    }
    parse_all(words)
}

fn with_address(word: &str, term: &PortTerm) -> UsageError {
    let address = term.address.as_ref().map(|scoped| scoped.address.to_string());
    UsageError::AddressForForeignPort {
        word: word.to_owned(),
        address: address.unwrap_or_default(),
        port: word.rsplit(':').next().unwrap_or_default().to_owned(),
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
