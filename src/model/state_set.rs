//! Sets of TCP states, and the words for them.

use std::str::FromStr;

use super::TcpState;

/// A set of TCP states.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct StateSet(u16);

impl StateSet {
    /// The names of the groups that have one.
    pub const GROUPS: [&'static str; 4] = ["connected", "synchronized", "teardown", "stuck"];
    /// No state.
    pub const NONE: Self = Self(0);
    /// Every state, those with an unknown number included.
    pub const ALL: Self = Self((1 << 13) - 1);
    /// The states that hold a port: LISTENING and BOUND.
    pub const HOLDING: Self = Self::of(&[TcpState::Listening, TcpState::Bound]);
    /// All but LISTENING, BOUND and CLOSED (ss' group of the same name).
    pub const CONNECTED: Self =
        Self::SYNCHRONIZED.union(Self::of(&[TcpState::SynSent, TcpState::SynReceived]));
    /// CONNECTED without SYN_SENT and SYN_RECEIVED: both sides agreed once.
    pub const SYNCHRONIZED: Self = Self::TEARDOWN.union(Self::of(&[TcpState::Established]));
    /// The states of a connection being closed.
    pub const TEARDOWN: Self = Self::of(&[
        TcpState::FinWait1,
        TcpState::FinWait2,
        TcpState::CloseWait,
        TcpState::Closing,
        TcpState::LastAck,
        TcpState::TimeWait,
    ]);
    /// TEARDOWN without TIME_WAIT: the states a connection should leave soon and may not.
    pub const STUCK: Self = Self::TEARDOWN.without(Self::of(&[TcpState::TimeWait]));

    /// The set of the given states.
    #[must_use]
    pub const fn of(states: &[TcpState]) -> Self {
        let (mut bits, mut rest) = (0, states);
        while let [state, others @ ..] = rest {
            bits |= 1 << state.place();
            rest = others;
        }
        Self(bits)
    }

    /// Whether `state` is in the set.
    #[must_use]
    pub const fn contains(self, state: TcpState) -> bool {
        self.0 & (1 << state.place()) != 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// What both sets have.
    #[must_use]
    pub const fn intersection(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }

    /// This set less the other.
    #[must_use]
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether no state is in the set.
    #[must_use]
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
}

/// A word that names no TCP state and no group of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct UnknownState;

/// The words for states in use anywhere: RFC 9293, ss, both netstats, lsof, PowerShell; with
/// `-` and `_` removed and in capitals.
const WORDS: [(&str, StateSet); 23] = [
    ("LISTENING", StateSet::of(&[TcpState::Listening])),
    ("LISTEN", StateSet::of(&[TcpState::Listening])),
    ("SYNSENT", StateSet::of(&[TcpState::SynSent])),
    ("SYNRECEIVED", StateSet::of(&[TcpState::SynReceived])),
    ("SYNRECV", StateSet::of(&[TcpState::SynReceived])),
    ("SYNRCVD", StateSet::of(&[TcpState::SynReceived])),
    ("ESTABLISHED", StateSet::of(&[TcpState::Established])),
    ("ESTAB", StateSet::of(&[TcpState::Established])),
    ("FINWAIT1", StateSet::of(&[TcpState::FinWait1])),
    ("FINWAIT2", StateSet::of(&[TcpState::FinWait2])),
    ("CLOSEWAIT", StateSet::of(&[TcpState::CloseWait])),
    ("CLOSING", StateSet::of(&[TcpState::Closing])),
    ("LASTACK", StateSet::of(&[TcpState::LastAck])),
    ("TIMEWAIT", StateSet::of(&[TcpState::TimeWait])),
    ("CLOSED", StateSet::of(&[TcpState::Closed])),
    ("CLOSE", StateSet::of(&[TcpState::Closed])),
    // ss has one word for both.
    ("UNCONN", StateSet::of(&[TcpState::Closed, TcpState::Bound])),
    ("BOUND", StateSet::of(&[TcpState::Bound])),
    ("BOUNDINACTIVE", StateSet::of(&[TcpState::Bound])),
    ("CONNECTED", StateSet::CONNECTED),
    ("SYNCHRONIZED", StateSet::SYNCHRONIZED),
    ("TEARDOWN", StateSet::TEARDOWN),
    ("STUCK", StateSet::STUCK),
];

impl FromStr for StateSet {
    type Err = UnknownState;

    /// Parses one word, in any spelling in use, or the name of a group.
    fn from_str(word: &str) -> Result<Self, UnknownState> {
        let letters: String = word.chars().filter(|c| !matches!(c, '-' | '_')).collect();
        // Not Unicode's capitals: those of \u{17f} and \u{fb01} are S and FI.
        let plain = letters.to_ascii_uppercase();
        WORDS.iter().find(|(name, _)| *name == plain).map(|(_, set)| *set).ok_or(UnknownState)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(word: &str) -> StateSet {
        word.parse().unwrap()
    }

    #[test]
    fn every_spelling_in_use_is_understood() {
        let spellings: [(TcpState, &[&str]); 12] = [
            (TcpState::Listening, &["LISTEN", "LISTENING", "Listen", "listen"]),
            (TcpState::SynSent, &["SYN_SENT", "SYN-SENT", "SynSent", "syn-sent"]),
            (
                TcpState::SynReceived,
                &[
                    "SYN_RCVD",
                    "SYN_RECV",
                    "SYN_RECEIVED",
                    "SYN-RECEIVED",
                    "SYN-RECV",
                    "SynReceived",
                ],
            ),
            (TcpState::Established, &["ESTAB", "ESTABLISHED", "established"]),
            (TcpState::FinWait1, &["FIN_WAIT1", "FIN_WAIT_1", "FIN-WAIT-1", "FinWait1"]),
            (TcpState::FinWait2, &["FIN_WAIT2", "FIN_WAIT_2", "FIN-WAIT-2", "FinWait2"]),
            (TcpState::CloseWait, &["CLOSE_WAIT", "close-wait", "CloseWait", "CLOSEWAIT"]),
            (TcpState::Closing, &["CLOSING", "closing"]),
            (TcpState::LastAck, &["LAST_ACK", "LAST-ACK", "LastAck"]),
            (TcpState::TimeWait, &["TIME_WAIT", "TIME-WAIT", "TimeWait"]),
            (TcpState::Closed, &["CLOSE", "CLOSED"]),
            (TcpState::Bound, &["BOUND", "Bound"]),
        ];
        for (state, words) in spellings {
            for word in words {
                assert_eq!(set(word), StateSet::of(&[state]), "{word}");
            }
            assert_eq!(set(&state.to_string()), StateSet::of(&[state]));
        }
    }

    #[test]
    fn groups_hold_what_the_manual_says() {
        let members = |word: &str| -> Vec<TcpState> {
            TcpState::ALL.into_iter().filter(|state| set(word).contains(*state)).collect()
        };
        assert_eq!(members("connected").len(), 9);
        assert!(!members("synchronized").contains(&TcpState::SynSent));
        assert_eq!(members("synchronized").len(), 7);
        assert_eq!(members("teardown").len(), 6);
        assert_eq!(
            members("stuck"),
            [
                TcpState::FinWait1,
                TcpState::FinWait2,
                TcpState::CloseWait,
                TcpState::Closing,
                TcpState::LastAck
            ]
        );
    }

    #[test]
    fn an_unknown_word_is_refused_and_an_unknown_number_kept() {
        assert_eq!("CLOSE_WAITING".parse::<StateSet>(), Err(UnknownState));
        assert_eq!("".parse::<StateSet>(), Err(UnknownState));
        assert!(StateSet::ALL.contains(TcpState::Unknown(14)));
        assert_eq!(TcpState::Unknown(14).to_string(), "UNKNOWN(14)");
    }

    /// A state's own word, mangled: each letter in either case, separators dropped or doubled.
    fn any_spelling() -> impl Strategy<Value = (TcpState, String)> {
        let choices = proptest::collection::vec((any::<bool>(), 0_usize..3), 12);
        (0..TcpState::ALL.len(), choices).prop_map(|(place, choices)| {
            let state = TcpState::ALL[place];
            let spell = |(c, (upper, repeat)): (char, (bool, usize))| match c {
                '_' => ["", "_", "-"][repeat].to_owned(),
                c if upper => c.to_uppercase().to_string(),
                c => c.to_lowercase().to_string(),
            };
            (state, state.to_string().chars().zip(choices).map(spell).collect())
        })
    }

    proptest! {
        #[test]
        fn case_and_separators_never_matter((state, word) in any_spelling()) {
            prop_assert_eq!(set(&word), StateSet::of(&[state]), "{}", word);
        }

        #[test]
        fn no_word_makes_the_parser_panic(word: String) {
            let _ = word.parse::<StateSet>();
        }
    }
}
