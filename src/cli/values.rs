//! The values of options, parsed for clap: each error says what would be right.

use std::time::Duration;

use ipnet::IpNet;

use super::request::Topic;
use super::similar::begun_or_nearest;
use crate::model::{Signal, StateSet, TcpState};
use crate::query::{self, SocketColumn, UnknownColumn};

/// One state, or a group of them.
pub(super) fn states(word: &str) -> Result<StateSet, String> {
    word.parse().map_err(|_| unknown_state(word, &StateSet::GROUPS))
}

fn unknown_state(word: &str, groups: &[&str]) -> String {
    let names = TcpState::ALL.map(|state| state.to_string());
    let groups = groups.iter().map(|&group| group.to_owned());
    let known: Vec<String> = names.into_iter().chain(groups).collect();
    let meant = begun_or_nearest(&word.replace('-', "_"), known.iter().map(String::as_str));
    match meant.as_slice() {
        [] => format!("unknown state; states are {}", known.join(", ")),
        [one] => format!("unknown state; did you mean {one}?"),
        [others @ .., last] => {
            format!("unknown state; did you mean {} or {last}?", others.join(", "))
        }
    }
}

/// One state, or another word that explain knows.
pub(super) fn topic(word: &str) -> Result<Topic, String> {
    match word.to_ascii_uppercase().as_str() {
        "UDP" => Ok(Topic::Udp),
        "UNCONN" => Ok(Topic::Unconnected),
        _ => one_state(word).map(Topic::State),
    }
}

/// One state, not a group.
fn one_state(word: &str) -> Result<TcpState, String> {
    let mut set = StateSet::NONE;
    for part in word.split(',') {
        set = set.union(part.parse().map_err(|_| unknown_state(part, &[]))?);
    }
    let named: Vec<TcpState> =
        TcpState::ALL.into_iter().filter(|state| set.contains(*state)).collect();
    match named.as_slice() {
        [state] => Ok(*state),
        several => {
            let words: Vec<String> = several.iter().map(ToString::to_string).collect();
            Err(format!("several states; explain takes one of them: {}", words.join(", ")))
        }
    }
}

/// A column of a list.
pub(super) fn column(word: &str) -> Result<SocketColumn, String> {
    word.parse().map_err(|UnknownColumn| {
        let words: Vec<&str> = SocketColumn::ALL.iter().map(|column| column.word()).collect();
        format!("unknown column; columns are {}", words.join(", "))
    })
}

/// A process id.
pub(super) fn pid(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| "not a PID".to_owned())
}

/// A signal's name.
pub(super) fn signal(word: &str) -> Result<Signal, String> {
    word.parse().map_err(|_| {
        let names: Vec<_> = Signal::names().collect();
        format!("unknown signal; signals are {}", names.join(", "))
    })
}

/// An address, or a network. Bits after the prefix are ignored.
pub(super) fn network(word: &str) -> Result<IpNet, String> {
    let network = query::network(word);
    network.ok_or_else(|| "not an address or network; examples: 10.0.0.0/8, ::1".to_owned())
}

/// A day; a longer wait is taken for a typing error.
const LONGEST_WAIT: f64 = 86_400.0;

/// Seconds, fractions allowed.
pub(super) fn seconds(word: &str) -> Result<Duration, String> {
    let number = word.parse::<f64>().ok().filter(|number| (0.0..=LONGEST_WAIT).contains(number));
    let duration = number.and_then(|number| Duration::try_from_secs_f64(number).ok());
    duration.ok_or_else(|| "not a number of seconds from 0 to 86400".to_owned())
}

/// Seconds, fractions allowed, more than 0.
pub(super) fn some_seconds(word: &str) -> Result<Duration, String> {
    let some = seconds(word).ok().filter(|duration| !duration.is_zero());
    some.ok_or_else(|| "not a number of seconds above 0 and up to 86400".to_owned())
}

/// More than nothing: seconds, or a number with units.
pub(super) fn some_time(word: &str) -> Result<Duration, String> {
    let longest = Duration::from_secs_f64(LONGEST_WAIT);
    let with_units = || humantime::parse_duration(word).ok().filter(|time| *time <= longest);
    let time = seconds(word).ok().or_else(with_units).filter(|time| !time.is_zero());
    time.ok_or_else(|| "not a time of a day at most; examples: 1s, 0.5, 500ms".to_owned())
}

/// How many times: any whole number.
pub(super) fn count(word: &str) -> Result<u64, String> {
    word.parse().map_err(|_| "not a whole number, 0 or more".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_near_miss_is_answered_with_the_right_word() {
        let cases = [
            ("CLOSE_WIAT", "CLOSE_WAIT"),
            ("close-wat", "CLOSE_WAIT"),
            ("TIMEWAITT", "TIME_WAIT"),
            ("stuk", "stuck"),
            ("LISTENNING", "LISTENING"),
        ];
        for (word, near) in cases {
            assert_eq!(states(word), Err(format!("unknown state; did you mean {near}?")));
        }
        assert!(states("xyzzy").unwrap_err().contains("states are LISTENING, "));
    }

    #[test]
    fn one_state_is_one_whatever_it_is_called() {
        assert_eq!(one_state("listen"), Ok(TcpState::Listening));
        assert_eq!(one_state("closing"), Ok(TcpState::Closing));
        assert_eq!(one_state("LISTEN,Listening"), Ok(TcpState::Listening));
        for word in ["stuck", "LISTEN,CLOSE_WAIT", "connected"] {
            assert!(
                one_state(word).unwrap_err().starts_with("several states; explain takes one"),
                "{word}"
            );
        }
        assert!(one_state("").unwrap_err().ends_with("CLOSED, BOUND"));
    }

    #[test]
    fn a_word_that_several_states_begin_with_suggests_them_all() {
        let cases = [
            ("FIN_WAIT", "FIN_WAIT_1 or FIN_WAIT_2"),
            ("fin-wait", "FIN_WAIT_1 or FIN_WAIT_2"),
            ("FINWAIT", "FIN_WAIT_1 or FIN_WAIT_2"),
            ("FIN_WAIT_3", "FIN_WAIT_1 or FIN_WAIT_2"),
            ("clos", "CLOSE_WAIT, CLOSING or CLOSED"),
            ("last", "LAST_ACK"),
        ];
        for (word, meant) in cases {
            let expected = format!("unknown state; did you mean {meant}?");
            assert_eq!(topic(word), Err(expected.clone()), "{word}");
            assert_eq!(states(word), Err(expected), "{word}");
        }
        let two = "unknown state; did you mean SYN_SENT or SYN_RECEIVED?".to_owned();
        assert_eq!(topic("SYN"), Err(two));
    }

    #[test]
    fn explain_knows_words_that_are_no_states() {
        for word in ["UDP", "udp", "Udp"] {
            assert_eq!(topic(word), Ok(Topic::Udp));
        }
        assert_eq!(topic("unconn"), Ok(Topic::Unconnected));
        assert_eq!(topic("bound-inactive"), Ok(Topic::State(TcpState::Bound)));
        assert!(topic("UDP,LISTEN").unwrap_err().starts_with("unknown state"));
    }

    #[test]
    fn networks_and_addresses_are_understood() {
        for word in ["10.0.0.0/8", "10.1.2.3/8", "::1", "fe80::/10", "127.0.0.1"] {
            assert!(network(word).is_ok(), "{word}");
        }
        for word in ["10.0.0.0/33", "localhost", "", "10.0.0.1:80"] {
            assert!(network(word).is_err(), "{word}");
        }
    }

    #[test]
    fn waits_are_bounded() {
        assert!(some_seconds("0").is_err() && some_seconds("0.1").is_ok());
        assert!(some_time("0s").is_err() && some_time("25h").is_err());
        assert_eq!(some_time("1s"), some_time("1"));
        assert_eq!(seconds("0.5"), Ok(Duration::from_millis(500)));
        for word in ["-1", "NaN", "inf", "1e9", ""] {
            assert!(seconds(word).is_err(), "{word}");
        }
    }
}
