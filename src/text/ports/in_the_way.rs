//! What is said of sockets in the way of an address that no socket holds.

use crate::text::advice::listed;

/// How sockets are in the way.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum How {
    /// At every address.
    Covering,
    /// At every address of IPv6, and so of IPv4.
    DualStack,
    /// At one of the addresses that were asked for.
    Within,
}

/// A socket that does not listen leaves room for another.
pub const UNLESS_SHARED: &str = ", unless both set SO_REUSEADDR";

/// `127.0.0.1:80: no socket is bound to exactly this address; 0.0.0.0:80 covers it`. `shared` is whether
/// two sockets that set SO_REUSEADDR can both be bound.
#[must_use]
pub fn remark(asked: &str, how: How, sockets: &[String], shared: bool) -> String {
    let (s, named) = (if sockets.len() == 1 { "s" } else { "" }, listed(sockets));
    let way = match how {
        How::Covering => format!("{named} cover{s} it"),
        How::DualStack => format!("{named} cover{s} it (dual-stack: IPv4 too)"),
        How::Within => format!("{named} block{s} a bind to it"),
    };
    let unless = if shared { UNLESS_SHARED } else { "" };
    format!("{asked}: no socket is bound to exactly this address; {way}{unless}")
}

/// `0.0.0.0:80 covers 127.0.0.1:80`, before a question.
#[must_use]
pub fn covers(sockets: &[String], asked: &[String]) -> String {
    let s = if sockets.len() == 1 { "s" } else { "" };
    format!("{} cover{s} {}", listed(sockets), listed(asked))
}
