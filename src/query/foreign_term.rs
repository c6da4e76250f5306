//! A value of `--foreign`: `10.0.0.5`, `10.0.0.0/8`, `10.0.0.5:443`, `[::1]:443`, `:443`.

use std::net::IpAddr;

use ipnet::IpNet;
use thiserror::Error;

use super::host::{LOOPBACK, is_localhost};
use super::port_word::{PortError, PortWord, parse_port};

/// Foreign endpoints, by their address, their port or both.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForeignTerm {
    /// The addresses; none for every one.
    pub networks: Vec<IpNet>,
    /// The port; none for every one.
    pub port: Option<PortWord>,
}

/// What is wrong with a foreign endpoint.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum ForeignError {
    /// No address.
    #[error("not an address or network; examples: 10.0.0.0/8, ::1, 10.0.0.5:443, [::1]:443")]
    NotAnAddress,
    /// A port alone.
    #[error("not an address; for a port at any address, use --foreign-port")]
    PortAlone,
    /// An address, and no port after it.
    #[error(transparent)]
    Port(#[from] PortError),
}

impl ForeignTerm {
    /// Parses a word.
    ///
    /// # Errors
    /// [`ForeignError`], which says what would be right.
    pub fn parse(word: &str) -> Result<Self, ForeignError> {
        if let Some(networks) = networks(word) {
            return Ok(Self { networks, port: None });
        }
        if word.parse::<u64>().is_ok() {
            return Err(ForeignError::PortAlone);
        }
        let (address, port) = word.rsplit_once(':').ok_or(ForeignError::NotAnAddress)?;
        let networks = match address {
            "" | "*" => Vec::new(),
            // Without brackets the last colon may be the address's own.
            _ if address.contains(':') && !word.contains(['[', '/']) => {
                return Err(PortError::NoBrackets(word.to_owned()).into());
            }
            address => networks(address).ok_or(ForeignError::NotAnAddress)?,
        };
        Ok(Self { networks, port: Some(parse_port(port, word)?) })
    }
}

/// An address, a network or `localhost`; an IPv6 address may be in brackets.
fn networks(text: &str) -> Option<Vec<IpNet>> {
    if is_localhost(text) {
        return Some(LOOPBACK.map(IpNet::from).to_vec());
    }
    let without_brackets = text.strip_prefix('[').and_then(|text| {
        let (inside, behind) = text.split_once(']')?;
        let is_network = behind.is_empty() || behind.starts_with('/');
        is_network.then(|| format!("{inside}{behind}"))
    });
    Some(vec![network(without_brackets.as_deref().unwrap_or(text))?])
}

/// An address, or a network. Bits after the prefix are ignored.
pub(crate) fn network(word: &str) -> Option<IpNet> {
    let address = || word.parse::<IpAddr>().map(|address| IpNet::from(address.to_canonical()));
    word.parse::<IpNet>().map(unmapped).or_else(|_| address()).ok()
}

/// A network of v4-mapped addresses is the IPv4 network: such sockets are shown as IPv4.
fn unmapped(network: IpNet) -> IpNet {
    const MAPPED: u8 = 96;
    let address = network.addr().to_canonical();
    let length = network.prefix_len().checked_sub(MAPPED);
    match (network, address, length) {
        (IpNet::V6(_), IpAddr::V4(_), Some(length)) => {
            IpNet::new(address, length).unwrap_or(network)
        }
        _ => network,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(networks: &[&str], port: Option<u16>) -> ForeignTerm {
        ForeignTerm {
            networks: networks.iter().map(|network| network.parse().unwrap()).collect(),
            port: port.map(|port| PortWord::Range(port..=port)),
        }
    }

    #[test]
    fn addresses_networks_and_ports_combine() {
        for (word, expected) in [
            ("10.0.0.5", of(&["10.0.0.5/32"], None)),
            ("10.0.0.5:443", of(&["10.0.0.5/32"], Some(443))),
            ("10.0.0.0/8:443", of(&["10.0.0.0/8"], Some(443))),
            ("::1", of(&["::1/128"], None)),
            ("[::1]", of(&["::1/128"], None)),
            ("[::1]:443", of(&["::1/128"], Some(443))),
            ("fe80::/10:443", of(&["fe80::/10"], Some(443))),
            ("[fe80::]/10:443", of(&["fe80::/10"], Some(443))),
            ("localhost:443", of(&["127.0.0.1/32", "::1/128"], Some(443))),
            ("localhost", of(&["127.0.0.1/32", "::1/128"], None)),
            (":443", of(&[], Some(443))),
            ("*:443", of(&[], Some(443))),
        ] {
            assert_eq!(ForeignTerm::parse(word), Ok(expected), "{word}");
        }
        let service = ForeignTerm::parse("10.0.0.5:https").unwrap().port;
        assert_eq!(service, Some(PortWord::Service("https".into())));
    }

    #[test]
    fn errors_say_what_would_be_right() {
        for word in ["10.0.0.0/33", "nowhere", "", "[::1", "web:443", "[::1]443"] {
            assert_eq!(ForeignTerm::parse(word), Err(ForeignError::NotAnAddress), "{word}");
        }
        assert_eq!(ForeignTerm::parse("443"), Err(ForeignError::PortAlone));
        for (word, why) in [
            ("10.0.0.1:0", "ports are 1 to 65535"),
            ("10.0.0.1:", "not a port"),
            ("fe80::1%eth0:443", "write an IPv6 address in brackets"),
        ] {
            let error = ForeignTerm::parse(word).unwrap_err().to_string();
            assert!(error.contains(why), "{error}");
        }
    }

    #[test]
    fn mapped_networks_are_ipv4() {
        assert_eq!(network("::ffff:10.0.0.5"), network("10.0.0.5"));
        assert_eq!(network("::ffff:10.0.0.0/104"), network("10.0.0.0/8"));
    }
}
