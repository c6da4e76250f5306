//! What a search has missed, and the gaps of it.

use std::collections::{BTreeMap, BTreeSet};

use rustix::io::Errno;

use super::super::user_name;
use crate::model::{Gap, Pid, Uid, Untrusted};
use crate::platform::reason;

/// Descriptors beyond each user's budget.
pub(in crate::platform::linux) type Spent = BTreeMap<Uid, usize>;

/// What a search has missed.
#[derive(Debug, Default)]
pub(in crate::platform::linux) struct Missed {
    /// Sockets that could not be examined, and the first reason.
    pub(in crate::platform::linux) refused: Option<(usize, Errno)>,
    /// Descriptors beyond a user's budget.
    pub(in crate::platform::linux) spent: Spent,
    /// Whether some process could not be read.
    pub(in crate::platform::linux) is_unreadable: bool,
    /// Whether there may be processes that this PID namespace does not show.
    pub(in crate::platform::linux) is_inside: bool,
    /// Sockets that were no longer where they had been a moment before, by their inodes, with the
    /// processes that had them.
    pub(super) changed: BTreeMap<u64, BTreeSet<Pid>>,
}

impl Missed {
    /// Whether every descriptor was examined.
    pub(in crate::platform::linux) fn is_nothing(&self) -> bool {
        self.refused.is_none()
            && self.spent.is_empty()
            && self.changed.is_empty()
            && !self.is_unreadable
            && !self.is_inside
    }

    /// The gap of those beyond a user's budget.
    pub(in crate::platform::linux) fn beyond_budget(&self) -> Option<Gap> {
        let users = self.spent.keys().map(|&uid| name_or_number(uid)).collect();
        let count = self.spent.values().sum();
        (count > 0).then_some(Gap::DescriptorsUnexamined { count, users })
    }

    /// The gap of those that could not be examined.
    pub(in crate::platform::linux) fn refusal(&self) -> Option<Gap> {
        let (count, error) = self.refused?;
        Some(Gap::SocketsUnexamined { count, why: reason(&error.into()) })
    }

    pub(super) fn spend(&mut self, user: Uid, count: usize) {
        *self.spent.entry(user).or_default() += count;
    }

    pub(super) fn refuse(&mut self, error: Errno) {
        self.refused = Some(self.refused.map_or((1, error), |(count, first)| (count + 1, first)));
    }
}

/// The name of a user, or else the number.
pub(in crate::platform::linux) fn name_or_number(uid: Uid) -> Untrusted {
    user_name(uid).unwrap_or_else(|| uid.to_string().into())
}
