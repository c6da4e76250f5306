//! The other processes that hold the sockets of a finding.

use rustc_hash::FxHashSet;

use super::Culprit;
use crate::model::{OwnedSocket, Pid};

/// How many are named: a socket may have any number of holders.
const NAMED: usize = 10;

/// The other processes that hold the sockets of a finding: how many, and which are the first.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sharers {
    named: Vec<Pid>,
    count: usize,
}

impl Sharers {
    /// Those that hold any of `rows`, besides the culprit.
    pub(super) fn of<'a>(
        rows: impl IntoIterator<Item = &'a OwnedSocket>,
        culprit: Culprit,
    ) -> Self {
        let mut seen: FxHashSet<Pid> = FxHashSet::default();
        let pids = rows.into_iter().flat_map(|row| row.owner.pids());
        seen.extend(pids.filter(|pid| Some(*pid) != culprit.pid()));
        let count = seen.len();
        let mut named: Vec<Pid> = seen.into_iter().collect();
        named.sort_unstable();
        named.truncate(NAMED);
        Self { named, count }
    }

    /// The first of them.
    #[must_use]
    pub fn named(&self) -> &[Pid] {
        &self.named
    }

    /// How many there are.
    #[must_use]
    pub const fn count(&self) -> usize {
        self.count
    }

    /// `nginx (PID 813), nginx (PID 814) and 12 more`, each named by `name`; nothing where none is.
    pub(super) fn words(&self, name: impl Fn(Pid) -> String) -> Option<String> {
        let named: Vec<String> = self.named.iter().map(|pid| name(*pid)).collect();
        let more = match self.count.saturating_sub(named.len()) {
            0 => String::new(),
            more => format!(" and {more} more"),
        };
        (!named.is_empty()).then(|| format!("{}{more}", named.join(", ")))
    }
}
