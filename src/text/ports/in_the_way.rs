//! What is said of sockets in the way of an address that no socket holds.

use crate::text::advice::listed;

/// How sockets are in the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum How {
    /// At every address.
    Covering,
    /// At every address, where another socket may be bound to one of them all the same.
    Beside,
    /// At every address of IPv6, and so of IPv4.
    DualStack,
    /// At one of the addresses that were asked for.
    Within,
}

/// A socket that does not listen leaves room for another.
pub const UNLESS_SHARED: &str = ", unless both set SO_REUSEADDR";

/// Windows lets a socket at one address be bound beside one at every address ("Using SO_REUSEADDR and
/// SO_EXCLUSIVEADDRUSE").
const UNLESS_EXCLUSIVE: &str = ", and a bind to it succeeds unless one of both sets \
                                SO_EXCLUSIVEADDRUSE";

/// `127.0.0.1:80: no socket is bound to exactly this address; 0.0.0.0:80 covers it`. `shared` is whether
/// two sockets that set SO_REUSEADDR can both be bound.
#[must_use]
pub fn remark(asked: &str, how: How, sockets: &[String], shared: bool) -> String {
    let (s, named) = (if sockets.len() == 1 { "s" } else { "" }, listed(sockets));
    let way = match how {
        How::Covering => format!("{named} cover{s} it"),
        How::Beside => format!("{named} answer{s} there{UNLESS_EXCLUSIVE}"),
        How::DualStack => format!("{named} cover{s} it (dual-stack: IPv4 too)"),
        How::Within => format!("{named} block{s} a bind to it"),
    };
    let unless = if shared { UNLESS_SHARED } else { "" };
    format!("{asked}: no socket is bound to exactly this address; {way}{unless}")
}

/// `0.0.0.0:80 covers 127.0.0.1:80`, before a question. Where others may be bound to that address beside
/// them, they only answer there.
#[must_use]
pub fn covers(sockets: &[String], asked: &[String], blocks: bool) -> String {
    let s = if sockets.len() == 1 { "s" } else { "" };
    let verb = if blocks { "cover" } else { "answer" };
    let at = if blocks { "" } else { "at " };
    format!("{} {verb}{s} {at}{}", listed(sockets), listed(asked))
}
