//! What is looked at.

use crate::model::{Depth, Scope, StateSet};
use crate::query::Filter;

/// What is looked at.
#[derive(Debug)]
pub(super) struct Subject {
    /// The rows that were asked for.
    pub(super) filter: Filter,
    /// How much is shown of them.
    pub(super) depth: Depth,
    /// Whether every network namespace is looked at.
    pub(super) everywhere: bool,
}

impl Subject {
    /// Whether rows are chosen by what is known of processes.
    pub(super) fn is_by_process(&self) -> bool {
        !self.filter.names.is_empty() || !self.filter.users.is_empty()
    }

    /// What the system is asked for: in every state of a connection, for one that leaves the state that was
    /// asked for has not closed. Where only those are asked for that hold a port, the others would be read
    /// in vain.
    pub(super) fn scope(&self) -> Scope {
        let scope = self.filter.scope(self.depth.detail);
        let connections = StateSet::ALL.without(StateSet::HOLDING);
        if self.filter.listening || scope.tcp.intersection(connections).is_empty() {
            return scope;
        }
        Scope { tcp: scope.tcp.union(connections), ..scope }
    }
}
