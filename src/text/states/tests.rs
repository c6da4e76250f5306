//! The explanations against the transitions of RFC 9293 and of Linux.

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

/// The ways to BOUND of a Linux socket whose port was bound explicitly: wherever it would go to CLOSED
/// otherwise (`SOCK_BINDPORT_LOCK` in tcp_set_state()), but for close() itself, and TIME_WAIT, which no
/// process holds. tests/it/bound_again.rs and unconfirmed.rs make them.
const BOUND_AGAIN: [TcpState; 9] = {
    use TcpState::*;
    [Listening, SynSent, SynReceived, Established, FinWait1, FinWait2, CloseWait, Closing, LastAck]
};

#[test]
fn the_ways_out_are_those_of_the_rfc_and_back_to_bound() {
    for (from, of_rfc) in TRANSITIONS {
        let bound = BOUND_AGAIN.contains(&from).then_some(&TcpState::Bound);
        let expected: Vec<_> = of_rfc.iter().chain(bound).copied().collect();
        let leaves: Vec<_> =
            Explanation::of(from).unwrap().leaves.iter().map(|edge| edge.state).collect();
        assert_eq!(leaves, expected, "{from}");
    }
}

#[test]
fn what_only_linux_does_is_marked() {
    for state in BOUND_AGAIN {
        let leaves = Explanation::of(state).unwrap().leaves;
        let back = leaves.iter().find(|edge| edge.state == TcpState::Bound).unwrap();
        assert!(back.when.contains("Linux"), "{state}: {}", back.when);
    }
    assert!(Explanation::of(TcpState::Bound).unwrap().note.contains("Linux"));
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
