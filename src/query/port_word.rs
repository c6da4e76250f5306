//! What follows the colon of a PORT: a number, a range or the name of a service.

use thiserror::Error;

use crate::model::PortRange;

/// Ports by number, or by a name that the system's services file explains.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PortWord {
    /// One port, or a range of them.
    Range(PortRange),
    /// The name of a service.
    Service(String),
}

/// What is wrong with a PORT.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum PortError {
    /// A number out of range.
    #[error("port '{0}': ports are 1 to 65535")]
    OutOfRange(String),
    /// A range that ends before it begins.
    #[error("port '{word}': range ends before it begins; did you mean {end}-{start}?")]
    Backwards {
        /// What was typed.
        word: String,
        /// Its first port.
        start: u16,
        /// Its last port.
        end: u16,
    },
    /// What stands before the port is no address.
    #[error("port '{word}': '{address}' is not an address or localhost")]
    NotAnAddress {
        /// What was typed.
        word: String,
        /// The part at fault.
        address: String,
    },
    /// An address, a network or `localhost` without a port.
    #[error(
        "port '{word}': an address without a port; to see the sockets at that address, run: portwho \
         {options}"
    )]
    NoPort {
        /// What was typed.
        word: String,
        /// The options that select by it.
        options: String,
    },
    /// A protocol in front of the port.
    #[error("port '{word}': the protocol comes last; did you mean {meant}?")]
    ProtocolFirst {
        /// What was typed.
        word: String,
        /// The same in the right order.
        meant: String,
    },
    /// An IPv6 address and a port without brackets, which can be read in two ways.
    #[error("port '{0}': write an IPv6 address in brackets, as in [::1]:80")]
    NoBrackets(String),
    /// What begins as a URL and is none.
    #[error("port '{0}': not a URL; example: http://localhost:3000/")]
    NotAUrl(String),
    /// Neither a number nor a name.
    #[error(
        "port '{0}': not a port; examples: 80, 80,443, 8000-8010, http, 53/udp, localhost:80, \
         [::1]:80"
    )]
    NotAPort(String),
}

/// Parses a port, a range or a service's name, which is `word` or a part of it.
pub(super) fn parse_port(port: &str, word: &str) -> Result<PortWord, PortError> {
    if let Some(number) = parse_digits(port) {
        let port = in_range(number, word)?;
        return Ok(PortWord::Range(port..=port));
    }
    if let Some((first, last)) = port.split_once(['-', ':'])
        && let (Some(first), Some(last)) = (parse_digits(first), parse_digits(last))
    {
        let (start, end) = (in_range(first, word)?, in_range(last, word)?);
        if start > end {
            return Err(PortError::Backwards { word: word.to_owned(), start, end });
        }
        return Ok(PortWord::Range(start..=end));
    }
    // RFC 6335 section 5.1 and what stands in services files: letters, digits, and a few marks.
    let is_name = port.chars().any(|c| c.is_ascii_alphabetic())
        && port.chars().all(|c| c.is_ascii_alphanumeric() || "-_.+/*".contains(c));
    if is_name {
        Ok(PortWord::Service(port.to_owned()))
    } else {
        Err(PortError::NotAPort(word.to_owned()))
    }
}

fn in_range(number: u64, word: &str) -> Result<u16, PortError> {
    let port = u16::try_from(number).ok().filter(|&port| port != 0);
    port.ok_or_else(|| PortError::OutOfRange(word.to_owned()))
}

/// Digits alone are a number, however large.
fn parse_digits(digits: &str) -> Option<u64> {
    is_digits(digits).then(|| digits.parse().unwrap_or(u64::MAX))
}

/// Whether it is digits and nothing else.
pub(super) fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}
