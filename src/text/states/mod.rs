//! What each TCP state means: the text of `portwho explain`, written once, as data.
//!
//! The transitions are those of RFC 9293 (figure 5 and section 3.10), in the words of the socket
//! calls that cause them; BOUND is not in the RFC, where such a socket is CLOSED. The ways back to
//! BOUND are those of Linux. Times and limits are those of Linux (tcp(7), the kernel's
//! Documentation/networking/ip-sysctl.rst, and net/ipv4/tcp*.c where these are silent) and of Windows
//! as far as Microsoft documents them. Each [`Explanation::sources`] says where to check it.

mod closing_first;
mod closing_second;
mod diagram;
mod opening;
pub mod stuck;
mod time_wait;
mod udp;
mod unconnected;

pub use diagram::DIAGRAM;
pub use udp::{UDP, UdpExplanation};

use std::fmt;

use crate::model::TcpState;

/// What there is to know of a state.
#[derive(Clone, Copy, Debug)]
pub struct Explanation {
    /// The state.
    pub state: TcpState,
    /// The shortest answer, for a table.
    pub gist: &'static str,
    /// What it is.
    pub meaning: &'static str,
    /// Its other names, and who uses them.
    pub names: &'static [Name],
    /// How a socket enters and leaves it, both sides next to each other.
    pub exchange: &'static [Moment],
    /// What the drawing cannot show; empty where it shows all.
    pub note: &'static str,
    /// Where a socket comes from.
    pub enters: &'static [Edge],
    /// Where it goes.
    pub leaves: &'static [Edge],
    /// Who must act before it goes on.
    pub must_act: &'static str,
    /// When there is nothing to worry about.
    pub normal: &'static str,
    /// When there is.
    pub fault: &'static str,
    /// What to check with portwho, on both systems.
    pub look: &'static [Advice],
    /// What to check and to do on Linux.
    pub linux: &'static [Advice],
    /// What to check and to do on Windows.
    pub windows: &'static [Advice],
    /// What is often advised, and wrong.
    pub beware: &'static [&'static str],
    /// Where all this is written down.
    pub sources: &'static str,
}

/// Another name of a state.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Name {
    /// The word.
    pub word: &'static str,
    /// Which documents and tools use it; none where several do.
    pub users: &'static [&'static str],
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word)?;
        if self.users.is_empty() { Ok(()) } else { write!(f, " ({})", self.users.join(", ")) }
    }
}

/// A transition: the state at its other end, and what causes it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Edge {
    /// Where it comes from, or leads to.
    pub state: TcpState,
    /// What has to happen.
    pub when: &'static str,
}

/// A piece of advice: a sentence, and commands to type, one a line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Advice {
    /// What it is good for.
    pub text: &'static str,
    /// What to type; none where nothing is typed.
    pub commands: &'static [&'static str],
}

/// A line of an exchange. A state's word next to an arrow is the state after the segment was sent,
/// or has arrived.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Moment {
    /// The state here, a call that is made here, or a word about it.
    pub here: &'static str,
    /// What travels.
    pub segment: Segment,
    /// The same for the peer.
    pub peer: &'static str,
}

/// A segment on its way.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Segment {
    /// Nothing travels.
    None,
    /// From here to the peer.
    Sent(&'static str),
    /// From the peer to here.
    Received(&'static str),
    /// From here, and never arriving.
    Lost(&'static str),
    /// The same in both directions at once.
    Crossing(&'static str),
}

impl Moment {
    const fn at(here: &'static str, peer: &'static str) -> Self {
        Self { here, segment: Segment::None, peer }
    }

    const fn sent(here: &'static str, segment: &'static str, peer: &'static str) -> Self {
        Self { here, segment: Segment::Sent(segment), peer }
    }

    const fn received(here: &'static str, segment: &'static str, peer: &'static str) -> Self {
        Self { here, segment: Segment::Received(segment), peer }
    }

    const fn lost(here: &'static str, segment: &'static str, peer: &'static str) -> Self {
        Self { here, segment: Segment::Lost(segment), peer }
    }

    const fn crossing(here: &'static str, segment: &'static str, peer: &'static str) -> Self {
        Self { here, segment: Segment::Crossing(segment), peer }
    }
}

/// What ss calls UNCONN, above the two states that it may be.
pub const UNCONN: &str = "\
ss prints UNCONN for a TCP socket without a connection, CLOSED or BOUND, and for
a UDP socket without a peer. Both states follow; for UDP, run:
portwho explain UDP
";

/// Between two exchanges.
const APART: Moment = Moment::at("", "");

/// To BOUND where others go to CLOSED: `tcp_set_state` in the kernel keeps a port that was bound explicitly.
const BOUND_INSTEAD: &str =
    "instead of CLOSED on Linux, if the port was bound explicitly and the descriptor is open";

const fn name(word: &'static str, users: &'static [&'static str]) -> Name {
    Name { word, users }
}

const fn edge(state: TcpState, when: &'static str) -> Edge {
    Edge { state, when }
}

const fn says(text: &'static str) -> Advice {
    Advice { text, commands: &[] }
}

const fn types(text: &'static str, commands: &'static [&'static str]) -> Advice {
    Advice { text, commands }
}

impl Explanation {
    /// Every state's, in the order of a connection's life.
    pub const ALL: [Self; 12] = [
        unconnected::LISTENING,
        opening::SYN_SENT,
        opening::SYN_RECEIVED,
        opening::ESTABLISHED,
        closing_first::FIN_WAIT_1,
        closing_first::FIN_WAIT_2,
        closing_second::CLOSE_WAIT,
        closing_first::CLOSING,
        closing_second::LAST_ACK,
        time_wait::TIME_WAIT,
        unconnected::CLOSED,
        unconnected::BOUND,
    ];

    /// The explanation of `state`; none for an unknown number.
    #[must_use]
    pub fn of(state: TcpState) -> Option<Self> {
        Self::ALL.into_iter().find(|one| one.state == state)
    }
}

#[cfg(test)]
mod tests;
