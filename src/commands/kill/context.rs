//! What the verdicts on a group of holders depend on.

use std::collections::BTreeSet;
use std::time::Duration;

use super::description::addresses;
use super::plan::Group;
use crate::cli::KillRequest;
use crate::model::{Families, Pid, Snapshot};
use crate::platform::Ending;
use crate::query::Filter;
use crate::text::advice::listed;
use crate::text::ports;

/// At most this many ports are typed one by one; with more, what was asked for is typed again.
const TYPED: usize = 32;

/// What the verdicts on a group depend on.
pub(super) struct Context<'a> {
    /// The group.
    pub(super) group: &'a Group<'a>,
    /// What was asked for.
    pub(super) filter: &'a Filter,
    /// The parents of those that were ended, without portwho's ancestors, PID 1, interactive shells and
    /// wrappers, which start nothing again.
    pub(super) supervisors: BTreeSet<Pid>,
    /// Whether more privileges cannot be had by `sudo`.
    pub(super) privileged: bool,
    /// What was seen before.
    pub(super) before: &'a Snapshot,
    /// How it was ended.
    pub(super) ending: Ending,
    /// How long was waited.
    pub(super) timeout: Duration,
    /// What was typed.
    pub(super) request: &'a KillRequest,
}

impl Context<'_> {
    /// What was to be freed: `port 80`, or its results where only some of them were asked for.
    pub(super) fn freed(&self) -> String {
        if self.is_by_port() {
            ports::named(&self.group.ports)
        } else {
            listed(&addresses(self.group, self.before))
        }
    }

    /// The same, as it can be typed.
    pub(super) fn typed(&self) -> Vec<String> {
        let typed: Vec<String> = if self.is_by_port() {
            self.group.ports.iter().map(ToString::to_string).collect()
        } else {
            addresses(self.group, self.before)
        };
        match self.filter.local.as_ref().filter(|_| typed.len() > TYPED) {
            Some(local) => ports::typed(local),
            None => typed,
        }
    }

    fn is_by_port(&self) -> bool {
        let ports = &self.group.ports;
        let local = self.filter.local.as_ref();
        let at_any_address =
            local.is_none_or(|local| ports.iter().all(|port| local.ports.contains(*port)));
        at_any_address && self.filter.families == Families::BOTH
    }

    /// Whether `parent` also started one of the processes that were ended.
    pub(super) fn is_supervisor(&self, parent: Pid) -> bool {
        self.supervisors.contains(&parent)
    }
}
