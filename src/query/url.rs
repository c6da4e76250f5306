//! A URL in a PORT's place, as it is copied from a browser or a log: its host and its port.

use http::Uri;

use super::Host;
use super::port_word::{PortError, PortWord, parse_port};
use crate::model::PortRange;

/// Schemes whose port does not depend on a services file: those that browsers know (URL Standard,
/// "special scheme", url.spec.whatwg.org).
const SCHEMES: [(&str, u16); 5] =
    [("http", 80), ("https", 443), ("ws", 80), ("wss", 443), ("ftp", 21)];

/// Whether a word begins as a URL does: `scheme://` (RFC 3986 section 3.1).
pub(super) fn is_url(word: &str) -> bool {
    let scheme = word.split_once("://").map(|(scheme, _)| scheme);
    scheme.is_some_and(|scheme| {
        scheme.starts_with(|c: char| c.is_ascii_alphabetic())
            && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
    })
}

/// The host and the port that a URL means. Its path and its query mean nothing here.
pub(super) fn parse(word: &str) -> Result<(Host, PortWord), PortError> {
    let not_a_url = || PortError::NotAUrl(word.to_owned());
    let uri: Uri = word.parse().map_err(|_| not_a_url())?;
    let (scheme, authority) = (uri.scheme_str(), uri.authority());
    let (scheme, authority) = scheme.zip(authority).ok_or_else(not_a_url)?;
    // A name and a password may stand before the host.
    let behind = authority.as_str().rsplit('@').next().unwrap_or_default();
    let (host, port) = split_port(behind);
    let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
    let known = Host::parse(bare).ok_or_else(|| PortError::NotAnAddress {
        word: word.to_owned(),
        address: host.to_owned(),
    })?;
    let port = match port {
        None | Some("") => port_of_scheme(scheme),
        Some(digits) => match parse_port(digits, word)? {
            PortWord::Range(range) if is_single(&range) => PortWord::Range(range),
            _ => return Err(not_a_url()),
        },
    };
    Ok((known, port))
}

/// Splits `localhost:3000` and `[::1]:3000`.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_single(range: &PortRange) -> bool {
    range.start() == range.end()
}

fn port_of_scheme(scheme: &str) -> PortWord {
    let scheme = scheme.to_ascii_lowercase();
    match SCHEMES.iter().find(|(known, _)| *known == scheme) {
        Some((_, port)) => PortWord::Range(*port..=*port),
        None => PortWord::Service(scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::super::PortTerm;
    use super::*;

    fn written(word: &str) -> String {
        let term = |(host, port)| PortTerm { host: Some(host), port, protocol: None }.to_string();
        parse(word).map_or_else(|error| error.to_string(), term)
    }

    #[test]
    fn a_url_is_its_host_and_its_port() {
        for (url, expected) in [
            ("http://localhost:3000/x", "localhost:3000"),
            ("http://LocalHost:3000", "localhost:3000"),
            ("HTTP://127.0.0.1", "127.0.0.1:80"),
            ("https://[::1]/a,b?c=d,e#f:80", "[::1]:443"),
            ("https://[::1]:8443", "[::1]:8443"),
            ("ws://me:secret@localhost:9229/id?filter[x]=y", "localhost:9229"),
            ("http://localhost:/", "localhost:80"),
            ("http://localhost:3000/tcp", "localhost:3000"),
            ("redis://localhost/0", "localhost:redis"),
            ("http://[::ffff:10.0.0.5]:80/", "10.0.0.5:80"),
        ] {
            assert_eq!(written(url), expected, "{url}");
        }
    }

    #[test]
    fn an_invalid_url_says_why() {
        let out_of_range = "port 'http://localhost:70000/': ports are 1 to 65535";
        assert_eq!(written("http://localhost:70000/"), out_of_range);
        let elsewhere = "port 'http://example.com/': 'example.com' is not an address or localhost";
        assert_eq!(written("http://example.com/"), elsewhere);
        for word in ["http://", "http:///x", "http://localhost:80-90/", "http://local host/"] {
            let expected = format!("port '{word}': not a URL; example: http://localhost:3000/");
            assert_eq!(written(word), expected);
        }
    }

    #[test]
    fn only_a_scheme_begins_a_url() {
        for word in ["http://x", "a+b-c.d://", "x://y://z"] {
            assert!(is_url(word), "{word}");
        }
        for word in ["://x", "1a://x", "80,http://x", "http:/x", "80"] {
            assert!(!is_url(word), "{word}");
        }
    }
}
