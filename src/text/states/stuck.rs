//! Why sockets stay in a state in which they should not stay long: a sentence below their rows.

use super::Explanation;
use crate::model::{Shell, TcpState};
use crate::text::advice::run_to;
use crate::text::remedies;

/// Whether there is such a sentence.
#[must_use]
pub const fn is_told(state: TcpState) -> bool {
    use TcpState::{CloseWait, Closing, FinWait1, FinWait2, LastAck, SynSent};
    matches!(state, CloseWait | Closing | FinWait1 | FinWait2 | LastAck | SynSent)
}

/// `CLOSE_WAIT: closed by the peer; ...; to see which process leaks them and why, run: portwho doctor`.
/// None for a state in which a socket may stay, or that the kernel ends by itself.
#[must_use]
pub fn why(state: TcpState, shell: Shell) -> Option<String> {
    let word = state.to_string();
    let (purpose, words) = match state {
        TcpState::CloseWait => ("to see which process leaks them and why", vec!["doctor"]),
        TcpState::SynSent => ("to see which hosts do not answer", vec!["doctor"]),
        TcpState::FinWait1 | TcpState::Closing | TcpState::LastAck => {
            ("to see which peers do not answer", vec!["doctor"])
        }
        TcpState::FinWait2 => ("to see what ends them", vec!["explain", word.as_str()]),
        _ => return None,
    };
    let text = format!("{word}: {}", Explanation::of(state)?.gist);
    Some(run_to(purpose, &text, &remedies::list(shell, words).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::StateSet;

    #[test]
    fn every_stuck_state_and_the_first_has_a_reason() {
        let stuck: StateSet = "stuck".parse().unwrap();
        for state in TcpState::ALL {
            assert_eq!(is_told(state), why(state, Shell::Posix).is_some(), "{state}");
            assert_eq!(
                is_told(state),
                stuck.contains(state) || state == TcpState::SynSent,
                "{state}"
            );
        }
        assert_eq!(
            why(TcpState::FinWait2, Shell::Posix).unwrap(),
            "FIN_WAIT_2: closed here and acknowledged; the peer has not closed; to see what ends \
             them, run: portwho explain FIN_WAIT_2"
        );
    }
}
