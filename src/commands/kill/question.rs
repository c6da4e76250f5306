//! What is about to happen: who is ended first, who may follow, and how.

use std::collections::BTreeSet;

use super::description::{names, names_by_user};
use crate::model::{Pid, Snapshot};
use crate::platform::Ending;
use crate::text::kill::{self as text, Method};
use crate::text::names::Names;
use crate::text::owners;

/// What is to be confirmed.
pub(super) struct Termination<'a> {
    /// Who is ended before all of them, as it is named.
    pub(super) parent: Option<String>,
    /// Those that are ended first.
    pub(super) roots: &'a BTreeSet<Pid>,
    /// All that may be ended in turn, the roots among them.
    pub(super) holders: &'a BTreeSet<Pid>,
    /// How.
    pub(super) ending: Ending,
    /// What to know before: which of their sockets cover the address that was asked for and do not have it,
    /// and who else holds the ports.
    pub(super) facts: Vec<String>,
    /// Their names.
    pub(super) snapshot: &'a Snapshot,
}

impl Termination<'_> {
    /// `Terminate nginx (PID 812)?`
    pub(super) fn question(&self) -> String {
        let (named, followers) = (names_by_user(self.roots, self.snapshot), self.followers());
        let question = text::question(self.method(), self.parent.as_deref(), &named, &followers);
        match self.facts.as_slice() {
            [] => question,
            facts => format!("{}. {question}", facts.join("; ")),
        }
    }

    /// The PID that is to be typed where yes is not enough: the first that the question names.
    pub(super) fn confirms(&self) -> String {
        self.roots.first().map(ToString::to_string).unwrap_or_default()
    }

    /// `would send SIGTERM to nginx (PID 812)`.
    pub(super) fn intention(&self) -> String {
        let (named, followers) = (names_by_user(self.roots, self.snapshot), self.followers());
        let intention = text::intention(self.method(), self.parent.as_deref(), &named, &followers);
        match self.facts.as_slice() {
            [] => intention,
            facts => format!("{}: {intention}", facts.join("; ")),
        }
    }

    /// `not confirmed; nothing was sent to nginx (PID 812)`.
    pub(super) fn not_confirmed(&self) -> String {
        let first = self.roots.first().map(|pid| owners::process(*pid, self.snapshot));
        text::not_confirmed(&first.unwrap_or_default(), self.roots.len().saturating_sub(1))
    }

    fn followers(&self) -> Names {
        names(self.holders.difference(self.roots).copied(), self.snapshot)
    }

    const fn method(&self) -> Method {
        match self.ending {
            Ending::Signal(signal) => Method::Signal(signal),
            Ending::CloseWindow => Method::CloseWindow,
            Ending::Terminate => Method::Terminate,
        }
    }
}
