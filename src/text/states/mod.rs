//! What each TCP state means: the text behind `portwho explain`, written once, as data.
//!
//! The transitions are those of RFC 9293 (figure 5 and section 3.10), in the words of the socket
//! calls that cause them; BOUND is not in the RFC, where such a socket is CLOSED. Times and limits
//! are those of Linux (tcp(7), the kernel's Documentation/networking/ip-sysctl.rst, and
//! net/ipv4/tcp*.c where these are silent) and of Windows as far as Microsoft documents them. Each
//! [`Explanation::sources`] says where to check it.

mod closing_first;
mod closing_second;
mod diagram;
mod opening;
mod unconnected;

pub use diagram::DIAGRAM;

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
    pub also: &'static str,
    /// How a socket enters and leaves it, both sides next to each other.
    pub exchange: &'static [Moment],
    /// What the drawing cannot show; empty where it shows all.
    pub note: &'static str,
    /// Where a socket comes from.
    pub enters: &'static [Edge],
    /// Where it goes.
    pub leaves: &'static [Edge],
    /// Who has to act for it to go on.
    pub move_of: &'static str,
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

/// Between two exchanges.
const APART: Moment = Moment::at("", "");

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
        closing_first::TIME_WAIT,
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
mod tests {
    use super::*;
    use crate::model::StateSet;

    fn state(word: &str) -> Option<TcpState> {
        let set: StateSet = word.parse().ok()?;
        TcpState::ALL.into_iter().find(|state| set == StateSet::of(&[*state]))
    }

    fn leads(from: TcpState, to: TcpState) -> bool {
        Explanation::of(from).unwrap().leaves.iter().any(|edge| edge.state == to)
    }

    #[test]
    fn every_state_is_explained_in_the_order_of_the_states() {
        assert_eq!(Explanation::ALL.map(|one| one.state), TcpState::ALL);
        assert!(Explanation::of(TcpState::Unknown(14)).is_none());
    }

    /// RFC 9293, figure 5 and its notes, section 3.10.7 for resets, and bind(2) and listen(2).
    const TRANSITIONS: [(TcpState, &[TcpState]); 12] = {
        use TcpState::*;
        [
            (Listening, &[SynReceived, Closed]),
            (SynSent, &[Established, SynReceived, Closed]),
            (SynReceived, &[Established, FinWait1, Closed]),
            (Established, &[FinWait1, CloseWait, Closed]),
            (FinWait1, &[FinWait2, Closing, TimeWait, Closed]),
            (FinWait2, &[TimeWait, Closed]),
            (CloseWait, &[LastAck, Closed]),
            (Closing, &[TimeWait, Closed]),
            (LastAck, &[Closed]),
            (TimeWait, &[Closed, SynReceived]),
            (Closed, &[Bound, Listening, SynSent]),
            (Bound, &[Listening, SynSent, Closed]),
        ]
    };

    #[test]
    fn the_ways_out_are_those_of_the_rfc() {
        for (from, expected) in TRANSITIONS {
            let leaves: Vec<_> =
                Explanation::of(from).unwrap().leaves.iter().map(|edge| edge.state).collect();
            assert_eq!(leaves, expected, "{from}");
        }
    }

    #[test]
    fn each_way_out_is_a_way_in_and_each_way_in_a_way_out() {
        for from in TcpState::ALL {
            for to in TcpState::ALL {
                let enters = Explanation::of(to).unwrap().enters;
                let comes = enters.iter().any(|edge| edge.state == from);
                assert_eq!(leads(from, to), comes, "{from} -> {to}");
            }
        }
    }

    #[test]
    fn the_drawings_show_no_step_that_tcp_does_not_take() {
        for one in Explanation::ALL {
            for side in [|moment: &Moment| moment.here, |moment: &Moment| moment.peer] {
                for exchange in one.exchange.split(|moment| *moment == APART) {
                    let words = exchange.iter().filter_map(|moment| state(side(moment)));
                    let mut states: Vec<_> = words.collect();
                    states.dedup();
                    for step in states.windows(2) {
                        assert!(leads(step[0], step[1]), "{}: {step:?}", one.state);
                    }
                }
            }
            let shows = |moment: &Moment| state(moment.here) == Some(one.state);
            assert!(one.exchange.iter().any(shows), "{} is not in its own drawing", one.state);
        }
    }

    #[test]
    fn what_is_to_be_typed_fits_a_line_and_names_states_that_exist() {
        for one in Explanation::ALL {
            let advice = one.look.iter().chain(one.linux).chain(one.windows);
            for command in advice.flat_map(|advice| advice.commands) {
                assert!(command.len() <= 62, "{command}");
                if let Some((_, rest)) = command.split_once("--state ") {
                    let word = rest.split(' ').next().unwrap();
                    assert!(word.parse::<StateSet>().is_ok(), "{command}");
                }
            }
        }
    }
}
