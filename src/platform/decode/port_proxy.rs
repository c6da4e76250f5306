//! The values of the registry below `Services\PortProxy`, one for each rule of `netsh interface portproxy`.
//! Microsoft documents the command and not the values: the name is the address and the port that are listened
//! at, the data those that are connected to, each with a slash between them (`0.0.0.0/8080`, `10.0.0.5/80`).

use crate::model::{Family, PortProxy, Untrusted};

/// A name of DNS has 253 characters (RFC 1035), an address fewer.
const LONGEST: usize = 255;

/// The keys with the rules, below `Services\PortProxy`, and their families.
pub const KEYS: [(&str, (Family, Family)); 4] = [
    (r"v4tov4\tcp", (Family::V4, Family::V4)),
    (r"v4tov6\tcp", (Family::V4, Family::V6)),
    (r"v6tov4\tcp", (Family::V6, Family::V4)),
    (r"v6tov6\tcp", (Family::V6, Family::V6)),
];

/// The rule of a value. None where it is no such rule: an address of another family than its key's is none,
/// nor is a port that is no number.
#[must_use]
pub fn rule(families: (Family, Family), name: &[u16], data: &[u16]) -> Option<PortProxy> {
    let ((listen, port), (connect, connect_port)) = (end(name)?, end(data)?);
    let rule = PortProxy { families, listen, port, connect, connect_port };
    let is_of = |family: Family, address: Option<std::net::IpAddr>| {
        address.is_none_or(|address| address.is_ipv4() == (family == Family::V4))
    };
    let fits = is_of(families.0, rule.listen_address())
        && is_of(families.1, rule.connect_address())
        && rule.connect.as_bytes() != b"*";
    fits.then_some(rule)
}

/// `0.0.0.0/8080`.
fn end(text: &[u16]) -> Option<(Untrusted, u16)> {
    let slash = text.iter().rposition(|unit| *unit == u16::from(b'/'))?;
    let (address, digits) = (text.get(..slash)?, text.get(slash + 1..)?);
    let is_address =
        !address.is_empty() && address.len() <= LONGEST && !address.contains(&u16::from(b'/'));
    let port = port(digits).filter(|_| is_address)?;
    Some((Untrusted::from_wide(address), port))
}

/// Digits and nothing else: no sign.
fn port(digits: &[u16]) -> Option<u16> {
    let digits: String = digits
        .iter()
        .map(|unit| u8::try_from(*unit).ok().map(char::from))
        .collect::<Option<_>>()?;
    let is_number = digits.len() <= 5 && digits.chars().all(|digit| digit.is_ascii_digit());
    digits.parse().ok().filter(|port| is_number && *port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const V4: (Family, Family) = (Family::V4, Family::V4);

    fn read(
        families: (Family, Family),
        name: &str,
        data: &str,
    ) -> Option<(String, u16, String, u16)> {
        let wide = |text: &str| text.encode_utf16().collect::<Vec<_>>();
        let rule = rule(families, &wide(name), &wide(data))?;
        let text = |text: &Untrusted| text.to_lossy();
        Some((text(&rule.listen), rule.port, text(&rule.connect), rule.connect_port))
    }

    #[test]
    fn values_are_rules() {
        for (families, name, data, expected) in [
            (V4, "0.0.0.0/8080", "10.0.0.5/80", ("0.0.0.0", 8080, "10.0.0.5", 80)),
            (V4, "*/65535", "web.example/1", ("*", 65535, "web.example", 1)),
            ((Family::V6, Family::V4), "::1/80", "127.0.0.1/81", ("::1", 80, "127.0.0.1", 81)),
            ((Family::V4, Family::V6), "*/80", "fd00::5/81", ("*", 80, "fd00::5", 81)),
        ] {
            let (listen, port, connect, connect_port) = expected;
            let expected = (listen.to_owned(), port, connect.to_owned(), connect_port);
            assert_eq!(read(families, name, data), Some(expected), "{name} {data}");
        }
    }

    #[test]
    fn what_is_no_rule_is_none() {
        let long = format!("{}/80", "a".repeat(256));
        for (name, data) in [
            ("", ""),
            ("8080", "10.0.0.5/80"),
            ("/8080", "10.0.0.5/80"),
            ("0.0.0.0/", "10.0.0.5/80"),
            ("0.0.0.0/0", "10.0.0.5/80"),
            ("0.0.0.0/65536", "10.0.0.5/80"),
            ("0.0.0.0/+80", "10.0.0.5/80"),
            ("0.0.0.0/000080", "10.0.0.5/80"),
            ("0.0.0.0/http", "10.0.0.5/80"),
            ("0.0.0.0/80/80", "10.0.0.5/80"),
            ("::/80", "10.0.0.5/80"),
            ("0.0.0.0/80", "::1/80"),
            ("0.0.0.0/80", "*/80"),
            ("0.0.0.0/80", "10.0.0.5"),
            ("0.0.0.0/\u{661}", "10.0.0.5/80"),
            ("0.0.0.0/80", &long),
        ] {
            assert_eq!(read(V4, name, data), None, "{name} {data}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(name: Vec<u16>, data: Vec<u16>) {
            let _ = rule(V4, &name, &data);
        }
    }
}
