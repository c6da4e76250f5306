//! The signals that `portwho kill` sends, by the names of signal(7).

use std::fmt;
use std::str::FromStr;

/// A signal.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[expect(missing_docs, reason = "they are signal(7)'s own names")]
pub enum Signal {
    Hup,
    Int,
    Quit,
    Abrt,
    Kill,
    Usr1,
    Usr2,
    Pipe,
    Alrm,
    Term,
    Cont,
    Stop,
    Tstp,
    Winch,
}

/// A word that names no signal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownSignal;

/// Names and numbers; the numbers are those of x86 and ARM (signal(7)).
const NAMES: [(&str, &str, Signal); 14] = [
    ("HUP", "1", Signal::Hup),
    ("INT", "2", Signal::Int),
    ("QUIT", "3", Signal::Quit),
    ("ABRT", "6", Signal::Abrt),
    ("KILL", "9", Signal::Kill),
    ("USR1", "10", Signal::Usr1),
    ("USR2", "12", Signal::Usr2),
    ("PIPE", "13", Signal::Pipe),
    ("ALRM", "14", Signal::Alrm),
    ("TERM", "15", Signal::Term),
    ("CONT", "18", Signal::Cont),
    ("STOP", "19", Signal::Stop),
    ("TSTP", "20", Signal::Tstp),
    ("WINCH", "28", Signal::Winch),
];

impl Signal {
    /// Its name, as it is typed: `TERM`.
    #[must_use]
    pub fn name(self) -> &'static str {
        NAMES.iter().find(|(.., signal)| *signal == self).map_or("TERM", |(name, ..)| name)
    }

    /// The names that can be given.
    pub fn names() -> impl Iterator<Item = &'static str> {
        NAMES.iter().map(|(name, ..)| *name)
    }
}

impl FromStr for Signal {
    type Err = UnknownSignal;

    /// Parses `TERM`, `SIGTERM`, `sigterm` or `15`.
    fn from_str(word: &str) -> Result<Self, UnknownSignal> {
        let upper = word.to_uppercase();
        let plain = upper.strip_prefix("SIG").unwrap_or(&upper);
        let found = NAMES.iter().find(|(name, number, _)| *name == plain || *number == plain);
        found.map(|(.., signal)| *signal).ok_or(UnknownSignal)
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIG{}", self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_signal_is_understood() {
        for word in ["TERM", "SIGTERM", "sigterm", "15"] {
            assert_eq!(word.parse(), Ok(Signal::Term), "{word}");
        }
        assert_eq!("SIG".parse::<Signal>(), Err(UnknownSignal));
        assert_eq!("0".parse::<Signal>(), Err(UnknownSignal));
        assert_eq!(Signal::Usr1.to_string(), "SIGUSR1");
        assert_eq!(Signal::Kill.name(), "KILL");
    }
}
