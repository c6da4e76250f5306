//! The values of labels: text that was escaped and cut, and what is reduced to a few words.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use crate::model::{PortRange, Socket, Untrusted};
use crate::query::PortSet;
use crate::text::escape::{Escaped, beginning};

/// How many bytes a value has at most.
const LONGEST: usize = 64;

/// The value of a label: escaped as in the tables, and no longer than 64 bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LabelValue(std::borrow::Cow<'static, str>);

impl LabelValue {
    /// No value, which Prometheus does not tell from a label that is not there.
    pub const NONE: Self = Self::word("");
    /// What is not told apart.
    pub const OTHER: Self = Self::word("other");

    /// A word of portwho's own.
    #[must_use]
    pub const fn word(word: &'static str) -> Self {
        Self(std::borrow::Cow::Borrowed(word))
    }

    /// What others chose. It is not cut inside of an escape or a character.
    #[must_use]
    pub fn of(text: &Untrusted) -> Self {
        let escaped = Escaped(text).to_string();
        Self(beginning(&escaped, LONGEST, LONGEST).to_owned().into())
    }

    /// As it is written, before the format quotes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Where a socket listens.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Bind {
    /// At every address.
    Any,
    /// Within the machine.
    Loopback,
    /// On its link (RFC 3927, RFC 4291).
    LinkLocal,
    /// In private networks (RFC 1918, RFC 4193, RFC 6598).
    Private,
    /// Anywhere.
    Global,
}

impl Bind {
    /// Where a socket listens: one that is tied to the loopback interface listens there only.
    #[must_use]
    pub fn of(socket: &Socket) -> Self {
        match socket.local.address {
            _ if socket.is_on_loopback() => Self::Loopback,
            IpAddr::V4(address) => Self::of_v4(address),
            IpAddr::V6(address) => Self::of_v6(address),
        }
    }

    fn of_v4(address: Ipv4Addr) -> Self {
        match address.octets() {
            [0, 0, 0, 0] => Self::Any,
            [127, ..] => Self::Loopback,
            // 224.0.0.0/24 is not forwarded (RFC 5771), 239.0.0.0/8 stays in a site (RFC 2365).
            [169, 254, ..] | [224, 0, 0, _] => Self::LinkLocal,
            [10 | 239, ..] | [172, 16..=31, ..] | [192, 168, ..] | [100, 64..=127, ..] => {
                Self::Private
            }
            _ => Self::Global,
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        if address.is_unspecified() {
            return Self::Any;
        }
        if address.is_loopback() {
            return Self::Loopback;
        }
        let [first, ..] = address.segments();
        match first {
            0xfe80..=0xfebf => Self::LinkLocal,
            0xfc00..=0xfdff => Self::Private,
            // The scope of a group (RFC 7346): this machine, its link, up to its organization.
            0xff00..=0xffff => match first & 0xf {
                0 | 1 => Self::Loopback,
                2 => Self::LinkLocal,
                3..=8 => Self::Private,
                _ => Self::Global,
            },
            _ => Self::Global,
        }
    }

    /// Its word.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Any => "any",
            Self::Loopback => "loopback",
            Self::LinkLocal => "link_local",
            Self::Private => "private",
            Self::Global => "global",
        }
    }
}

/// The port of a listener.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum PortLabel {
    /// This one.
    Number(u16),
    /// One that is handed out to those who ask for any.
    Ephemeral,
    /// One of more than its user may have.
    Other,
}

impl PortLabel {
    /// Its value.
    #[must_use]
    pub fn value(self) -> LabelValue {
        match self {
            Self::Number(port) => LabelValue(port.to_string().into()),
            Self::Ephemeral => LabelValue::word("ephemeral"),
            Self::Other => LabelValue::OTHER,
        }
    }
}

/// Where the range is not known: from the least of Linux' and Windows' defaults on.
const USUAL: PortRange = 32_768..=u16::MAX;

/// Which ports are told apart.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct PortRanges {
    /// Those that are handed out; none where that is not known.
    pub ephemeral: Option<PortRange>,
    /// Those that are never handed out, be they in that range.
    pub reserved: PortSet,
    /// Those that the user named.
    pub named: PortSet,
}

impl PortRanges {
    /// The port as a label.
    #[must_use]
    pub fn label(&self, port: u16) -> PortLabel {
        let is_known = self.is_named(port) || self.reserved.contains(port);
        let range = self.ephemeral.as_ref().unwrap_or(&USUAL);
        if range.contains(&port) && !is_known {
            PortLabel::Ephemeral
        } else {
            PortLabel::Number(port)
        }
    }

    /// Whether the user named it.
    #[must_use]
    pub fn is_named(&self, port: u16) -> bool {
        self.named.contains(port)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::model::{Endpoint, Protocol};

    fn value(bytes: &[u8]) -> String {
        LabelValue::of(&Untrusted::new(bytes)).as_str().to_owned()
    }

    #[test]
    fn hostile_values_are_escaped_as_in_tables() {
        for (bytes, expected) in [
            (&b"nginx"[..], "nginx"),
            (b"a\"} 1\nportwho_up 1", "a\"} 1\\nportwho_up 1"),
            (b"a\\b", "a\\\\b"),
            (b"\xff\xfe", "\\xff\\xfe"),
            ("\u{202e}x".as_bytes(), "\\u{202e}x"),
            (b"", ""),
        ] {
            assert_eq!(value(bytes), expected);
        }
    }

    #[test]
    fn values_are_cut_between_characters_and_escapes() {
        assert_eq!(value(&[b'a'; 200]), "a".repeat(64));
        assert_eq!(value("\u{e4}".repeat(40).as_bytes()), "\u{e4}".repeat(32));
        assert_eq!(value(format!("a{}", "\u{65e5}".repeat(40)).as_bytes()).len(), 64);
        assert_eq!(value(&[0xff; 17]), "\\xff".repeat(16));
        assert_eq!(value(&[&[b'a'; 62][..], b"\xff"].concat()), "a".repeat(62));
    }

    fn bind(address: &str) -> &'static str {
        let local = Endpoint::new(address.parse().unwrap(), 80);
        Bind::of(&Socket::at(Protocol::Tcp, local)).word()
    }

    #[test]
    fn addresses_are_five_words() {
        for (addresses, expected) in [
            (&["0.0.0.0", "::"][..], "any"),
            (&["127.0.0.1", "127.255.0.9", "::1", "::ffff:127.0.0.1", "ff01::1"], "loopback"),
            (&["169.254.0.1", "fe80::1", "febf::1", "224.0.0.251", "ff02::fb"], "link_local"),
            (&["10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1"], "private"),
            (&["100.64.0.1", "fc00::1", "fdff::1", "239.255.255.250", "ff05::2"], "private"),
            (&["8.8.8.8", "172.32.0.1", "192.169.0.1", "2001:db8::1", "fec0::1"], "global"),
            (&["100.128.0.1", "224.0.1.1", "ff0e::1", "1.0.0.0"], "global"),
        ] {
            for address in addresses {
                assert_eq!(bind(address), expected, "{address}");
            }
        }
    }

    #[test]
    fn what_is_tied_to_the_loopback_interface_listens_there() {
        let local = Endpoint::new([0, 0, 0, 0].into(), 80);
        let tied = Socket { interface: Some(1), ..Socket::at(Protocol::Tcp, local) };
        assert_eq!(Bind::of(&tied), Bind::Loopback);
    }

    #[test]
    fn ports_that_are_handed_out_are_one() {
        let ranges = PortRanges {
            ephemeral: Some(32_768..=60_999),
            reserved: PortSet::from_iter([40_000..=40_001]),
            named: PortSet::from_iter([50_051..=50_051]),
        };
        for (port, expected) in [
            (80, "80"),
            (32_767, "32767"),
            (32_768, "ephemeral"),
            (40_000, "40000"),
            (50_051, "50051"),
            (60_999, "ephemeral"),
            (61_000, "61000"),
        ] {
            assert_eq!(ranges.label(port).value().as_str(), expected);
        }
        let unknown = PortRanges::default();
        assert_eq!(unknown.label(61_000), PortLabel::Ephemeral);
        assert_eq!(unknown.label(8080), PortLabel::Number(8080));
    }

    proptest! {
        #[test]
        fn no_value_is_long_or_ends_a_line(bytes: Vec<u8>) {
            let value = value(&bytes);
            prop_assert!(value.len() <= LONGEST && !value.contains('\n'));
        }
    }
}
