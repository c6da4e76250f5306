//! A PORT as it is typed: `80`, `80,443`, `8000-8010`, `8000:8010`, `:80`, `http`, `53/udp`,
//! `127.0.0.1:80`, `[::1]:80`, `localhost:80`, `http://localhost:80/`.

use std::fmt;
use std::net::Ipv6Addr;

use super::port_word::{PortError, PortWord, is_digits, parse_port};
use super::{Host, network, url};
use crate::model::Protocol;

/// One of the PORTs that were typed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PortTerm {
    /// The host in front of the port.
    pub host: Option<Host>,
    /// The port itself.
    pub port: PortWord,
    /// The protocol after the port, which concerns this term alone.
    pub protocol: Option<Protocol>,
}

impl PortTerm {
    /// Parses a word, which may be a list. A URL, whose path may contain commas, is the last of it.
    ///
    /// # Errors
    /// [`PortError`], which names the part at fault.
    pub fn parse_list(words: &str) -> Result<Vec<Self>, PortError> {
        let (mut terms, mut rest) = (Vec::new(), words);
        while !url::is_url(rest) {
            let Some((first, more)) = rest.split_once(',') else {
                terms.push(Self::parse_part(rest, words)?);
                return Ok(terms);
            };
            terms.push(Self::parse_part(first, words)?);
            rest = more;
        }
        let (host, end) = url::parse(rest)?;
        terms.push(Self { host: Some(host), port: end, protocol: None });
        Ok(terms)
    }

    /// One of the `words` between commas.
    fn parse_part(word: &str, words: &str) -> Result<Self, PortError> {
        if word.is_empty() {
            return Err(PortError::NotAPort(words.to_owned()));
        }
        match without_port(word).or_else(|| protocol_first(word)) {
            Some(error) => Err(error),
            None => Self::parse(word),
        }
    }

    fn parse(word: &str) -> Result<Self, PortError> {
        let (end, protocol) = split_protocol(word);
        let (host, port) = split_host(end, word)?;
        Ok(Self { host, port: parse_port(port, word)?, protocol })
    }
}

/// As it can be typed.
impl fmt::Display for PortTerm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(host) = &self.host {
            write!(f, "{host}:")?;
        }
        match &self.port {
            PortWord::Range(range) if range.start() == range.end() => range.start().fmt(f),
            PortWord::Range(range) => write!(f, "{}-{}", range.start(), range.end()),
            PortWord::Service(name) => f.write_str(name),
        }?;
        self.protocol.map_or(Ok(()), |protocol| write!(f, "/{}", protocol.word()))
    }
}

/// Splits `53/udp`. Any other slash is part of a service's name.
fn split_protocol(word: &str) -> (&str, Option<Protocol>) {
    let behind = word.rsplit_once('/').and_then(|(end, last)| {
        let is = |protocol: &Protocol| last.eq_ignore_ascii_case(protocol.word());
        Some((end, [Protocol::Tcp, Protocol::Udp].into_iter().find(is)?))
    });
    behind.map_or((word, None), |(end, protocol)| (end, Some(protocol)))
}

/// Splits `127.0.0.1:80`, `[::1]:80`, `localhost:80`, `*:80` and `:80` at the colon before the port,
/// which is the first one but for IPv6: `8000:8010` is a range.
fn split_host<'a>(end: &'a str, word: &str) -> Result<(Option<Host>, &'a str), PortError> {
    if let Some(bracketed) = end.strip_prefix('[') {
        let not_a_port = || PortError::NotAPort(word.to_owned());
        let (inside, port) = bracketed.split_once("]:").ok_or_else(not_a_port)?;
        let host = Host::parse(inside).filter(|host| *host != Host::Localhost);
        return Ok((Some(host.ok_or_else(|| not_an_address(word, inside))?), port));
    }
    let no_brackets = || PortError::NoBrackets(word.to_owned());
    match end.split_once(':') {
        None => Ok((None, end)),
        // A range, or no port at all.
        Some((first, _)) if first.split('-').all(is_digits) => Ok((None, end)),
        // `::1` begins like `:80`.
        Some(("", port)) if port.starts_with(':') => Err(no_brackets()),
        Some(("" | "*", port)) => Ok((None, port)),
        Some((host, port)) => match Host::parse(host) {
            Some(host) => Ok((Some(host), port)),
            None if port.contains(':') => Err(no_brackets()),
            None => Err(not_an_address(word, host)),
        },
    }
}

/// The error of an address, a network or `localhost` alone.
fn without_port(word: &str) -> Option<PortError> {
    let bare = word.strip_prefix('[').and_then(|inside| inside.strip_suffix(']'));
    let networks = match Host::parse(bare.unwrap_or(word)) {
        _ if bare.is_none() && may_have_port(word) => return None,
        Some(host) => {
            host.addresses().iter().map(|found| found.address.to_string()).collect::<Vec<_>>()
        }
        None => network(word).map(|_| vec![word.to_owned()])?,
    };
    let options: Vec<String> = networks.iter().map(|one| format!("--local {one}")).collect();
    Some(PortError::NoPort { word: word.to_owned(), options: options.join(" ") })
}

/// Whether an IPv6 address without brackets may be one with a port: `::1:80`.
fn may_have_port(word: &str) -> bool {
    let split = word.rsplit_once(':');
    split.is_some_and(|(before, port)| is_digits(port) && before.parse::<Ipv6Addr>().is_ok())
}

/// The error of `tcp/8080` and `udp:53`, which other programs take.
fn protocol_first(word: &str) -> Option<PortError> {
    let (first, port) = word.split_once(['/', ':'])?;
    let protocols = [Protocol::Tcp, Protocol::Udp];
    let protocol = protocols.iter().find(|it| first.eq_ignore_ascii_case(it.word()))?;
    let range = matches!(parse_port(port, word), Ok(PortWord::Range(_)));
    let meant = format!("{port}/{}", protocol.word());
    range.then(|| PortError::ProtocolFirst { word: word.to_owned(), meant })
}

fn not_an_address(word: &str, address: &str) -> PortError {
    PortError::NotAnAddress { word: word.to_owned(), address: address.to_owned() }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::PortRange;

    fn one(word: &str) -> PortTerm {
        PortTerm::parse_list(word).unwrap().remove(0)
    }

    fn any(port: PortRange) -> PortTerm {
        PortTerm { host: None, port: PortWord::Range(port), protocol: None }
    }

    fn at(address: &str, port: u16) -> PortTerm {
        PortTerm { host: Host::parse(address), ..any(port..=port) }
    }

    #[test]
    fn every_form_of_a_port_is_understood() {
        for word in ["80", ":80", "*:80", "080"] {
            assert_eq!(one(word), any(80..=80));
        }
        for word in ["8000-8010", "8000:8010", ":8000:8010", "*:8000-8010"] {
            assert_eq!(one(word), any(8000..=8010), "{word}");
        }
        assert_eq!(one("http").port, PortWord::Service("http".into()));
        assert_eq!(one("rmi-registry").port, PortWord::Service("rmi-registry".into()));
        assert_eq!(one("127.0.0.1:80"), at("127.0.0.1", 80));
        assert_eq!(one("[::1]:80"), at("::1", 80));
        assert_eq!(one("[127.0.0.1]:80"), at("127.0.0.1", 80));
        assert_eq!(one("[::ffff:10.0.0.5]:80"), at("10.0.0.5", 80));
        assert_eq!(one("LOCALHOST:80"), at("localhost", 80));
        assert_eq!(one("[fe80::1%eth0]:80").to_string(), "[fe80::1%eth0]:80");
        assert_eq!(PortTerm::parse_list("80,443,[::1]:8000-8010").unwrap().len(), 3);
        assert_eq!(one("65535"), any(65535..=65535));
    }

    #[test]
    fn only_a_protocol_at_the_end_is_one() {
        let of = |term: PortTerm, protocol| PortTerm { protocol: Some(protocol), ..term };
        assert_eq!(one("53/udp"), of(any(53..=53), Protocol::Udp));
        assert_eq!(one("3000/TCP"), of(any(3000..=3000), Protocol::Tcp));
        assert_eq!(one("8000-8010/tcp"), of(any(8000..=8010), Protocol::Tcp));
        assert_eq!(one("127.0.0.1:53/udp"), of(at("127.0.0.1", 53), Protocol::Udp));
        let forms = "localhost:8000:8010/tcp,[::1]:53/udp,http/tcp";
        let written: Vec<String> =
            PortTerm::parse_list(forms).unwrap().iter().map(ToString::to_string).collect();
        assert_eq!(written, ["localhost:8000-8010/tcp", "[::1]:53/udp", "http/tcp"]);
        for name in ["a/b", "tcp/mux", "x/sctp"] {
            assert_eq!(one(name).port, PortWord::Service(name.into()));
        }
        assert_eq!(
            one("a/tcp/udp"),
            of(PortTerm { port: PortWord::Service("a/tcp".into()), ..any(1..=1) }, Protocol::Udp)
        );
    }

    #[test]
    fn a_url_ends_a_list() {
        let written = |words| -> Vec<String> {
            PortTerm::parse_list(words).unwrap().iter().map(ToString::to_string).collect()
        };
        assert_eq!(written("http://localhost:3000/a,b"), ["localhost:3000"]);
        assert_eq!(written("80,53/udp,http://[::1]/?x=1,2"), ["80", "53/udp", "[::1]:80"]);
    }

    #[test]
    fn every_error_names_the_word_at_fault() {
        let cases = [
            ("0", "port '0': ports are 1 to 65535"),
            ("65536", "port '65536': ports are 1 to 65535"),
            ("80,99999999999", "port '99999999999': ports are 1 to 65535"),
            ("0-80", "port '0-80': ports are 1 to 65535"),
            ("0/udp", "port '0/udp': ports are 1 to 65535"),
            ("90-80", "port '90-80': range ends before it begins; did you mean 80-90?"),
            ("8080:80", "port '8080:80': range ends before it begins; did you mean 80-8080?"),
            ("::1:80", "port '::1:80': write an IPv6 address in brackets, as in [::1]:80"),
            ("fe80::1:80", "port 'fe80::1:80': write an IPv6 address in brackets, as in [::1]:80"),
            ("1.2.3:80", "port '1.2.3:80': '1.2.3' is not an address or localhost"),
            ("web:80", "port 'web:80': 'web' is not an address or localhost"),
            ("[1.2.3]:80", "port '[1.2.3]:80': '1.2.3' is not an address or localhost"),
        ];
        for (word, expected) in cases {
            assert_eq!(PortTerm::parse_list(word).unwrap_err().to_string(), expected);
        }
        for word in [
            "",
            "80,",
            "-80",
            "80-",
            "8o!",
            "[::1]80",
            "-",
            "1-2-3",
            "١",
            "/tcp",
            "80:",
            "localhost:",
            "80:http",
            "80-90:100",
        ] {
            let error = PortTerm::parse_list(word).unwrap_err();
            assert!(matches!(error, PortError::NotAPort(_)), "{word}: {error}");
        }
        for word in ["[::1]", "::1", "fe80::1%eth0", "127.0.0.1", "10.0.0.0/8", "LocalHost"] {
            let error = PortTerm::parse_list(word).unwrap_err();
            assert!(matches!(error, PortError::NoPort { .. }), "{word}: {error}");
        }
        for (word, expected) in [("tcp/80", "80/tcp"), ("UDP:53", "53/udp")] {
            let error = PortTerm::parse_list(word).unwrap_err();
            assert!(error.to_string().ends_with(&format!("did you mean {expected}?")), "{error}");
        }
    }

    proptest! {
        #[test]
        fn a_number_is_its_own_port_and_no_other(port in 1_u16..) {
            prop_assert_eq!(one(&port.to_string()), any(port..=port));
        }

        #[test]
        fn a_term_is_what_it_is_written_as(
            word in "(localhost:|127\\.0\\.0\\.[0-9]:|\\[::[0-9a-f]\\]:|:)?[1-9][0-9]{0,3}(-9{4})?(/(tcp|udp))?",
        ) {
            let term = one(&word);
            prop_assert_eq!(one(&term.to_string()), term);
        }

        #[test]
        fn no_word_makes_the_parser_panic(word: String) {
            let _ = PortTerm::parse_list(&word);
        }
    }
}
