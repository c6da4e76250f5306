//! A PORT as it is typed: `80`, `80,443`, `8000-8010`, `:80`, `http`, `127.0.0.1:80`, `[::1]:80`.

use std::net::IpAddr;

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

/// An address, and the interface it is on where one was given (`fe80::1%eth0`).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScopedAddress {
    /// The address; a v4-mapped one is IPv4.
    pub address: IpAddr,
    /// The interface's name or index.
    pub zone: Option<String>,
}

/// One of the PORTs that were typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortTerm {
    /// The address in front of the port.
    pub address: Option<ScopedAddress>,
    /// The port itself.
    pub port: PortWord,
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
    #[error("port '{word}': '{address}' is not an address")]
    NotAnAddress {
        /// What was typed.
        word: String,
        /// The part at fault.
        address: String,
    },
    /// An IPv6 address and a port without brackets, which can be read in two ways.
    #[error("port '{0}': write an IPv6 address in brackets, as in [::1]:80")]
    NoBrackets(String),
    /// Neither a number nor a name.
    #[error(
        "port '{0}': not a port; examples: 80, 80,443, 8000-8010, http, 127.0.0.1:80, [::1]:80"
    )]
    NotAPort(String),
}

impl PortTerm {
    /// Parses a word, which may be a list.
    ///
    /// # Errors
    /// [`PortError`], which names the part at fault.
    pub fn parse_list(words: &str) -> Result<Vec<Self>, PortError> {
        let part = |word: &str| match word {
            "" => Err(PortError::NotAPort(words.to_owned())),
            word => Self::parse(word),
        };
        words.split(',').map(part).collect()
    }

    fn parse(word: &str) -> Result<Self, PortError> {
        let (address, port) = split_address(word)?;
        Ok(Self { address, port: parse_port(port, word)? })
    }
}

/// Splits `127.0.0.1:80`, `[::1]:80`, `*:80` and `:80` at the colon before the port.
fn split_address(word: &str) -> Result<(Option<ScopedAddress>, &str), PortError> {
    let not_an_address = |address: &str| PortError::NotAnAddress {
        word: word.to_owned(),
        address: address.to_owned(),
    };
    if let Some(bracketed) = word.strip_prefix('[') {
        let not_a_port = || PortError::NotAPort(word.to_owned());
        let (inside, port) = bracketed.split_once("]:").ok_or_else(not_a_port)?;
        let address = parse_address(inside).ok_or_else(|| not_an_address(inside))?;
        return Ok((Some(address), port));
    }
    match word.rsplit_once(':') {
        None => Ok((None, word)),
        Some(("" | "*", port)) => Ok((None, port)),
        Some((address, _)) if address.contains(':') => Err(PortError::NoBrackets(word.to_owned())),
        Some((address, port)) => {
            let parsed = parse_address(address).ok_or_else(|| not_an_address(address))?;
            Ok((Some(parsed), port))
        }
    }
}

fn parse_address(text: &str) -> Option<ScopedAddress> {
    let (plain, zone) = split_zone(text);
    let address: IpAddr = plain.parse().ok()?;
    Some(ScopedAddress { address: address.to_canonical(), zone })
}

fn split_zone(text: &str) -> (&str, Option<String>) {
    match text.split_once('%') {
        Some((plain, zone)) => (plain, Some(zone.to_owned())),
        None => (text, None),
    }
}

fn parse_port(port: &str, word: &str) -> Result<PortWord, PortError> {
    let in_range = |number: u64| {
        let port = u16::try_from(number).ok().filter(|&port| port != 0);
        port.ok_or_else(|| PortError::OutOfRange(word.to_owned()))
    };
    if let Some(number) = parse_digits(port) {
        let port = in_range(number)?;
        return Ok(PortWord::Range(port..=port));
    }
    if let Some((first, last)) = port.split_once('-')
        && let (Some(first), Some(last)) = (parse_digits(first), parse_digits(last))
    {
        let (start, end) = (in_range(first)?, in_range(last)?);
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

/// Digits alone are a number, however large.
fn parse_digits(digits: &str) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    all_digits.then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn one(word: &str) -> PortTerm {
        PortTerm::parse_list(word).unwrap().remove(0)
    }

    fn at(address: &str, port: u16) -> PortTerm {
        let address = ScopedAddress { address: address.parse().unwrap(), zone: None };
        PortTerm { address: Some(address), port: PortWord::Range(port..=port) }
    }

    #[test]
    fn every_form_of_a_port_is_understood() {
        for word in ["80", ":80", "*:80", "080"] {
            assert_eq!(one(word), PortTerm { address: None, port: PortWord::Range(80..=80) });
        }
        assert_eq!(one("8000-8010").port, PortWord::Range(8000..=8010));
        assert_eq!(one("http").port, PortWord::Service("http".into()));
        assert_eq!(one("rmi-registry").port, PortWord::Service("rmi-registry".into()));
        assert_eq!(one("127.0.0.1:80"), at("127.0.0.1", 80));
        assert_eq!(one("[::1]:80"), at("::1", 80));
        assert_eq!(one("[127.0.0.1]:80"), at("127.0.0.1", 80));
        assert_eq!(one("[::ffff:10.0.0.5]:80"), at("10.0.0.5", 80));
        assert_eq!(one("[fe80::1%eth0]:80").address.unwrap().zone.as_deref(), Some("eth0"));
        assert_eq!(PortTerm::parse_list("80,443,[::1]:8000-8010").unwrap().len(), 3);
        assert_eq!(one("65535").port, PortWord::Range(65535..=65535));
    }

    #[test]
    fn every_error_names_the_word_at_fault() {
        let cases = [
            ("0", "port '0': ports are 1 to 65535"),
            ("65536", "port '65536': ports are 1 to 65535"),
            ("80,99999999999", "port '99999999999': ports are 1 to 65535"),
            ("0-80", "port '0-80': ports are 1 to 65535"),
            ("90-80", "port '90-80': range ends before it begins; did you mean 80-90?"),
            ("::1:80", "port '::1:80': write an IPv6 address in brackets, as in [::1]:80"),
            ("1.2.3:80", "port '1.2.3:80': '1.2.3' is not an address"),
            ("[1.2.3]:80", "port '[1.2.3]:80': '1.2.3' is not an address"),
        ];
        for (word, expected) in cases {
            assert_eq!(PortTerm::parse_list(word).unwrap_err().to_string(), expected);
        }
        for word in ["", "80,", "-80", "80-", "8o!", "[::1]", "[::1]80", "-", "1-2-3", "١"] {
            let error = PortTerm::parse_list(word).unwrap_err();
            assert!(matches!(error, PortError::NotAPort(_)), "{word}: {error}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_its_own_port_and_no_other(port in 1_u16..) {
            prop_assert_eq!(one(&port.to_string()).port, PortWord::Range(port..=port));
        }

        #[test]
        fn no_word_makes_the_parser_panic(word: String) {
            let _ = PortTerm::parse_list(&word);
        }
    }
}
