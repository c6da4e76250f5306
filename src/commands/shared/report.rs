//! What a command that acts reports, and the worst of it.
//!
//! A reader that left or a full disk does not stop it half-way: it is reported at the end.

use std::collections::BTreeSet;
use std::fmt::Display;

use crate::commands::{Broken, Outcome, Output};

/// The verdicts so far.
pub(in crate::commands) struct Report<'a> {
    output: &'a mut Output,
    worst: Outcome,
    unwritten: Option<anyhow::Error>,
    later: BTreeSet<String>,
}

impl<'a> Report<'a> {
    /// A report without verdicts.
    pub(in crate::commands) const fn new(output: &'a mut Output) -> Self {
        Self { output, worst: Outcome::Success, unwritten: None, later: BTreeSet::new() }
    }

    /// Tells something on stdout.
    pub(in crate::commands) fn say(&mut self, text: impl Display) {
        if let Err(error) = self.output.result(|out| writeln!(out, "{text}")) {
            self.unwritten.get_or_insert(error);
        }
    }

    /// Tells something on stderr.
    pub(in crate::commands) fn remark(&mut self, text: impl Display) {
        self.output.remark(text);
    }

    /// A verdict: what ended well on stdout, everything else on stderr.
    pub(in crate::commands) fn verdict(&mut self, outcome: Outcome, text: impl Display) {
        self.worst = self.worst.max(outcome);
        if outcome == Outcome::Success { self.say(text) } else { self.remark(text) }
    }

    /// A verdict of failure.
    pub(in crate::commands) fn failure(&mut self, text: impl Display) {
        self.verdict(Outcome::Failure, text);
    }

    /// A verdict of failure that concerns several groups alike: reported once, when all of them have
    /// been described.
    pub(in crate::commands) fn failure_later(&mut self, text: String) {
        self.later.insert(text);
    }

    /// Reports what was to be reported later.
    pub(in crate::commands) fn catch_up(&mut self) {
        for text in std::mem::take(&mut self.later) {
            self.failure(text);
        }
    }

    /// Whether there is a person to ask.
    pub(in crate::commands) fn can_ask(&self) -> bool {
        self.output.can_ask()
    }

    /// Asks; `confirms` is what is to be typed where a word more than yes is.
    pub(in crate::commands) fn ask(&mut self, question: &str, confirms: &str) -> bool {
        self.output.ask(question, confirms)
    }

    /// The worst verdict; or, after a success that could not be reported, why.
    pub(in crate::commands) fn finish(self) -> anyhow::Result<Outcome> {
        match self.unwritten {
            Some(error) if !error.is::<Broken>() => Err(error),
            _ => Ok(self.worst),
        }
    }
}
